import CountersignClient
import CountersignTesting
import Foundation
import Logging

// What `TokenSource.token(for:)` costs with a token in hand, by one task and by several at once, and what a cached audience weighs.
// The issuer is in memory; it is asked once per audience.
//
//     swift run -c release --package-path Tests/Benchmarks TokenBenchmark

let authority = try TestAuthority(at: .now())
let caller = try authority.issue("user-svc")
let key = try TestIssuer()
let directory = try TestDirectory()
let paths = try directory.write(caller, as: "caller")
let files = TLSFiles(
    certificate: .file(paths.certificate), privateKey: .file(paths.key),
    ca: .file(try directory.write(authority.certificate.pem, to: "ca.pem"))
)
let tls = try ReloadableTLS(files, role: .client, at: .now())

/// Answers every token request at once.
struct Memory: IssuerTransport {
    var certificate: Certificate { tls.current.certificate }

    func send(_ request: IssuerRequest) async throws(TokenError) -> IssuerAnswer {
        let form = String(decoding: request.body, as: UTF8.self)
        let audience = form.split(separator: "&").first { $0.hasPrefix("audience=") }?.dropFirst("audience=".count) ?? ""
        do {
            let token = try key.token(for: caller, service: "user-svc", audience: String(audience), roles: ["reader"], at: .now())
            let body = #"{"access_token":"\#(token)","token_type":"Bearer","expires_in":300}"#
            return IssuerAnswer(
                status: 200, headers: [("Content-Type", "application/json")], body: Array(body.utf8),
                certificate: certificate
            )
        } catch {
            throw TokenError(.unreachable, "\(error)")
        }
    }
}

var logger = Logger(label: "benchmark")
logger.logLevel = .critical
let issuer = try IssuerClient(["https://tokens.link.internal"], transport: Memory(), logger: logger)
let tokens = TokenSource(issuer)

func residentKiB() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return Int(line.filter(\.isNumber)) ?? 0
}

func nanosecondsPerCall(tasks: Int, calls: Int) async throws -> Double {
    let clock = ContinuousClock()
    let began = clock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<tasks {
            group.addTask { for _ in 0..<calls { _ = try await tokens.token(for: "search-svc") } }
        }
        try await group.waitForAll()
    }
    let time = began.duration(to: clock.now)
    return (Double(time.components.seconds) * 1e9 + Double(time.components.attoseconds) / 1e9) / Double(calls)
}

_ = try await tokens.token(for: "search-svc")
for tasks in [1, 2, 4, 16] {
    var runs: [Double] = []
    for _ in 0..<5 { runs.append(try await nanosecondsPerCall(tasks: tasks, calls: 1_000_000 / tasks)) }
    let perCall = runs.sorted()[2] / Double(min(tasks, ProcessInfo.processInfo.activeProcessorCount))
    print("\(tasks) tasks: \(Int(runs.sorted()[2])) ns for a call of each, \(Int(perCall)) ns by core")
}
let before = residentKiB()
for number in 0..<1000 { _ = try await tokens.token(for: "audience-\(number)") }
print("1000 cached audiences: \(Double(residentKiB() - before) / 1000) KiB each")
