import CountersignFiles
import Foundation
import NIOCore
import NIOPosix

/// The place of the agent's socket in the file system.
struct SocketPath: Sendable {
    /// Tells a socket from one that was put in its place.
    struct Identity: Equatable, Sendable {
        fileprivate let number: UInt64
        fileprivate let made: Date
    }

    let path: String

    init(_ path: String) {
        self.path = path
    }

    /// Looks at everything that needs no connection.
    ///
    /// - Throws: `CommandFailure` when the path is too long, the directory is not there, others could put a socket of theirs in
    ///   the place of ours, or something is there that is no socket.
    func check() throws {
        do {
            _ = try SocketAddress(unixDomainSocketPath: path)
        } catch {
            throw CommandFailure.configuration(
                "the path of the socket has \(path.utf8.count) bytes: \(path)",
                hint: "name a shorter socket.path: 103 are allowed")
        }
        try checkDirectory()
        _ = try isSocketThere()
    }

    private func checkDirectory() throws {
        let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let mode: UInt32
        do throws(SystemError) {
            mode = UInt32(try SystemFile.openDirectory(directory).mode())
        } catch {
            throw CommandFailure.configuration(
                "the directory of the socket \(path) cannot be used: \(error.reason)",
                hint: "make it, or name another socket.path")
        }
        // In a directory with the sticky bit, only the owner of a file may replace it.
        guard mode & 0o022 == 0 || mode & UInt32(S_ISVTX) != 0 else {
            throw CommandFailure.configuration(
                "others may write to the directory of the socket \(path), and so replace it", hint: "chmod go-w \(directory)")
        }
    }

    private func isSocketThere() throws -> Bool {
        guard let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType else {
            return false
        }
        guard type == .typeSocket else {
            throw CommandFailure.configuration(
                "\(path) is there and is no socket", hint: "move it away, or name another socket.path")
        }
        return true
    }

    /// Makes sure that nobody listens there; what a process that died has left behind may be replaced.
    ///
    /// - Throws: `CommandFailure`.
    func claim() async throws {
        guard try isSocketThere() else { return }
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.seconds(5))
                .connect(unixDomainSocketPath: path).get()
            try? await channel.close().get()
        } catch let error as IOError where error.errnoCode == ECONNREFUSED || error.errnoCode == ENOENT {
            return
        } catch {
            throw CommandFailure.software(
                "cannot find out whether somebody listens on \(path): \(error)", hint: "name another socket.path")
        }
        throw CommandFailure.software(
            "cannot listen on \(path): another process does", hint: "stop it, or name another socket.path")
    }

    /// What is there now; `nil` when there is nothing.
    var identity: Identity? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let number = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value,
            let made = attributes[.modificationDate] as? Date
        else { return nil }
        return Identity(number: number, made: made)
    }

    /// Removes the socket, unless it is another one by now.
    func remove(_ mine: Identity) {
        if identity == mine { SystemFile.remove(path) }
    }

    /// Lets every user connect.
    func openToAll() -> Bool {
        // System call: Foundation would follow a link that others have put in the socket's place.
        unsafe fchmodat(AT_FDCWD, path, 0o666, AT_SYMLINK_NOFOLLOW) == 0
    }
}
