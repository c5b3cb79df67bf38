import Foundation

/// The time that a processor has worked.
enum ProcessorTime {
    /// For the calling thread, since it began.
    static func ofThread() -> Duration {
        var time = timespec()
        // System call: nothing else tells a thread's own time.
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
