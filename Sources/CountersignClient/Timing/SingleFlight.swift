internal import Synchronization

/// Lets one task at a time do the work for a key, while all others that want the same wait for its outcome.
///
/// The work runs in the task that came first, not in a task of its own, so it ends with that task; when it is cancelled, the
/// work is handed over to one of those that wait. A waiter that is cancelled leaves and disturbs nobody.
final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// `nil` when the task that ran it was cancelled before there was a value.
    typealias Work = @Sendable () async -> Value?

    private enum Turn: Sendable {
        case lead
        case landed(Value)
        case cancelled
        /// Nobody does the work, and this task may not begin it.
        case idle
    }

    private struct State {
        /// Those that wait, by the order in which they came; a key is present while its work is going on.
        var flights: [Key: [UInt64: CheckedContinuation<Turn, Never>]] = [:]
        var nextTicket: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Does the work, or waits for whoever is doing it. `nil` when the calling task was cancelled.
    ///
    /// The work has to look first whether it is still needed: another task may have finished it a moment ago.
    ///
    /// - Parameter mayBegin: asked when nobody does the work, in one step with beginning it. When it says no, the outcome is
    ///   `nil` too.
    func value(
        for key: Key,
        mayBegin: @Sendable () -> Bool = { true },
        _ work: @escaping Work
    ) async -> Value? {
        switch await turn(for: key, mayBegin: mayBegin) {
        case .lead: await lead(key, work)
        case .landed(let value): value
        case .cancelled, .idle: nil
        }
    }

    /// Does the work unless somebody is doing it already, which is `nil` too.
    func valueIfFree(for key: Key, _ work: @escaping Work) async -> Value? {
        let isFree = state.withLock { state in
            guard state.flights[key] == nil else { return false }
            state.flights[key] = [:]
            return true
        }
        return isFree ? await lead(key, work) : nil
    }

    /// How many wait for the work of a key; `nil` when nobody does it.
    func waiting(for key: Key) -> Int? {
        state.withLock { $0.flights[key]?.count }
    }

    private func lead(_ key: Key, _ work: Work) async -> Value? {
        guard let value = await work() else {
            handOver(key)
            return nil
        }
        let waiting = state.withLock { $0.flights.removeValue(forKey: key) }
        for continuation in (waiting ?? [:]).values { continuation.resume(returning: .landed(value)) }
        return value
    }

    private func handOver(_ key: Key) {
        let next = state.withLock { state in
            guard let first = state.flights[key]?.keys.min() else {
                state.flights[key] = nil
                return CheckedContinuation<Turn, Never>?.none
            }
            return state.flights[key]?.removeValue(forKey: first)
        }
        next?.resume(returning: .lead)
    }

    private func turn(for key: Key, mayBegin: @Sendable () -> Bool) async -> Turn {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let turn: Turn? = state.withLock { state in
                    // Cancelled before this moment: the handler has found nothing to resume and will not be called again.
                    if Task.isCancelled { return .cancelled }
                    guard state.flights[key] != nil else {
                        guard mayBegin() else { return .idle }
                        state.flights[key] = [:]
                        return .lead
                    }
                    state.flights[key]?[ticket] = continuation
                    return nil
                }
                if let turn { continuation.resume(returning: turn) }
            }
        } onCancel: {
            let continuation = state.withLock { $0.flights[key]?.removeValue(forKey: ticket) }
            continuation?.resume(returning: .cancelled)
        }
    }
}
