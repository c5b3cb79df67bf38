internal import NIOCore

/// The places that the requests of one HTTP/1 connection, or the request of one HTTP/2 stream, have among the
/// ``RequestsInProgress`` of their event loop.
struct RequestPlaces {
    private let requests: RequestsInProgress
    private let caller: RequestsInProgress.Caller

    /// Of requests that were read to their end.
    private var taken = 0
    /// Of the request that is being read.
    private var isLent = false
    private var wasLent = false
    private var loan: Scheduled<Void>?
    /// The response that is being written began before its request had been read, and found no place when it was.
    private var isWithoutPlace = false

    init(_ requests: RequestsInProgress, _ caller: RequestsInProgress.Caller) {
        self.requests = requests
        self.caller = caller
    }

    /// A request's header has been read.
    ///
    /// - Returns: Whether the request may go on; it is counted as refused if not.
    mutating func begin() -> Bool {
        endLoan()
        wasLent = false
        guard requests.admits(caller) else {
            requests.refused(caller)
            return false
        }
        return true
    }

    /// For the time being there is no more to read, and the request is not complete. `end` ends the loan when its time is over.
    mutating func lend(on eventLoop: any EventLoop, _ end: @escaping () -> Void) {
        guard !wasLent else { return }
        wasLent = true
        guard requests.take(caller) else { return }
        isLent = true
        loan = eventLoop.assumeIsolated().scheduleTask(in: RequestsInProgress.loan, end)
    }

    mutating func endLoan() {
        loan?.cancel()
        loan = nil
        guard isLent else { return }
        isLent = false
        requests.giveBack(caller)
    }

    /// The request has been read to its end, and its response is not complete.
    ///
    /// - Parameter isResponding: Whether its response has begun: then it can go on without a place.
    /// - Returns: Whether the request may go on; it is counted as refused if not.
    mutating func complete(isResponding: Bool) -> Bool {
        if isLent {
            isLent = false
            loan?.cancel()
            loan = nil
            taken += 1
            return true
        }
        if requests.take(caller) {
            taken += 1
            return true
        }
        isWithoutPlace = isResponding
        if !isResponding { requests.refused(caller) }
        return isResponding
    }

    /// A response is complete, and its request was before.
    mutating func answered() {
        if isWithoutPlace {
            isWithoutPlace = false
        } else if taken > 0 {
            taken -= 1
            requests.giveBack(caller)
        }
    }

    /// The peer has left, or does not take what it is sent: its requests wait for it, and not for the server. Their responses
    /// give nothing back.
    mutating func giveBackAll() {
        endLoan()
        for _ in 0..<taken { requests.giveBack(caller) }
        taken = 0
    }
}
