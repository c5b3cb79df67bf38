import CountersignJSON
import CountersignTesting
import Testing

/// Requests of a good caller that get no token: each with its OAuth error, its reason in the log, and what to change.
@Suite(.serialized, .runningIssuer) struct TokenRefusalTests {
    /// A request, and what becomes of it.
    struct Refused: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let form: String
        let error: String
        let reason: String
        var status = 400
        var arguments: [String] = []

        init(
            _ name: String, _ form: String, _ error: String, _ reason: String, status: Int = 400, arguments: [String] = []
        ) {
            testDescription = name
            self.form = form
            self.error = error
            self.reason = reason
            self.status = status
            self.arguments = arguments
        }
    }

    private static let good = "grant_type=client_credentials&audience=search-svc"

    static let refused = [
        Refused("two audiences", "\(good)&audience=search-svc", "invalid_request", "request-malformed"),
        Refused("a repeated grant type", "\(good)&grant_type=client_credentials", "invalid_request", "request-malformed"),
        Refused("a repeated scope", "\(good)&scope=search:read&scope=search:read", "invalid_request", "request-malformed"),
        Refused("a repeated unknown parameter", "\(good)&x=1&x=2", "invalid_request", "request-malformed"),
        Refused(
            "audience and resource", "\(good)&resource=https://orders.link.internal/", "invalid_request", "request-malformed"),
        Refused("no audience", "grant_type=client_credentials", "invalid_request", "request-malformed"),
        Refused("an empty audience", "grant_type=client_credentials&audience=", "invalid_request", "request-malformed"),
        Refused("no grant type", "audience=search-svc", "invalid_request", "request-malformed"),
        Refused("an empty body", "", "invalid_request", "request-malformed"),
        Refused("a broken escape", "\(good)&x=%zz", "invalid_request", "request-malformed"),
        Refused("bytes that are no UTF-8", "\(good)&x=%ff", "invalid_request", "request-malformed"),
        Refused("a NUL", "\(good)&scope=search:read%00", "invalid_request", "request-malformed"),
        Refused("a lifetime that is no number", "\(good)&lifetime=5m", "invalid_request", "request-malformed"),
        Refused("a negative lifetime", "\(good)&lifetime=-1", "invalid_request", "request-malformed"),
        Refused("a lifetime of nothing", "\(good)&lifetime=0", "invalid_request", "request-malformed"),
        Refused("a client secret", "\(good)&client_secret=x", "invalid_request", "request-authentication"),
        Refused(
            "an Authorization field", good, "invalid_request", "request-authentication",
            arguments: ["-H", "Authorization: Basic eDp5"]
        ),
        Refused("JSON", #"{"grant_type":"client_credentials"}"#, "invalid_request", "request-malformed", arguments: json),
        Refused("no content type", good, "invalid_request", "request-malformed", arguments: ["-H", "Content-Type:"]),
        Refused(
            "another charset", good, "invalid_request", "request-malformed",
            arguments: ["-H", "Content-Type: application/x-www-form-urlencoded; charset=latin1"]
        ),
        Refused(
            "an unknown grant type", "grant_type=password&audience=search-svc", "unsupported_grant_type", "grant-unsupported"),
        Refused("an unknown audience", "grant_type=client_credentials&audience=nobody", "invalid_target", "audience-not-granted"),
        Refused(
            "an audience in capitals", "grant_type=client_credentials&audience=Search-Svc", "invalid_target",
            "audience-not-granted"),
        Refused(
            "a resource that is no URI", "grant_type=client_credentials&resource=search-svc", "invalid_target",
            "audience-not-granted"
        ),
        Refused(
            "a resource with a fragment", "grant_type=client_credentials&resource=https://orders.link.internal/%23x",
            "invalid_target",
            "audience-not-granted"
        ),
        Refused("a foreign client id", "\(good)&client_id=search-svc", "invalid_client", "client-mismatch", status: 401),
        Refused("a client id in capitals", "\(good)&client_id=User-Svc", "invalid_client", "client-mismatch", status: 401),
        Refused("a scope not granted", "\(good)&scope=search:read+search:delete", "invalid_scope", "scope-not-granted"),
        Refused("a scope with two spaces", "\(good)&scope=search:read++search:write", "invalid_scope", "scope-not-granted"),
        Refused("a scope in quotes", "\(good)&scope=%22search:read%22", "invalid_scope", "scope-not-granted"),
    ]

    private static let json = ["-H", "Content-Type: application/json"]

    let issuer: RunningIssuer
    let curl: Curl

    init() throws {
        issuer = try #require(RunningIssuer.current)
        curl = Curl(issuer: issuer)
    }

    @Test(arguments: refused) func refuses(_ refused: Refused) async throws {
        let mark = try issuer.mark()
        let answer = try curl.token(refused.form, refused.arguments)
        #expect(answer.status == refused.status)
        #expect(answer.json.names == ["error", "error_description"])
        #expect(answer.oauthError == refused.error)
        let description = answer.json.string("error_description") ?? ""
        // RFC 6749 section 5.2.
        #expect(!description.isEmpty && description.utf8.allSatisfy { 0x20...0x7e ~= $0 && $0 != 0x22 && $0 != 0x5c })
        #expect(answer.header("Cache-Control") == "no-store")
        #expect(answer.header("Pragma") == "no-cache")
        #expect(answer.header("Content-Type") == "application/json")
        #expect((answer.header("WWW-Authenticate") != nil) == (refused.status == 401))
        try await issuer.logs(
            "token refused", "reason=\(refused.reason)", "error=\(refused.error)", "service=user-svc", since: mark)
    }

    @Test func refusesAServiceThatOnlyReceives() async throws {
        let answer = try Curl(issuer: issuer, service: "search-svc").token()
        #expect(answer.status == 400)
        #expect(answer.oauthError == "unauthorized_client")
        try await issuer.logs("reason=service-receives-only", "service=search-svc")
    }

    @Test(arguments: ["--http1.1", "--http2"]) func refusesABodyOver16KiB(version: String) throws {
        let files = issuer.folder.files
        let good = "\(Self.good)&x="
        let most = try files.write(good + String(repeating: "a", count: 16 * 1024 - good.utf8.count), to: "most")
        let more = try files.write(good + String(repeating: "a", count: 16 * 1024 - good.utf8.count + 1), to: "more")
        #expect(try curl.answer("/oauth2/token", [version, "--data-binary", "@\(most)"]).status == 200)
        let answer = try curl.answer("/oauth2/token", [version, "--data-binary", "@\(more)"])
        #expect(answer.status == 413)
        #expect(answer.oauthError == "invalid_request")
        let chunked = ["--data-binary", "@\(more)", "-H", "Transfer-Encoding: chunked"]
        if version == "--http1.1" { #expect(try curl.answer("/oauth2/token", [version] + chunked).status == 413) }
    }

    @Test(arguments: ["--http1.1", "--http2"]) func refusesAHeaderOver16KiB(version: String) throws {
        let field = { "X: \(String(repeating: "a", count: $0))" }
        #expect(try curl.token(Self.good, [version, "-H", field(15 * 1024)]).status == 200)
        let answer = try curl.token(Self.good, [version, "-H", field(17 * 1024)])
        #expect(answer.status == 431)
        #expect(answer.header("Content-Type") == "application/problem+json")
        #expect(answer.json.integer("status") == 431)
        #expect(try curl.token().status == 200)
    }
}
