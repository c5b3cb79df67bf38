import Countersign
import CountersignCrypto
import CountersignTesting
import Hummingbird
import Logging
import Testing

@testable import CountersignHummingbird

@Suite struct RefusalResponseTests {
    /// What a receiver answers to a caller without a certificate.
    private func response(to method: HTTPRequest.Method) async throws -> Response {
        let authenticator = try TestIssuer().authenticator(audience: "search-svc", trusting: TestAuthority())
        let verdict = await authenticator.authenticate(peer: nil, authorization: [], at: TestClock.now)
        let refusal = try #require(throws: Refusal.self) { try verdict.get() }
        let head = HTTPRequest(method: method, scheme: "https", authority: "search-svc", path: "/")
        return refusal.response(
            to: Request(head: head, body: RequestBody(buffer: .init())), realm: "search-svc", logger: Logger(label: "test")
        )
    }

    @Test func aRefusalHasAProblemBody() async throws {
        let response = try await response(to: .get)
        #expect(response.status == .unauthorized)
        #expect((response.body.contentLength ?? 0) > 0)
    }

    /// A body there would be taken for the beginning of the next response.
    @Test func aRefusalOfHEADHasNoBody() async throws {
        let response = try await response(to: .head)
        #expect(response.status == .unauthorized)
        #expect(response.body.contentLength == 0)
    }
}
