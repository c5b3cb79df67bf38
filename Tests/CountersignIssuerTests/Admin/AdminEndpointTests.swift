import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Foundation
import Testing

@testable import CountersignIssuer

@Suite("The admin endpoint")
struct AdminEndpointTests {
    private func files() async throws -> IssuerFolder {
        let files = try await IssuerFolder()
        try files.writeClient("admin", try files.pki.certificate(subject("admin")))
        try files.writeConfiguration(services: IssuerFolder.services + "\nadmins:\n  - subject: CN=admin,O=Link Service\n")
        return files
    }

    private func post(
        _ issuer: RunningIssuer, _ path: String, _ body: String, as name: String = "admin", type: String = "application/json"
    ) async throws -> CurlAnswer {
        try await issuer.ask(path, as: name, "-H", "Content-Type: \(type)", "--data-binary", body)
    }

    @Test("lists, rotates, revokes and denies like the command line, and logs who did what and why")
    func verbs() async throws {
        let files = try await files()
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            let list = try await issuer.ask("/admin/keys", as: "admin")
            #expect(list.status == 200)
            #expect(list.headers["cache-control"] == "no-store")
            let keys = try #require(try JSONReader.parseObject(Array(list.body.utf8)).array("keys"))
            #expect(keys.first?.object?.string("state") == "signing")

            let rotated = try await post(issuer, "/admin/keys/rotate", #"{"reason":"yearly"}"#)
            #expect(rotated.status == 200)
            let kid = try #require(rotated.text("kid"))
            // In force before the answer, here.
            #expect(try await issuer.ask("/.well-known/jwks.json").body.contains(kid))
            let line = try await issuer.log.line(with: "announced the key \(kid)", "yearly")
            #expect(line.contains("CN=admin"))

            let again = try await post(issuer, "/admin/keys/rotate", "{}")
            #expect(again.status == 409)
            #expect(again.headers["content-type"] == "application/problem+json")
            #expect(again.text("code") == "rotation-under-way")
            #expect(again.text("hint")?.isEmpty == false)

            let revoked = try await post(issuer, "/admin/keys/revoke", #"{"kid":"\#(kid.prefix(8))"}"#)
            #expect(revoked.status == 200 && revoked.text("was") == "announced")
            #expect(try await !issuer.ask("/.well-known/jwks.json").body.contains(kid))
            #expect(try await post(issuer, "/admin/keys/revoke", #"{"kid":"nonsense"}"#).status == 404)
            #expect(try await post(issuer, "/admin/keys/revoke", #"{"kid":"abc"}"#).status == 400)

            let denied = try await post(issuer, "/admin/deny/add", #"{"kind":"service","value":"user-svc","reason":"stolen"}"#)
            #expect(denied.status == 200)
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 401)
            #expect(try await issuer.ask("/admin/deny", as: "admin").body.contains("user-svc"))
            #expect(try await post(issuer, "/admin/deny/remove", #"{"kind":"service","value":"user-svc"}"#).status == 200)
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 200)
            #expect(try await post(issuer, "/admin/deny/remove", #"{"kind":"service","value":"user-svc"}"#).status == 404)
            #expect(try await store.load().ring.history.map(\.who).contains { $0.contains("CN=admin") })
        }
    }

    @Test("is closed to everybody else, and to an admin whose certificate is denied; what they asked is not done")
    func refusesOthers() async throws {
        let files = try await files()
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            let before = try await store.load().revision
            for name in ["user-svc", "stranger"] {
                for (path, body) in [
                    ("/admin/keys/rotate", "{}"), ("/admin/deny/add", #"{"kind":"service","value":"search-svc"}"#),
                ] {
                    let answer = try await post(issuer, path, body, as: name)
                    #expect(answer.status == 403)
                    #expect(answer.text("code") == "not-an-admin")
                }
                #expect(try await issuer.ask("/admin/keys", as: name).status == 403)
            }
            _ = try await issuer.log.line(with: "admin refused", "not-an-admin", "CN=stranger")
            #expect(try await store.load().revision == before)

            let serial = try Certificate.parsePEM(
                Array(try String(contentsOfFile: files.folder.path("admin.pem"), encoding: .utf8).utf8))
            _ = try await store.change(.serial(try #require(serial.first).serialHex), isDenied: true, at: .now())
            _ = try await issuer.log.line(with: "denied the serial")
            let denied = try await post(issuer, "/admin/keys/rotate", "{}")
            #expect(denied.status == 401)
            #expect(denied.text("code") == "certificate-denied")
            #expect(denied.headers["www-authenticate"] == #"Bearer realm="https://localhost:8443""#)
        }
    }

    @Test("says that it cannot know, and not no, while lists or the ring cannot be used; a faulty body is the asker's fault")
    func unknowable() async throws {
        let files = try await IssuerFolder(crl: true)
        try files.writeClient("admin", try files.pki.certificate(subject("admin")))
        let admins = "\nadmins:\n  - subject: CN=admin,O=Link Service\n"
        try files.writeConfiguration(crl: true, services: IssuerFolder.services + admins)
        try await RunningIssuer.run(files) { issuer in
            for body in [#"{"kid":1}"#, #"{"kid":"abcdefgh","more":1}"#] {
                let faulty = try await post(issuer, "/admin/keys/revoke", body)
                #expect(faulty.status == 400)
                #expect(faulty.text("code") == "malformed")
            }
            let ring = files.folder.path("keys/keyring.json")
            let good = try text(of: ring)
            for (content, code) in [
                ("{", "malformed"), (good.replacing(#""version": 2"#, with: #""version": 9"#), "unsupported-version"),
            ] {
                try write(content, to: ring)
                for answer in [
                    try await issuer.ask("/admin/keys", as: "admin"), try await post(issuer, "/admin/keys/rotate", "{}"),
                ] {
                    #expect(answer.status == 503)
                    #expect(answer.text("code") == code)
                }
            }
            try write(good, to: ring)
            #expect(try await issuer.ask("/admin/keys", as: "admin").status == 200)

            let connection = try KeptConnection(to: issuer, as: "admin")
            let request = "GET /admin/keys HTTP/1.1\r\nHost: localhost\r\n\r\n"
            #expect(try await connection.ask(request).hasPrefix("HTTP/1.1 200"))
            issuer.clock.advance(seconds: 3601)
            let unknown = try await connection.ask(request)
            #expect(unknown.hasPrefix("HTTP/1.1 503") && unknown.contains(#""code":"crl-expired""#))
            #expect(unknown.lowercased().contains("\r\nretry-after: 5\r\n"))
        }
    }

    @Test("rotates when the clock was set, and retires no key by the time it tells")
    func distrustedClock() async throws {
        let files = try await IssuerFolder()
        try files.writeClient("admin", try files.pki.certificate(subject("admin")))
        let admins = "\nadmins:\n  - subject: CN=admin,O=Link Service\n"
        try files.writeConfiguration(services: IssuerFolder.services + admins)
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            let old = try await store.load().ring.signing.jwk.kid
            _ = try await store.rotate(immediately: true, at: issuer.clock.now)
            issuer.clock.advance(seconds: 2000)
            _ = try await issuer.log.line(with: "the clock was set")
            #expect(try await post(issuer, "/admin/keys/rotate", "{}").status == 200)
            let ring = try await store.load().ring
            #expect(ring.announced != nil)
            #expect(ring.retiring.map(\.signing.jwk.kid) == [old])
            #expect(ring.settled(at: issuer.clock.now).retiring.isEmpty)
        }
    }

    @Test(
        "refuses a change whose author was denied while the body was on its way, and one that was denied before the ring was read"
    )
    func refusesTheDenied() async throws {
        let files = try await files()
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            let admin = try #require(
                try Certificate.parsePEM(
                    Array(try String(contentsOfFile: files.folder.path("admin.pem"), encoding: .utf8).utf8)
                ).first
            )
            // The header goes out at once, the body when the file is there.
            let script = """
                (for _ in $(seq 1200); do [ -e "$0/go" ] && break; sleep 0.05; done; printf '{}') | curl --verbose --silent --output "$0/answer" \
                  --write-out '%{http_code}' --max-time 60 --noproxy '*' --http1.1 --cacert "$0/ca.pem" --cert "$0/admin.pem" \
                  --key "$0/admin-key.pem" --header 'Content-Type: application/json' --header 'Expect:' --request POST \
                  --upload-file - https://localhost:\(issuer.port)/admin/keys/rotate 2> "$0/verbose"
                """
            async let slow = Command.run(["bash", "-c", script, files.folder.path("")])
            let deadline = ContinuousClock.now.advanced(by: .seconds(30))
            var isSent = false
            while !isSent, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(20))
                isSent = (try? text(of: files.folder.path("verbose")))?.contains("> POST /admin/keys/rotate") == true
            }
            #expect(isSent)
            // Seen by the first look, not by the second.
            #expect(try await issuer.ask("/admin/keys", as: "admin").status == 200)
            _ = try await issuer.log.line(with: "admin looked", "CN=admin")
            _ = try await store.change(.publicKey(admin.publicKey.sha256), isDenied: true, at: .now())
            _ = try await issuer.log.line(with: "denied the key")
            let before = try await store.load().revision
            try write("", to: files.folder.path("go"))
            #expect(try await slow.output == "401")
            #expect(try text(of: files.folder.path("answer")).contains("certificate-denied"))
            #expect(try await store.load().revision == before)
            // What the issuer has not noticed yet, the ring has.
            let error = await #expect(throws: KeyRingError.self) {
                try await AdminKeyRingStore(store, author: admin).perform(
                    .rotate(immediately: true, force: false), by: .unnamed, at: .now()
                )
            }
            #expect(error?.code == .authorDenied)
            #expect(try await store.load().revision == before)
        }
    }

    @Test("refuses a moment for anything but a service, a moment to come, and a denial that refuses less than the one there is")
    func refusesDenials() async throws {
        let files = try await files()
        try await RunningIssuer.run(files) { issuer in
            let path = "/admin/deny/add"
            let serial = try await post(issuer, path, #"{"kind":"serial","value":"0a","notBefore":"2026-01-02T03:04:05Z"}"#)
            #expect(serial.status == 400 && serial.text("code") == "wrong-denial")
            let future = try await post(
                issuer, path, #"{"kind":"service","value":"user-svc","notBefore":"2999-01-02T03:04:05Z"}"#)
            #expect(future.status == 400 && future.text("code") == "wrong-denial")
            #expect(try await post(issuer, path, #"{"kind":"service","value":"user-svc"}"#).status == 200)
            let weaker = try await post(
                issuer, path, #"{"kind":"service","value":"user-svc","notBefore":"2026-01-02T03:04:05Z"}"#)
            #expect(weaker.status == 409 && weaker.text("code") == "already-denied")
            #expect(try await issuer.token(RunningIssuer.goodForm).status == 401)
            let unknown = try await post(issuer, path, #"{"kind":"service","value":"nobody-such"}"#)
            #expect(unknown.status == 200 && unknown.body.contains("has no service nobody-such"))
        }
    }

    @Test("refuses what is not its kind of request, and changes nothing")
    func refusesForms() async throws {
        let files = try await files()
        try await RunningIssuer.run(files) { issuer in
            let store = FileKeyRingStore(directory: files.folder.path("keys"))
            let before = try await store.load().revision
            // What a browser would send across sites without asking.
            for type in ["application/x-www-form-urlencoded", "text/plain"] {
                #expect(try await post(issuer, "/admin/keys/rotate", "{}", type: type).status == 415)
            }
            for body in ["", "[]", "{", #"{"now":1}"#, #"{"other":true}"#, #"{"now":true,"now":false}"#] {
                #expect(try await post(issuer, "/admin/keys/rotate", body).status == 400, "\(body)")
            }
            #expect(try await post(issuer, "/admin/deny/add", #"{"kind":"user","value":"x"}"#).status == 400)
            let large = #"{"reason":"\#(String(repeating: "x", count: 20_000))"}"#
            #expect(try await post(issuer, "/admin/keys/rotate", large).status == 413)
            let wrong = try await issuer.ask("/admin/keys/rotate", as: "admin")
            #expect(wrong.status == 405 && wrong.headers["allow"] == "POST")
            #expect(try await issuer.ask("/admin", as: "admin").status == 404)
            #expect(try await store.load().revision == before)
        }
    }
}
