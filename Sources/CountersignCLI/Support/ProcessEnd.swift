import Dispatch
import Foundation
import Synchronization

/// What must not stay behind, however the process ends.
enum ProcessEnd {
    private static let leftovers = Mutex<[String]>([])

    /// A folder that is to be gone, with all that is in it, when the process ends here or ``removeLeftovers()`` is called.
    static func leavesBehind(_ folder: String) {
        leftovers.withLock { $0.append(folder) }
    }

    /// Does not return while the process is being ended elsewhere: a thread that finds its files gone has nothing to say of that.
    static func removeLeftovers() {
        leftovers.withLock { folders in
            remove(folders)
            folders = []
        }
    }

    /// Ends the process in the middle of things. Does not wait for other threads, which may be using what the end of the program
    /// would take away.
    static func exit(_ status: Int32) -> Never {
        leftovers.withLock { folders in
            remove(folders)
            _exit(status)
        }
    }

    /// Ends the process as soon as one of the signals comes, with 128 and its number: what a shell says of a process that it ended.
    ///
    /// - Returns: what has to live as long as the signals are to be caught.
    static func on(_ signals: [Int32]) -> [any DispatchSourceSignal] {
        signals.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { exit(128 + number) }
            source.resume()
            #if canImport(Darwin)
                // Otherwise it ends the process by itself. On Linux Dispatch sees to that, and sees no signal that is ignored.
                _ = signal(number, SIG_IGN)
            #endif
            return source
        }
    }

    private static func remove(_ folders: [String]) {
        let files = FileManager.default
        for folder in folders {
            // Again where another thread has put a file into it meanwhile; there is an end to that.
            for _ in 0..<100 where files.fileExists(atPath: folder) { try? files.removeItem(atPath: folder) }
        }
    }
}
