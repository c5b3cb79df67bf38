import Foundation

/// A program of somebody else's, started with a clean slate: its own process group, no signal blocked or ignored because we do
/// so, none of our open files but standard error.
struct ChildProcess: Sendable {
    let identifier: pid_t

    /// Starts a program, looked for on the PATH unless its name has a slash. It reads nothing, and its output is standard error.
    ///
    /// - Parameter arguments: the program first.
    /// - Throws: `POSIXError`, such as `ENOENT`.
    static func start(_ arguments: [String], environment: [String: String]) throws -> ChildProcess {
        // System calls, here and below: what Foundation starts inherits the signals that this process blocks and ignores.
        #if canImport(Darwin)
            var (attributes, actions): (posix_spawnattr_t?, posix_spawn_file_actions_t?) = (nil, nil)
        #else
            var (attributes, actions) = unsafe (posix_spawnattr_t(), posix_spawn_file_actions_t())
        #endif
        unsafe posix_spawnattr_init(&attributes)
        unsafe posix_spawn_file_actions_init(&actions)
        defer {
            unsafe posix_spawnattr_destroy(&attributes)
            unsafe posix_spawn_file_actions_destroy(&actions)
        }
        var (all, none) = (sigset_t(), sigset_t())
        unsafe sigfillset(&all)
        for untouchable in [SIGKILL, SIGSTOP] { unsafe sigdelset(&all, untouchable) }
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        let flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETPGROUP)
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, 2, 1)
        // Closing what is not open is no error: some more, for what is opened in this moment.
        for descriptor in 3..<(highestDescriptor + 32) { unsafe posix_spawn_file_actions_addclose(&actions, descriptor) }
        var identifier = pid_t()
        let name = arguments.first ?? ""
        let code = unsafe withCStrings(arguments) { arguments in
            unsafe withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
                unsafe posix_spawnp(&identifier, name, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
        return ChildProcess(identifier: identifier)
    }

    /// How it ended, as a shell says it, or -1 when nobody knows; `nil` while it runs. To be asked until it has ended, and not again.
    func exitCode() -> Int32? {
        var status: Int32 = 0
        // System call: see above.
        let ended = unsafe waitpid(identifier, &status, WNOHANG)
        guard ended != 0, ended > 0 || errno != EINTR else { return nil }
        guard ended > 0 else { return -1 }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// Ends it and what it has started.
    func kill() {
        Foundation.kill(-identifier, SIGKILL)
    }

    private static var highestDescriptor: Int32 {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? []
        return names.compactMap { Int32($0) }.max() ?? 1024
    }

    /// Lists of strings as C wants them: an end behind each, and behind the last.
    private static func withCStrings(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32
    ) -> Int32 {
        var pointers: [UnsafeMutablePointer<CChar>?] = unsafe strings.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return unsafe pointers.withUnsafeMutableBufferPointer { unsafe $0.baseAddress.map { unsafe body($0) } ?? EINVAL }
    }
}
