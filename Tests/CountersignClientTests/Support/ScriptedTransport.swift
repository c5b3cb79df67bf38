import CountersignClient
import CountersignCrypto
import Synchronization

/// An issuer that answers as the test says, in memory.
final class ScriptedTransport: IssuerTransport {
    /// - Parameter number: 1 for the first request.
    typealias Script = @Sendable (_ request: IssuerRequest, _ number: Int) async throws(TokenError) -> IssuerAnswer

    private struct State {
        var certificate: Certificate
        var script: Script
        var requests: [IssuerRequest] = []
    }

    private let state: Mutex<State>
    private let time: ManualTime

    /// - Parameter time: that its answers take none of.
    init(_ certificate: Certificate, time: ManualTime, _ script: @escaping Script) {
        self.time = time
        state = Mutex(State(certificate: certificate, script: script))
    }

    var certificate: Certificate { state.withLock { $0.certificate } }

    var requests: [IssuerRequest] { state.withLock { $0.requests } }

    var count: Int { requests.count }

    func answer(_ script: @escaping Script) {
        state.withLock { $0.script = script }
    }

    func renew(_ certificate: Certificate) {
        state.withLock { $0.certificate = certificate }
    }

    func send(_ request: IssuerRequest) async throws(TokenError) -> IssuerAnswer {
        let (script, number, certificate) = state.withLock { state in
            state.requests.append(request)
            return (state.script, state.requests.count, state.certificate)
        }
        var answer = try await time.standingStill { () async throws(TokenError) in try await script(request, number) }
        answer.certificate = certificate
        return answer
    }
}

extension IssuerRequest {
    var form: String { String(decoding: body, as: UTF8.self) }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Holds whoever comes until it is opened.
final class Gate: Sendable {
    private let state = Mutex(false)

    var isOpen: Bool { state.withLock { $0 } }

    func open() { state.withLock { $0 = true } }

    /// - Throws: ``TokenError`` with `cancelled`, as a transport does.
    func pass() async throws(TokenError) {
        while !isOpen {
            do { try await Task.sleep(for: .milliseconds(1)) } catch { throw TokenError(.cancelled, "cancelled at the gate") }
        }
    }
}
