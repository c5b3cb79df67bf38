import Foundation
import NIOCore
import NIOPosix

/// The processors that this process may run on.
enum Processors {
    /// Sees to it that there is one event loop for each of them. To be called before anything else makes event loops.
    ///
    /// NIO counts the processors of the machine or of the cgroup, and does not see a process that was bound to some of them
    /// (`taskset`, `CPUAffinity=` of systemd). Two event loops on one processor take turns by the time slices of the kernel, and
    /// requests wait milliseconds for nothing. `NIO_SINGLETON_GROUP_LOOP_COUNT` in the environment goes before.
    static func matchEventLoops() {
        guard ProcessInfo.processInfo.environment["NIO_SINGLETON_GROUP_LOOP_COUNT"] == nil,
            let status = ProcessFile.text("self/status"), let allowed = allowed(in: status)
        else { return }
        NIOSingletons.groupLoopCountSuggestion = min(allowed, System.coreCount)
    }

    /// How many there are, by the text of `/proc/self/status`, where they stand as a mask: `Cpus_allowed:	ff,ffffffff`.
    static func allowed(in status: String) -> Int? {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") }) else { return nil }
        let count = line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count > 0 ? count : nil
    }
}
