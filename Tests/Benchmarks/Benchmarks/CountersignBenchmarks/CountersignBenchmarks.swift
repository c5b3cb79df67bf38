import Benchmark
import Workloads

// Rates and percentiles of one call after another, workload by workload. What must hold is in ratios.txt and instructions.txt.
let benchmarks: @Sendable () -> Void = {
    // Two of them are not done by this one task alone.
    for workload in Workload.all where !workload.name.hasPrefix("hello") && !workload.name.hasSuffix("tasks") {
        let prepared = OnceReady(workload)
        Benchmark(
            workload.name,
            configuration: .init(
                metrics: [.throughput, .wallClock], warmupIterations: 100,
                // A clock is read for each iteration: what takes about as long as that is done a thousand times in one.
                scalingFactor: workload.isShort ? .kilo : .one, maxDuration: .seconds(2)
            )
        ) { benchmark in
            let workload = try await prepared.get()
            benchmark.startMeasurement()
            try await workload.run(benchmark.scaledIterations.count)
        }
    }
}

/// Prepares a workload when it is run for the first time, and not to list its name.
private actor OnceReady {
    private let workload: Workload
    private var prepared: Workload.Prepared?

    init(_ workload: Workload) { self.workload = workload }

    func get() async throws -> Workload.Prepared {
        if let prepared { return prepared }
        let new = try await workload.prepared()
        prepared = new
        return new
    }
}
