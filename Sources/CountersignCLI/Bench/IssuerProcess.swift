import Foundation

/// The process of an issuer on this machine, as Linux shows it in `/proc`.
struct IssuerProcess: Equatable, Sendable {
    let identifier: Int32

    /// What it has used since it began, and holds now.
    struct Use: Equatable, Sendable {
        var processorSeconds: Double
        var residentBytes: Int64
    }

    /// The one process that listens on this TCP port; `nil` when there is none, or several, or we may not see it.
    static func listening(on port: Int) -> IssuerProcess? {
        var sockets: Set<String> = []
        for table in ["net/tcp", "net/tcp6"] {
            sockets.formUnion(listeners(on: port, in: ProcessFile.text(table) ?? ""))
        }
        guard !sockets.isEmpty else { return nil }
        let links = Set(sockets.map { "socket:[\($0)]" })
        let files = FileManager.default
        let found = ((try? files.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }.filter { process in
            let folder = "/proc/\(process)/fd"
            let descriptors = (try? files.contentsOfDirectory(atPath: folder)) ?? []
            return descriptors.contains { descriptor in
                (try? files.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)")).map(links.contains) ?? false
            }
        }
        return found.count == 1 ? found.first.map(IssuerProcess.init) : nil
    }

    /// The inodes of the sockets that listen on a port, by the text of `/proc/net/tcp`.
    static func listeners(on port: Int, in table: String) -> [String] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            // Local address, state (0A: listening), inode.
            guard fields.count > 9, fields[3] == "0A", let hex = fields[1].split(separator: ":").last,
                Int(hex, radix: 16) == port
            else { return nil }
            return String(fields[9])
        }
    }

    /// `nil` when there is no such process any more.
    func use() -> Use? {
        guard let statistics = ProcessFile.text("\(identifier)/stat"),
            let status = ProcessFile.text("\(identifier)/status")
        else { return nil }
        return Use(statistics: statistics, status: status, ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)))
    }
}

extension IssuerProcess.Use {
    /// Reads the texts of `/proc/PID/stat` and `/proc/PID/status`.
    init?(statistics: String, status: String, ticksPerSecond: Int) {
        // The name of the program stands in parentheses and may hold anything.
        let fields = statistics.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]), ticksPerSecond > 0,
            let resident = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kibibytes = Int64(resident.filter(\.isNumber))
        else { return nil }
        processorSeconds = Double(user + system) / Double(ticksPerSecond)
        residentBytes = kibibytes * 1024
    }
}
