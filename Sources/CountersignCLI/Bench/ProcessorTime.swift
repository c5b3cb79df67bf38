internal import Foundation

/// The time that processors have worked.
enum ProcessorTime {
    /// For all threads of this process, since it began.
    static func ofProcess() -> Duration {
        .seconds(Double(clock()) / Double(CLOCKS_PER_SEC))
    }
}
