import CountersignFiles
import CountersignTLS
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
        let (mode, owner): (UInt32, UInt32)
        do throws(SystemError) {
            let status = try SystemFile.openDirectory(directory).status()
            (mode, owner) = (UInt32(status.st_mode), status.st_uid)
        } catch {
            throw CommandFailure.configuration(
                "the directory of the socket \(path) cannot be used: \(error.reason)",
                hint: "make it, or name another socket.path")
        }
        guard owner == geteuid() || owner == 0 else {
            throw CommandFailure.configuration(
                "the directory of the socket \(path) belongs to user \(owner), who could replace it",
                hint: "give it to root or to the agent's user, or name another socket.path")
        }
        // In a directory with the sticky bit, only the owner of a file may replace it, and the directory's.
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

    /// Does something as the only process that makes, uses and removes the socket. What a process that died has left behind may be
    /// replaced.
    ///
    /// A lock on a file beside it says so, because two that are started together both find that nobody listens. The file stays:
    /// were it removed, one process could lock it while another made it anew.
    ///
    /// - Throws: `CommandFailure` when another process has it; what the work throws.
    func alone(_ work: () async throws -> Void) async throws {
        let lock = try lock()
        do {
            try await makeSureThatNobodyListens()
            try await work()
        } catch {
            // Held until here; closing it gives it up.
            _ = consume lock
            throw error
        }
        _ = consume lock
    }

    private func lock() throws -> SystemFile {
        do throws(SystemError) {
            let file = try SystemFile.openForLock("\(path).lock")
            if try file.tryLock() { return file }
        } catch {
            throw CommandFailure.software(error.message, hint: "name another socket.path")
        }
        throw inUse
    }

    private var inUse: CommandFailure {
        .software("cannot listen on \(path): another process does", hint: "stop it, or name another socket.path")
    }

    private func makeSureThatNobodyListens() async throws {
        guard try isSocketThere() else { return }
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.seconds(5))
                .connect(unixDomainSocketPath: path).get()
            try? await channel.close().get()
        } catch let error as IOError where error.errnoCode == ECONNREFUSED || error.errnoCode == ENOENT {
            return
        } catch {
            throw CommandFailure.software(
                "cannot find out whether somebody listens on \(path): \(ErrorWords.reason(error))",
                hint: "name another socket.path")
        }
        throw inUse
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
