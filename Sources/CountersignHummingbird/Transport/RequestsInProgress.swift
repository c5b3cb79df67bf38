internal import NIOCore
internal import Synchronization

/// The requests that wait for this server on one event loop, and the bound on them.
///
/// Requests run on their connection's event loop, one after the other. What it has read and not answered is its queue, and
/// this is the queue's bound: beyond it a request is answered at once that it comes too late.
///
/// A request takes a *place* when its end has been read, and gives it back when the end of its response is written, when its
/// connection or stream closes, or when its peer stops taking what it is sent. The rules:
///
/// 1. There are never more than `bound` places taken. ``take(_:)`` is the only way to one and refuses beyond it.
/// 2. A request is refused when its header is read and ``admits(_:)`` says no: nothing of it reaches the application, and the
///    connection goes on. Between the header and the end of a request that is read at once nothing else can take a place.
/// 3. A request whose header came alone is lent a place, so that a peer that is a little behind finds it free, and keeps it no
///    longer than ``loan``: who drips a body, or never ends it, occupies nothing after that. If it comes to its end later and
///    there is no place, it is refused then; as the application has seen its header, that costs the connection or stream.
/// 4. No caller takes more than half of the places, and above half of the bound none more than its share, which is the bound
///    divided by one more than the callers that have places. So a service that floods the server, over however many
///    connections, leaves half of the places to the others. Several that flood it can fill it; as places come back, those
///    below their share get them.
///
/// Touched on its event loop only, without locks. Costs a few comparisons and additions for each request.
final class RequestsInProgress {
    /// One service, however many connections it has.
    final class Caller {
        fileprivate let key: String
        fileprivate var connections = 0
        fileprivate var places = 0
        fileprivate var refused = 0

        fileprivate init(_ key: String) {
            self.key = key
        }
    }

    /// How long a place is kept for a request whose end has not come: a round trip around the world and some.
    static let loan = TimeAmount.milliseconds(500)
    private static let noticeInterval = TimeAmount.seconds(1)

    private let bound: Int
    private let eventLoop: any EventLoop
    private let onOverload: @Sendable (OverloadNotice) -> Void
    private var places = 0
    private var callersWithPlaces = 0
    /// Of the connections that are open, and those that are to be told of.
    private var callers: [String: Caller] = [:]
    private var refused = 0
    private var isNoticeDue = false

    init(bound: Int, eventLoop: any EventLoop, onOverload: @escaping @Sendable (OverloadNotice) -> Void) {
        self.bound = bound
        self.eventLoop = eventLoop
        self.onOverload = onOverload
    }

    // MARK: Connections

    /// A connection of the caller named `key` is open. Pair with ``left(_:)``.
    func joined(_ key: String) -> Caller {
        let caller = callers[key] ?? Caller(key)
        callers[key] = caller
        caller.connections += 1
        return caller
    }

    func left(_ caller: Caller) {
        caller.connections -= 1
        if caller.connections == 0, caller.refused == 0 { callers[caller.key] = nil }
    }

    // MARK: Requests

    /// Whether one more request of the caller finds a place now.
    func admits(_ caller: Caller) -> Bool {
        guard places < bound else { return false }
        guard places >= bound / 2 else { return true }
        let callers = callersWithPlaces + (caller.places == 0 ? 1 : 0)
        return caller.places < max(1, bound / (callers + 1))
    }

    /// - Returns: Whether there was a place. Pair with ``giveBack(_:)``.
    func take(_ caller: Caller) -> Bool {
        guard admits(caller) else { return false }
        if caller.places == 0 { callersWithPlaces += 1 }
        caller.places += 1
        places += 1
        return true
    }

    func giveBack(_ caller: Caller) {
        places -= 1
        caller.places -= 1
        if caller.places == 0 { callersWithPlaces -= 1 }
    }

    /// Counts a request that was answered 503.
    func refused(_ caller: Caller) {
        refused += 1
        caller.refused += 1
        guard !isNoticeDue else { return }
        isNoticeDue = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.noticeInterval) { self.tell() }
    }

    private func tell() {
        let most = callers.values.max { $0.refused < $1.refused }
        let notice = OverloadNotice(refused: refused, mostRefused: most?.key ?? "")
        for caller in callers.values where caller.refused > 0 {
            caller.refused = 0
            if caller.connections == 0 { callers[caller.key] = nil }
        }
        refused = 0
        isNoticeDue = false
        onOverload(notice)
    }
}

/// The ``RequestsInProgress`` of each event loop of one server. Asked once for each connection.
final class RequestsInProgressByLoop: Sendable {
    private let bound: Int
    private let onOverload: @Sendable (OverloadNotice) -> Void
    private let byLoop = Mutex<[ObjectIdentifier: NIOLoopBound<RequestsInProgress>]>([:])

    init(_ configuration: MutualTLSServerConfiguration) {
        bound = configuration.maxRequestsInProgress
        onOverload = configuration.onOverload
    }

    /// To be called on the event loop.
    func on(_ eventLoop: any EventLoop) -> RequestsInProgress {
        let known = byLoop.withLock { byLoop in
            let id = ObjectIdentifier(eventLoop)
            let known =
                byLoop[id]
                ?? NIOLoopBound(
                    RequestsInProgress(bound: bound, eventLoop: eventLoop, onOverload: onOverload), eventLoop: eventLoop)
            byLoop[id] = known
            return known
        }
        return known.value
    }
}
