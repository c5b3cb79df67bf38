import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Foundation
import Testing

@testable import CountersignIssuer

@Suite("The issuer's documents")
struct DocumentTests {
    @Test("hold the key set, with an entity tag that saves fetching it again")
    func keySet() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let path = "/.well-known/jwks.json"
            let answer = try await issuer.ask(path)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/jwk-set+json")
            #expect(answer.headers["cache-control"] == "max-age=300")
            #expect(try JWKSet(json: Array(answer.body.utf8)).keys.count == 1)
            #expect(!answer.body.contains("\"d\""))
            let tag = try #require(answer.headers["etag"])
            for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let again = try await issuer.ask(path, "-H", "If-None-Match: \(known)")
                #expect(again.status == 304)
                #expect(again.body.isEmpty)
                #expect(again.headers["etag"] == tag)
                #expect(again.headers["content-length"] == nil)
            }
            #expect(try await issuer.ask(path, "-H", "If-None-Match: \"x\"").status == 200)
            let head = try await issuer.ask(path, "--head", "--http1.1")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.headers["content-length"] == "\(answer.body.utf8.count)")
        }
    }

    @Test("make a receiver of a service that works by the key set, and of nobody else who has a certificate")
    func receivers() async throws {
        let files = try await IssuerFolder()
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            let path = "/.well-known/jwks.json"
            // No service; one look; no look at all; the status only.
            #expect(try await issuer.ask(path, as: "stranger", "-H", "Countersign-Instance: a").status == 200)
            #expect(try await issuer.ask(path, as: "user-svc").status == 200)
            #expect(try await issuer.ask(path, as: "search-svc", "--head", "-H", "Countersign-Instance: head").status == 200)
            let status = "/.well-known/countersign-status"
            #expect(try await issuer.ask(status, as: "search-svc", "-H", "Countersign-Instance: status").status == 200)
            // Denied.
            _ = try await store.change(.service("user-svc"), isDenied: true, at: .now())
            _ = try await issuer.log.line(with: "denied the service user-svc")
            #expect(try await issuer.ask(path, as: "user-svc", "-H", "Countersign-Instance: denied").status == 200)
            _ = try await store.change(.service("user-svc"), isDenied: false, at: .now())
            _ = try await issuer.log.line(with: "allowed the service user-svc")
            #expect(try await issuer.ask(path, as: "search-svc", "-H", "Countersign-Instance: good").status == 200)
            issuer.clock.advance(seconds: 31)
            let deadline = ContinuousClock.now.advanced(by: .seconds(30))
            var seen: [ReceiverSighting] = []
            while !seen.contains(where: { $0.instance == "good" }), ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(20))
                seen = try await store.receivers().sightings
            }
            #expect(Set(seen.map { "\($0.name) \($0.instance)" }) == ["user-svc ", "search-svc status", "search-svc good"])
            let standing = Receivers(seen).standing(of: try RingKeys.jwk(0).kid, at: issuer.clock.now, window: 86_400)
            #expect(standing.waiting.map(\.name) == ["search-svc"] && standing.total == 1)
        }
    }

    @Test("are given to nobody whose certificate is revoked, or cannot be judged, on an open connection either")
    func judged() async throws {
        try await RunningIssuer.run(try await IssuerFolder(crl: true)) { issuer in
            let paths = ["jwks.json", "countersign-status", "oauth-authorization-server"].map { "/.well-known/\($0)" }
            let user = try KeptConnection(to: issuer, as: "user-svc")
            let other = try KeptConnection(to: issuer, as: "search-svc")
            func ask(_ connection: KeptConnection, _ path: String) async throws -> String {
                try await connection.ask("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            }
            // The status is no JSON, whose end could be waited for.
            for path in paths where path != paths[1] { #expect(try await ask(user, path).hasPrefix("HTTP/1.1 200")) }
            let pem = try Data(contentsOf: URL(fileURLWithPath: issuer.files.folder.path("user-svc.pem")))
            let list = try issuer.files.pki.revocationList(try Certificate.parsePEM([UInt8](pem)), number: 2)
            try issuer.files.folder.write(list.pem, to: "crl.pem", mode: 0o644)
            _ = try await issuer.log.line(with: "TLS files reloaded")
            for path in paths {
                let refused = try await ask(user, path)
                #expect(refused.hasPrefix("HTTP/1.1 401") && refused.contains(#""code":"certificate-revoked""#))
                #expect(refused.lowercased().contains("\r\nwww-authenticate: bearer "))
            }
            #expect(try await ask(other, paths[0]).hasPrefix("HTTP/1.1 200"))
            _ = try await issuer.log.line(with: "document not given", "reason=certificate-revoked")
            issuer.clock.advance(seconds: 3601)
            for path in paths {
                let unknown = try await ask(other, path)
                #expect(unknown.hasPrefix("HTTP/1.1 503") && unknown.contains(#""code":"crl-expired""#))
            }
        }
    }

    @Test("hold the metadata of RFC 8414 and RFC 8705, with the issuer byte for byte")
    func metadata() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let answer = try await issuer.ask("/.well-known/oauth-authorization-server")
            #expect(answer.headers["content-type"] == "application/json")
            let metadata = try JSONReader.parseObject(Array(answer.body.utf8))
            #expect(metadata["issuer"] == "https://localhost:8443")
            #expect(metadata["token_endpoint"] == "https://localhost:8443/oauth2/token")
            #expect(metadata["jwks_uri"] == "https://localhost:8443/.well-known/jwks.json")
            #expect(metadata["response_types_supported"] == [])
            #expect(metadata["grant_types_supported"] == ["client_credentials"])
            #expect(metadata["token_endpoint_auth_methods_supported"] == ["tls_client_auth"])
            #expect(metadata["tls_client_certificate_bound_access_tokens"] == true)
            #expect(metadata["mtls_endpoint_aliases"] == ["token_endpoint": "https://localhost:8443/oauth2/token"])
        }
    }

    @Test("of an issuer with a path are below it, but for the well-known name")
    func issuerPath() async throws {
        let files = try await IssuerFolder()
        try files.writeConfiguration(issuer: "https://localhost:8443/tenant/one")
        try await RunningIssuer.run(files) { issuer in
            let answer = try await issuer.ask("/.well-known/oauth-authorization-server/tenant/one")
            #expect(answer.text("issuer") == "https://localhost:8443/tenant/one")
            #expect(answer.text("jwks_uri") == "https://localhost:8443/tenant/one/.well-known/jwks.json")
            #expect(try await issuer.ask("/tenant/one/.well-known/jwks.json").status == 200)
            #expect(try await issuer.ask("/.well-known/oauth-authorization-server").status == 404)
            #expect(try await issuer.ask("/tenant/one/oauth2/token", "-d", RunningIssuer.goodForm).status == 200)
        }
    }

    @Test("are the only ones: 404 and 405 are problem documents")
    func problems() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            for path in [
                "/", "/oauth2/token/", "/OAuth2/token", "/.well-known/jwks%2Ejson", "/oauth2/../oauth2/token", "/admin",
            ] {
                let answer = try await issuer.ask(path, "--path-as-is")
                #expect(answer.status == 404)
                #expect(answer.headers["content-type"] == "application/problem+json")
                #expect(answer.number("status") == 404)
                #expect(answer.text("title") == "Not Found")
            }
            for (path, method, allow) in [
                ("/oauth2/token", "GET", "POST"), ("/oauth2/token", "DELETE", "POST"),
                ("/.well-known/jwks.json", "POST", "GET, HEAD"),
                ("/.well-known/oauth-authorization-server", "PUT", "GET, HEAD"),
            ] {
                let answer = try await issuer.ask(path, "-X", method)
                #expect(answer.status == 405)
                #expect(answer.headers["allow"] == allow)
                #expect(try await issuer.ask(path + "x", "--head").status == 404)
                #expect(answer.headers["content-type"] == "application/problem+json")
            }
        }
    }

    @Test("for probes say live and ready, and nothing else is there")
    func operations() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { issuer in
            let address = "http://127.0.0.1:\(issuer.operationsPort)"
            #expect(try await Curl.run(["\(address)/livez"]).body == #"{"status":"live"}"#)
            let ready = try await Curl.run(["\(address)/readyz"])
            #expect(ready.status == 200)
            #expect(ready.body == #"{"status":"ready","checks":{"keys":"ok","tls":"ok","crl":"ok","policy":"ok"}}"#)
            #expect(try await Curl.run(["\(address)/oauth2/token", "-d", RunningIssuer.goodForm]).status == 404)
            #expect(try await Curl.run(["\(address)/readyz", "-d", "x"]).status == 405)
            issuer.clock.advance(seconds: 3700)
            let expired = try await Curl.run(["\(address)/readyz"])
            #expect(expired.status == 503)
            #expect(expired.body.contains(#""tls":"failing""#))
        }
    }
}
