internal import Dispatch
internal import Foundation
internal import Synchronization

/// Takes finished log lines and writes them to standard error on a thread of its own.
///
/// Serving must not wait for whoever reads the log: while the reader hangs, lines are kept up to a bound and then dropped, and
/// the number dropped is written when the reader comes back. For records that must not be lost this is the wrong place.
public final class LogSink: Sendable {
    /// What waits at most: 1 MiB.
    static let maximumPendingBytes = 1 << 20

    private struct State {
        var pending = ""
        var isWriting = false
        var dropped = 0
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "countersign.log")
    private let writeOut: @Sendable (String) -> Void

    /// Writes to standard error.
    public convenience init() {
        self.init { text in
            // A reader that has gone away is no reason to stop.
            try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
        }
    }

    /// - Parameter writeOut: Writes whole lines; may block.
    init(_ writeOut: @escaping @Sendable (String) -> Void) {
        self.writeOut = writeOut
    }

    /// Queues one line. Never blocks.
    func write(_ line: String) {
        let mustStart = state.withLock { state in
            guard state.pending.utf8.count + line.utf8.count < Self.maximumPendingBytes else {
                state.dropped += 1
                return false
            }
            state.pending += line
            state.pending += "\n"
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if mustStart {
            // Lines that come close together are written together: a wake-up for each would cost more than the line.
            queue.asyncAfter(deadline: .now() + .milliseconds(20)) { self.drain() }
        }
    }

    /// Waits until everything queued is written, but no longer than the given time. For the end of the process.
    public func flush(within seconds: Double = 1) {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.drain()
            done.signal()
        }
        _ = done.wait(timeout: .now() + seconds)
    }

    private func drain() {
        while let text = next() {
            writeOut(text)
        }
    }

    private func next() -> String? {
        state.withLock { state in
            guard !state.pending.isEmpty || state.dropped > 0 else {
                state.isWriting = false
                return nil
            }
            var text = state.pending
            if state.dropped > 0 {
                text += "\(state.dropped) log lines were dropped: they came faster than they were taken\n"
            }
            state.pending = ""
            state.dropped = 0
            return text
        }
    }
}
