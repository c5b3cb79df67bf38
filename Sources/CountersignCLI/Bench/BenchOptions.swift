import ArgumentParser

/// How tokens are asked for.
enum BenchMode: String, Sendable {
    case mint, connect, resume

    var words: String {
        switch self {
        case .mint: "tokens over kept-alive connections"
        case .connect: "a new connection with a full handshake for each token"
        case .resume: "a new connection with a resumed session for each token"
        }
    }
}

/// What all ways to measure have in common.
struct BenchOptions: ParsableArguments {
    @OptionGroup var caller: CallerOptions

    @Option(help: ArgumentHelp("How many callers ask at the same time.", valueName: "count"))
    var connections = 8

    @Option(
        help: ArgumentHelp("How long to measure, as \(DurationArgument.form) (default: 10s).", valueName: "duration"),
        transform: DurationArgument.init)
    var duration = DurationArgument(seconds: 10)

    @Option(
        help: ArgumentHelp(
            "How long to ask before that, without measuring, as \(DurationArgument.form) (default: 1s).", valueName: "duration"),
        transform: DurationArgument.init)
    var warmup = DurationArgument(seconds: 1)

    @Option(
        help: ArgumentHelp(
            "Ask so many times a second, on a fixed schedule. Left out: each caller asks again when it has its answer.",
            valueName: "count"))
    var rate: Int?

    @Option(help: ArgumentHelp("The issuer's process, to tell what it uses; found by its port if left out.", valueName: "pid"))
    var pid: Int32?

    @Flag(help: "Aim at an issuer that is not on this machine; refused without this.")
    var allowRemote = false

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Show a line every second on standard error, also when that is no terminal.")
    var progress = false

    func validate() throws {
        guard 1...1024 ~= connections else { throw ValidationError("--connections must be between 1 and 1024") }
        guard 1...3600 ~= duration.seconds else { throw ValidationError("--duration must be between 1 s and 1 h") }
        guard 0...600 ~= warmup.seconds else { throw ValidationError("--warmup must be at most 10 m") }
        guard 1...100_000 ~= rate ?? 1 else { throw ValidationError("--rate must be between 1 and 100000 a second") }
    }

    var plan: BenchPlan {
        BenchPlan(
            connections: connections, warmupSeconds: warmup.seconds, durationSeconds: duration.seconds, ratePerSecond: rate)
    }
}
