import CountersignCrypto
import CountersignJSON
import CountersignTesting
import Foundation
import Testing

/// What a running issuer takes over, and what it does not.
@Suite(.serialized) struct ReloadTests {
    private func withIssuer(_ body: (RunningIssuer) async throws -> Void) async throws {
        let issuer = try await RunningIssuer.start(try IssuerFolder())
        try await body(issuer)
        #expect(try await issuer.stop() == 0)
    }

    private func expectUnknown(_ audience: String, _ curl: Curl) throws {
        let answer = try curl.token("grant_type=client_credentials&audience=\(audience)")
        #expect(answer.oauthError == "invalid_target")
    }

    @Test func reloadsOnHangup() async throws {
        try await withIssuer { issuer in
            let mark = try issuer.mark()
            issuer.send(SIGHUP)
            try await issuer.logs("configuration reloaded", "services=2", since: mark)
            #expect(try Curl(issuer: issuer).token().status == 200)
        }
    }

    @Test func takesOverAChangedPolicyAndNothingOfABadOne() async throws {
        try await withIssuer { issuer in
            let curl = Curl(issuer: issuer)
            let folder = issuer.folder
            let good = String(decoding: try folder.files.read("countersign.yaml"), as: UTF8.self)
            try expectUnknown("audit-svc", curl)

            var mark = try issuer.mark()
            try folder.replace("countersign.yaml", with: good.replacingOccurrences(of: "billing-svc: {}", with: "audit-svc: {}"))
            try await issuer.logs("configuration reloaded", since: mark)
            #expect(try curl.token("grant_type=client_credentials&audience=audit-svc").status == 200)
            try expectUnknown("billing-svc", curl)

            // By change, and when asked to.
            mark = try issuer.mark()
            try folder.replace(
                "countersign.yaml", with: good.replacingOccurrences(of: "  - id: user-svc", with: "  - idd: user-svc"))
            try await issuer.logs("configuration not reloaded", "countersign.yaml:17:", "unknown key", since: mark)
            mark = try issuer.mark()
            issuer.send(SIGHUP)
            try await issuer.logs("configuration not reloaded", "countersign.yaml:17:", since: mark)
            #expect(try curl.token("grant_type=client_credentials&audience=audit-svc").status == 200)

            mark = try issuer.mark()
            try FileManager.default.removeItem(atPath: folder.files.path("countersign.yaml"))
            try await issuer.logs("configuration not reloaded", "there is no such file", since: mark)
            #expect(try curl.token("grant_type=client_credentials&audience=audit-svc").status == 200)

            mark = try issuer.mark()
            try folder.files.write(good, to: "countersign.yaml")
            try await issuer.logs("configuration reloaded", since: mark)
            #expect(try curl.token("grant_type=client_credentials&audience=billing-svc").status == 200)
            try expectUnknown("audit-svc", curl)
        }
    }

    @Test func saysWhatOnlyARestartCanChange() async throws {
        try await withIssuer { issuer in
            let text = String(decoding: try issuer.folder.files.read("countersign.yaml"), as: UTF8.self)
            let mark = try issuer.mark()
            try issuer.folder.replace(
                "countersign.yaml",
                with: text.replacingOccurrences(
                    of: "issuer: https://issuer.link.internal:8443", with: "issuer: https://issuer.link.internal")
            )
            try await issuer.logs("issuer was changed in the configuration: restart", since: mark)
            try await issuer.logs("configuration reloaded", since: mark)
            #expect(try IssuedToken(try Curl(issuer: issuer).token()).claims.string("iss") == IssuerFolder.issuer)
        }
    }

    @Test func servesARenewedCertificateOnNewConnections() async throws {
        try await withIssuer { issuer in
            let folder = issuer.folder
            func served() throws -> String {
                let shown = try Shell.run(
                    "timeout", "20", "openssl", "s_client", "-connect", "127.0.0.1:\(issuer.port)", "-CAfile",
                    folder.files.path("certs/ca.pem"), "-verify_return_error"
                )
                let leaf = try Certificate.parsePEM(shown.output)
                return leaf.first?.serialHex ?? "none"
            }
            let old = try folder.certificate("issuer")
            #expect(try served() == old.serialHex)
            let kept = try TLSSession(to: issuer)
            try kept.send(TLSSession.tokenRequest())
            #expect(try await kept.answer().status == 200)

            // A key without its certificate: somebody is in the middle of it.
            let renewed = try folder.authority.issue("issuer")
            var mark = try issuer.mark()
            try folder.replace("certs/issuer/key.pem", with: String(decoding: try renewed.keyPEM(), as: UTF8.self))
            try await issuer.logs("TLS files not reloaded", "reason=", since: mark)
            #expect(try served() == old.serialHex)

            mark = try issuer.mark()
            try folder.files.write(renewed, as: "certs/issuer")
            try await issuer.logs("TLS files reloaded", "serial=\(renewed.certificate.serialHex)", since: mark)
            #expect(try served() == renewed.certificate.serialHex)

            try kept.send(TLSSession.tokenRequest())
            #expect(try await kept.answer(2).status == 200)
        }
    }

    @Test func refusesARevokedCertificateOnItsNextRequest() async throws {
        try await withIssuer { issuer in
            let folder = issuer.folder
            let kept = try TLSSession(to: issuer)
            try kept.send(TLSSession.tokenRequest())
            #expect(try await kept.answer().status == 200)

            let mark = try issuer.mark()
            try folder.writeRevocationList(revoking: [try folder.certificate("user-svc")])
            try await issuer.logs("TLS files reloaded", since: mark)
            try kept.send(TLSSession.tokenRequest())
            let answer = try await kept.answer(2)
            #expect(answer.status == 401)
            #expect(answer.oauthError == "invalid_client")
            try await issuer.logs("token refused", "reason=certificate-revoked", since: mark)

            let again = try Curl(issuer: issuer).run(
                "/oauth2/token", ["--data-raw", "grant_type=client_credentials&audience=search-svc"])
            #expect(!again.succeeded && again.output.isEmpty)
            try await issuer.logs("connection refused", "reason=certificate-revoked", since: mark)
            #expect(try Curl(issuer: issuer, service: "search-svc").token().oauthError == "unauthorized_client")
        }
    }

    @Test func doesNotResumeASessionOfARevokedCertificate() async throws {
        try await withIssuer { issuer in
            let saved = issuer.folder.files.path("session.pem")
            let first = try TLSSession(to: issuer, arguments: ["-sess_out", saved])
            try first.send(TLSSession.tokenRequest(close: true))
            try await first.end()
            #expect(try first.answers().map(\.status) == [200])

            // Without a certificate at hand, all it can do is resume.
            func resumed() async throws -> [HTTPAnswer] {
                let session = try TLSSession(to: issuer, as: nil, arguments: ["-sess_in", saved])
                try? session.send(TLSSession.tokenRequest(close: true))
                try await session.end()
                return try session.answers()
            }
            #expect(try await resumed().map(\.status) == [200])

            let mark = try issuer.mark()
            try issuer.folder.writeRevocationList(revoking: [try issuer.folder.certificate("user-svc")])
            try await issuer.logs("TLS files reloaded", since: mark)
            #expect(try await resumed().isEmpty)
        }
    }

    @Test func acceptsAnIntermediateOnlyWithItsRevocationList() async throws {
        try await withIssuer { issuer in
            let folder = issuer.folder
            let intermediate = try folder.authority.intermediate()
            try folder.files.write(try intermediate.issue("user-svc"), as: "certs/below")
            let curl = Curl(issuer: issuer, service: "below")
            #expect(!(try curl.run("/oauth2/token").succeeded))
            try await issuer.logs("connection refused", "reason=crl-missing")

            let mark = try issuer.mark()
            try folder.replace(
                "certs/crl.pem", with: try folder.authority.revocationList().pem + intermediate.revocationList().pem
            )
            try await issuer.logs("TLS files reloaded", "revocationLists=2", since: mark)
            #expect(try curl.token().status == 200)
        }
    }

    @Test func answersThatItCannotKnowOnceTheRevocationListHasExpired() async throws {
        try await withIssuer { issuer in
            let kept = try TLSSession(to: issuer)
            try kept.send(TLSSession.tokenRequest())
            #expect(try await kept.answer().status == 200)
            let mark = try issuer.mark()
            try issuer.folder.writeRevocationList(lasting: 6)
            try await issuer.logs("TLS files reloaded", since: mark)
            var count = 1
            let answer = try await eventually("an expired revocation list") {
                count += 1
                try kept.send(TLSSession.tokenRequest())
                let answer = try await kept.answer(count)
                return answer.status == 200 ? nil : answer
            }
            #expect(answer.status == 503)
            #expect(answer.oauthError == "temporarily_unavailable")
            #expect(answer.header("Retry-After") != nil)
            try await issuer.logs("token refused", "reason=crl-expired", since: mark)
            let ready = try Shell.run("curl", "--silent", "--noproxy", "*", "--max-time", "20", "\(issuer.operations)/readyz")
            #expect(ready.standardOutput.contains(#""crl":"failing""#))

            // A fresh one brings everybody back, on the connections they have.
            let renewed = try issuer.mark()
            try issuer.folder.writeRevocationList()
            try await issuer.logs("TLS files reloaded", since: renewed)
            try kept.send(TLSSession.tokenRequest())
            #expect(try await kept.answer(count + 1).status == 200)
        }
    }
}
