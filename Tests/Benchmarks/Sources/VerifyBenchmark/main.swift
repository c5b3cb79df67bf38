import Countersign
import CountersignTesting
import Foundation

// What a receiver pays for a token it has never seen, against the bare RSA operation on the same key in the same run.
//
//     swift run -c release --package-path Tests/Benchmarks VerifyBenchmark

let authority = try TestAuthority()
let issuer = try TestIssuer()
let caller = try authority.issue("user-svc")
let peer = caller.peer
let authenticator = try issuer.authenticator(audience: "search-svc", trusting: authority)
let tokens = try (0..<2000).map { number in
    var claims = issuer.claims(
        for: caller, service: "user-svc", audience: "search-svc", roles: ["reader", "writer"], scope: ["search:read"]
    )
    claims.tokenID = "token-\(number)-abcdefghij"
    return try issuer.token(claims)
}
let values = tokens.map { ["Bearer \($0)"] }
let parsed = try tokens.map { try CompactJWS(Array($0.utf8)) }
let clock = ContinuousClock()

func perSecond(_ count: Int, _ time: Duration) -> Double {
    Double(count) / (Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18)
}

func raw() throws -> Double {
    let time = try clock.measure {
        for token in parsed {
            guard try issuer.key.publicKey.isValidSignature(token.signature, for: token.signingInput) else {
                throw CancellationError()
            }
        }
    }
    return perSecond(parsed.count, time)
}

func firstSight() async throws -> Double {
    let time = try await clock.measure {
        for value in values {
            _ = try await authenticator.authenticate(peer: peer, authorization: value, at: TestClock.now).get()
        }
    }
    return perSecond(values.count, time)
}

/// The same token again and again on one connection: a hit of the connection's memory.
func repeated() async throws -> Double {
    let time = try await clock.measure {
        for _ in 0..<200_000 {
            _ = try await authenticator.authenticate(peer: peer, authorization: values[0], at: TestClock.now).get()
        }
    }
    return perSecond(200_000, time)
}

/// Hits per second of eight tasks at once, each with its own connection, as several event loops have them.
func repeatedByEight() async throws -> Double {
    let peers = (0..<8).map { _ in caller.peer }
    for peer in peers { _ = try await authenticator.authenticate(peer: peer, authorization: values[0], at: TestClock.now).get() }
    let time = try await clock.measure {
        try await withThrowingTaskGroup { group in
            for peer in peers {
                group.addTask { [authenticator, value = values[0]] in
                    for _ in 0..<100_000 {
                        _ = try await authenticator.authenticate(peer: peer, authorization: value, at: TestClock.now).get()
                    }
                }
            }
            try await group.waitForAll()
        }
    }
    return perSecond(800_000, time)
}

func sign() throws -> Double {
    let time = try clock.measure {
        for token in parsed.prefix(500) { _ = try issuer.key.signature(for: token.signingInput) }
    }
    return perSecond(500, time)
}

// One thing alone, some rounds of it, for a profiler or an instruction counter: VerifyBenchmark first-sight 100
let arguments = CommandLine.arguments
if arguments.count == 3, let rounds = Int(arguments[2]) {
    for _ in 0..<rounds {
        switch arguments[1] {
        case "raw": _ = try raw()
        case "first-sight": _ = try await firstSight()
        default: _ = try await repeated()
        }
    }
    exit(0)
}

var ratios: [Double] = []
var repeatedRatios: [Double] = []
_ = try raw()
for _ in 0..<9 {
    let (rawRate, fullRate) = (try raw(), try await firstSight())
    ratios.append(fullRate / rawRate)
    let repeatedRate = try await repeated()
    repeatedRatios.append(repeatedRate / rawRate)
    print("raw RSA verifications/s \(Int(rawRate))  first sight/s \(Int(fullRate))  repeated/s \(Int(repeatedRate))")
}
print("median ratio to raw: first sight \(median(ratios)), repeated \(median(repeatedRatios));  signatures/s \(Int(try sign()))")

let one = try await repeated()
let eight = try await repeatedByEight()
let cores = ProcessInfo.processInfo.activeProcessorCount
print("repeated by eight tasks at once on \(cores) cores: \((eight / one * 100).rounded() / 100) times one task")

func median(_ values: [Double]) -> Double { (values.sorted()[values.count / 2] * 1000).rounded() / 1000 }
