import Benchmark
import Workloads

// Rates and percentiles of one call, workload by workload. What must hold is in ratios.txt and instructions.txt.
let benchmarks: @Sendable () -> Void = {
    for workload in Workload.all where !workload.name.hasPrefix("hello") && !workload.name.contains("tasks") {
        Benchmark(
            workload.name,
            configuration: .init(metrics: [.throughput, .wallClock], warmupIterations: 100, maxDuration: .seconds(2))
        ) { benchmark in
            let prepared = try await workload.prepared()
            benchmark.startMeasurement()
            try await prepared.run(1)
        }
    }
}
