import Foundation

/// Something that is measured: by its rate against another workload, by its instructions, by its latency.
///
/// What it needs is made when it is prepared, so that a program pays only for the workloads that it runs.
public struct Workload: Sendable {
    /// Does the thing `count` times, in a loop of its own: nothing of the measuring stands between two calls.
    public typealias Body = @Sendable (_ count: Int) async throws -> Void
    /// Seconds of processor time used so far.
    public typealias Clock = @Sendable () async throws -> Double

    public let name: String
    /// Whether it takes a few microseconds at most.
    public let isShort: Bool
    private let make: @Sendable () async throws -> (Body, Clock)

    init(_ name: String, isShort: Bool = false, _ make: @escaping @Sendable () async throws -> Body) {
        self.init(name, isShort: isShort, clock: { processorTime(CLOCK_PROCESS_CPUTIME_ID) }, make)
    }

    /// - Parameter clock: For a workload that shares its process with its own load.
    init(_ name: String, isShort: Bool = false, clock: @escaping Clock, _ make: @escaping @Sendable () async throws -> Body) {
        self.name = name
        self.isShort = isShort
        self.make = { (try await make(), clock) }
    }

    public func prepared() async throws -> Prepared {
        let (body, clock) = try await make()
        return Prepared(run: body, clock: clock)
    }

    /// A workload with all it needs.
    public struct Prepared: Sendable {
        public let run: Body
        let clock: Clock

        /// Seconds of processor time for `count` times.
        public func time(_ count: Int) async throws -> Double {
            let before = try await clock()
            try await run(count)
            return try await clock() - before
        }

        /// How often to do it for a measurement of about `seconds`.
        public func count(for seconds: Double) async throws -> Int {
            var count = 1
            while true {
                let time = try await time(count)
                if time >= seconds / 4 { return max(1, Int(Double(count) * seconds / time)) }
                count *= 4
            }
        }
    }

    /// All of them, by their names.
    public static let all = tokens + certificates + policies + raw + otherLibraries + middleware

    public static func named(_ name: String) throws -> Workload {
        guard let workload = all.first(where: { $0.name == name }) else {
            throw Unexpected("there is no workload \"\(name)\"; there are: \(all.map(\.name).joined(separator: "; "))")
        }
        return workload
    }
}

/// What was measured did not do what it should: there is no figure then.
public struct Unexpected: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

func processorTime(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
