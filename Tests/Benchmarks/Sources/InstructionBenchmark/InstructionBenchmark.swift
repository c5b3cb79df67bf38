import CBenchmark
import Dispatch
import Foundation
import Workloads

/// Does each workload of its arguments a number of times between two marks, at which callgrind writes down what it has counted.
///
///     InstructionBenchmark NAME COUNT [NAME COUNT ...]
///
/// Not an asynchronous main: valgrind 3.19 does not survive the way in which that ends the main thread.
@main struct InstructionBenchmark {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            do {
                var prepared: [(Workload.Prepared, Int)] = []
                for index in stride(from: 0, to: arguments.count - 1, by: 2) {
                    guard let count = Int(arguments[index + 1]) else {
                        throw Unexpected("\(arguments[index + 1]) is not a number")
                    }
                    let workload = try await Workload.named(arguments[index]).prepared()
                    // What is made at first use has been made, and what fills up is full.
                    try await workload.run(max(count / 4, 70))
                    prepared.append((workload, count))
                }
                for (workload, count) in prepared {
                    countersign_benchmark_mark()
                    try await workload.run(count)
                }
                countersign_benchmark_mark()
                done.signal()
            } catch {
                FileHandle.standardError.write(Data("\(error)\n".utf8))
                exit(1)
            }
        }
        done.wait()
    }
}
