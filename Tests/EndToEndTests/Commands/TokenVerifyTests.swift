import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import CountersignTesting
import Testing

/// `countersign token verify`: each attack of the verification order has its own answer.
@Suite(.serialized, .receiverFolder) struct TokenVerifyTests {
    /// A token or a certificate that is not good, and the reason that has to come out.
    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: String
        /// Makes the token, and the options that differ.
        let make: @Sendable (ReceiverFolder) throws -> (token: String, options: [String: String?])

        init(
            _ reason: String, _ name: String, options: [String: String?] = [:],
            token: @escaping @Sendable (ReceiverFolder) throws -> String
        ) {
            self.init(reason, name) { (try token($0), options) }
        }

        init(
            _ reason: String, _ name: String, certificate: @escaping @Sendable (ReceiverFolder) throws -> TestIdentity
        ) {
            self.init(reason, name) { receiver in
                let identity = try certificate(receiver)
                let token = try receiver.issuer.token(for: identity, service: "user-svc", audience: "search-svc")
                return (token, ["--certificate": try receiver.certificate("other", identity)])
            }
        }

        init(
            _ reason: String, _ name: String,
            make: @escaping @Sendable (ReceiverFolder) throws -> (token: String, options: [String: String?])
        ) {
            testDescription = "\(reason): \(name)"
            self.reason = reason
            self.make = make
        }
    }

    static let certificates = [
        Attack("certificate-expired", "a certificate that ran out") { try $0.authority.issue("user-svc", until: -1) },
        Attack("certificate-not-yet-valid", "a certificate of tomorrow") { try $0.authority.issue("user-svc", from: 600) },
        Attack("certificate-untrusted", "another authority of the same name") { _ in try TestAuthority().issue("user-svc") },
        Attack("certificate-purpose", "a certificate for servers only") {
            try $0.authority.issue("user-svc", role: .service([.server]))
        },
        Attack("certificate-is-ca", "an authority as caller") {
            try $0.authority.issue("user-svc", role: .authority(pathLength: 0))
        },
        Attack("certificate-revoked", "a revoked certificate") { receiver in
            try receiver.files.write(
                try receiver.authority.revocationList(revoking: [receiver.caller.certificate]).pem, to: "revoked.pem")
            return (try receiver.token(), ["--crl": "revoked.pem"])
        },
        Attack("crl-expired", "a revocation list that ran out") { receiver in
            try receiver.files.write(try receiver.authority.revocationList(until: -1).pem, to: "old.pem")
            return (try receiver.token(), ["--crl": "old.pem"])
        },
        Attack("crl-missing", "a revocation list of somebody else") { receiver in
            try receiver.files.write(try TestAuthority("Other CA").revocationList().pem, to: "foreign.pem")
            return (try receiver.token(), ["--crl": "foreign.pem"])
        },
        Attack("certificate-ambiguous", "two common names") {
            try $0.authority.issue(
                "user-svc",
                subject: DistinguishedName([
                    (.organization, "Link Service"), (.commonName, "user-svc"), (.commonName, "admin-svc"),
                ])
            )
        },
        Attack("certificate-ambiguous", "two SPIFFE IDs") {
            try $0.authority.issue(
                "user-svc", names: ["user-svc", "admin-svc"].map { .uri("spiffe://link.internal/service/\($0)") }
            )
        },
        Attack("subject-incomplete", "a subject without an organization") { try $0.withoutOrganization() },
        Attack(
            "subject-not-allowed", "a subject nobody allows", options: ["--allow": "CN=admin-svc.link.internal,O=Link Service"]
        ) {
            try $0.token()
        },
        Attack(
            "subject-not-allowed", "the fields in another order", options: ["--allow": "O=Link Service,CN=user-svc.link.internal"]
        ) {
            try $0.token()
        },
    ]

    static let tokens = [
        Attack("token-malformed", "two parts") { "\(try $0.token().split(separator: ".").prefix(2).joined(separator: "."))" },
        Attack("token-malformed", "padding") { "\(try $0.token())==" },
        Attack("token-malformed", "no signature") { "\(try $0.token().split(separator: ".").prefix(2).joined(separator: "."))." },
        Attack("token-too-large", "nine kilobytes") { _ in String(repeating: "a", count: 9000) },
        Attack("authorization-malformed", "two tokens") { "\(try $0.token()) \(try $0.token())" },
        Attack("header-algorithm", "none") { try $0.token(header: #"{"alg":"none","kid":"KID","typ":"at+jwt"}"#) },
        Attack("header-algorithm", "HS256") { try $0.token(header: #"{"alg":"HS256","kid":"KID","typ":"at+jwt"}"#) },
        Attack("header-type", "an identity token") { try $0.token(header: #"{"alg":"RS256","kid":"KID","typ":"JWT"}"#) },
        Attack("header-critical", "crit") { try $0.token(header: #"{"alg":"RS256","kid":"KID","typ":"at+jwt","crit":["exp"]}"#) },
        Attack("header-unexpected", "jku") {
            try $0.token(header: #"{"alg":"RS256","kid":"KID","typ":"at+jwt","jku":"https://evil"}"#)
        },
        Attack("header-key-id", "a path") { try $0.token(header: #"{"alg":"RS256","kid":"../jwks.json","typ":"at+jwt"}"#) },
        Attack("header-malformed", "two algorithms") {
            try $0.token(header: #"{"alg":"none","alg":"RS256","kid":"KID","typ":"at+jwt"}"#)
        },
        Attack("key-unknown", "a key of another issuer") { receiver in
            let other = try TestIssuer()
            return try other.token(for: receiver.caller, service: "user-svc", audience: "search-svc")
        },
        Attack("signature-invalid", "another key under our name") { receiver in
            try TestIssuer().token(
                header: Array(receiver.goodHeader.utf8), payload: CompactJWS(Array(try receiver.token().utf8)).payload)
        },
        Attack("signature-invalid", "other claims under the signature") { receiver in
            let parts = try [receiver.token(), receiver.token { $0.roles = ["admin"] }].map { $0.split(separator: ".") }
            return "\(parts[0][0]).\(parts[1][1]).\(parts[0][2])"
        },
        Attack("issuer-mismatch", "a slash more") { try $0.token { $0.issuer += "/" } },
        Attack("audience-mismatch", "for another service") { try $0.token { $0.audience = ["billing-svc"] } },
        Attack("audience-mismatch", "for us in capitals") { try $0.token { $0.audience = ["SEARCH-SVC"] } },
        Attack("token-expired", "this very second") { receiver in
            try receiver.token {
                $0.issuedAt = receiver.now.adding(seconds: -300)
                $0.notBefore = $0.issuedAt
                $0.expiresAt = receiver.now
            }
        },
        Attack("token-not-yet-valid", "a second beyond the leeway") { receiver in
            try receiver.token { $0.notBefore = receiver.now.adding(seconds: 61) }
        },
        Attack("token-not-yet-valid", "without leeway", options: ["--leeway": "0"]) { receiver in
            try receiver.token { $0.notBefore = receiver.now.adding(seconds: 1) }
        },
        Attack("token-lifetime", "a day") { receiver in try receiver.token { $0.expiresAt = receiver.now.adding(seconds: 86_400) }
        },
        Attack("claim-missing", "no expiry") { try $0.token(payload: #""exp""#, #""expires""#) },
        Attack("claim-missing", "no binding") { try $0.token(payload: #""cnf""#, #""conf""#) },
        Attack("claim-missing", "no audience") { try $0.token(payload: #""aud""#, #""audience""#) },
        Attack("claim-type", "roles in one string") { try $0.token(payload: #""roles":["reader"]"#, #""roles":"reader""#) },
        Attack("claims-malformed", "two audiences") { try $0.token(payload: #""aud""#, #""aud":"search-svc","aud""#) },
        Attack("subject-mismatch", "a subject that is not the service") { try $0.token { $0.subject = "admin-svc" } },
        Attack("service-mismatch", "stolen by another service") { receiver in
            let thief = try receiver.authority.issue("thief-svc")
            return (try receiver.token(), ["--certificate": try receiver.certificate("thief", thief)])
        },
        Attack("binding-mismatch", "the same service with a renewed certificate") { receiver in
            let renewed = try receiver.authority.issue("user-svc")
            return (try receiver.token(), ["--certificate": try receiver.certificate("renewed", renewed)])
        },
        Attack("binding-mismatch", "bound to the key instead of the certificate") { receiver in
            try receiver.token { $0.confirmation = Confirmation(certificateSHA256: receiver.caller.certificate.publicKey.sha256) }
        },
    ]

    let receiver: ReceiverFolder

    init() throws {
        receiver = try #require(ReceiverFolder.current)
    }

    @Test(arguments: certificates + tokens) func refuses(_ attack: Attack) throws {
        let (token, options) = try attack.make(receiver)
        let result = try receiver.verify(token, options)
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.standardOutput == attack.reason)
        #expect(result.error.hasPrefix("\(attack.reason): "), "\(result)")
        #expect(!result.standardError.contains("eyJhbGciOi"))
    }

    @Test func acceptsTheGoodTokenAndSaysWhoCalls() throws {
        let result = try receiver.verify(try receiver.token())
        #expect(result.succeeded, "\(result)")
        #expect(result.standardError.isEmpty)
        let caller = try JSONReader.parseObject(result.output)
        #expect(caller["verified"] == .bool(true))
        #expect(caller.string("service_id") == "user-svc")
        #expect(caller.string("subject") == "CN=user-svc.link.internal,O=Link Service")
        #expect(caller.string("spiffe_id") == "spiffe://link.internal/service/user-svc")
        #expect(caller.string("certificate_sha256") == receiver.caller.certificate.sha256.hex)
        #expect(caller.strings("roles") == ["reader"])
        #expect(caller.string("scope") == "search:read")
        #expect(caller.string("kid") == receiver.issuer.keyID.rawValue)
    }

    @Test func acceptsEveryWayToSayTheSame() throws {
        let token = try receiver.token()
        #expect(try receiver.verify("  \(token)\n").succeeded)
        #expect(try receiver.verify(token, ["--at": receiver.now.description]).succeeded)
        #expect(try receiver.verify(token, ["--at": receiver.now.adding(seconds: 299).description]).succeeded)
        #expect(try receiver.verify(token, ["--at": receiver.now.adding(seconds: -60).description]).succeeded)
        #expect(try receiver.verify(token, ["--allow": "CN=user-svc.link.internal,O=Link Service"]).succeeded)
        #expect(try receiver.verify(token, ["--crl": nil]).succeeded)
        let bare = try receiver.verify(token, ["--crl": nil, "--ca": nil])
        #expect(bare.succeeded)
        #expect(bare.standardError.contains("warning: without --ca nobody vouches for the certificate"))
    }

    @Test func requiresTheSubjectFieldsThatTheReceiverRequires() throws {
        let short = try receiver.withoutOrganization()
        let token = try receiver.issuer.token(for: short, service: "user-svc", audience: "search-svc")
        let path = try receiver.certificate("short", short)
        func verdict(_ options: [String: String?]) throws -> String {
            let result = try receiver.verify(token, options.merging(["--certificate": path]) { $1 })
            return result.succeeded ? "accepted" : result.standardOutput
        }
        let refused = try receiver.verify(token, ["--certificate": path])
        #expect(refused.standardOutput == "subject-incomplete")
        #expect(refused.hint.contains("--required-subject-fields"), "\(refused)")
        for (fields, expected) in [
            ("CN", "accepted"), ("cn", "accepted"), ("none", "accepted"), ("CN,O", "subject-incomplete"),
            ("O", "subject-incomplete"),
            ("CN,OU", "subject-incomplete"),
        ] {
            #expect(try verdict(["--required-subject-fields": fields]) == expected, "\(fields)")
        }
        let bare: [String: String?] = ["--ca": nil, "--crl": nil]
        #expect(try verdict(bare) == "accepted")
        #expect(try verdict(bare.merging(["--required-subject-fields": "CN,O"]) { $1 }) == "subject-incomplete")
        for fields in ["", "CN,", "Dept", "CN O", "none,CN"] {
            #expect(try receiver.verify(token, ["--required-subject-fields": fields]).exitCode == 64, "\(fields)")
        }
    }

    @Test func explainsWhichCheckSaidNo() throws {
        let token = try receiver.token { $0.audience = ["billing-svc"] }
        let lines = try receiver.verify(token, flags: ["--explain"]).standardError.split(separator: "\n")
        #expect(
            lines.prefix(11).map { $0.split(separator: ":").first ?? "" }
                == (1...11).map { step in
                    "\(step). \(step < 7 ? "passed" : step == 7 ? "failed" : "not-reached")"
                })
    }

    @Test func saysWhatItHasNotChecked() throws {
        func steps(_ options: [String: String?], _ token: String? = nil) throws -> [String] {
            let lines = try receiver.verify(try token ?? receiver.token(), options, flags: ["--explain"]).standardError
                .split(separator: "\n").map(String.init)
            return lines.filter { $0.contains("not checked") }
        }
        let denials =
            "10. not checked: revoked keys and denied services, certificates and keys, which only the issuer's status knows"
        #expect(try steps([:]) == [denials])
        #expect(try steps(["--crl": nil]) == ["2. not checked: whether the certificate is revoked, which needs --crl", denials])
        #expect(
            try steps(["--crl": nil, "--ca": nil]) == [
                "2. not checked: whether the certificate leads to a trusted authority, which needs --ca",
                "2. not checked: whether the certificate is revoked, which needs --crl", denials,
            ])
        // What was not reached has not been left out.
        #expect(try steps([:], try receiver.token { $0.audience = ["billing-svc"] }) == [])
        let all = try receiver.verify(receiver.token(), flags: ["--explain"]).standardError.split(separator: "\n")
        #expect(all.filter { $0.hasPrefix("10. ") } == [Substring(denials)])
        #expect(all.filter { $0.hasPrefix("2. ") }.count == 1 && all.contains { $0.hasPrefix("2. passed: ") })
    }

    @Test func standardInputIsReadToItsEndOrNotAtAll() throws {
        let token = try receiver.token()
        let full = token + String(repeating: " ", count: 9216 - token.utf8.count)
        #expect(try receiver.verify(full).succeeded)
        let result = try receiver.verify(full + " ")
        #expect(result.exitCode == 64 && result.output.isEmpty, "\(result)")
        #expect(result.error == "standard input is longer than 9216 bytes" && !result.hint.isEmpty)
    }

    @Test func letsATokenOutliveTheRenewalOfItsCertificateWhenToldSo() throws {
        let token = try receiver.token { $0.issuedAt = receiver.now.adding(seconds: -120) }
        let key = try receiver.certificate(
            "same-key", receiver.authority.issue("user-svc", from: -60, key: receiver.caller.key))
        let name = try receiver.certificate("same-subject", receiver.authority.issue("user-svc", from: -60))
        let early = try receiver.certificate("early", receiver.authority.issue("user-svc", from: -180))
        func verdict(_ certificate: String, _ options: [String: String?]) throws -> String {
            let result = try receiver.verify(token, options.merging(["--certificate": certificate]) { $1 })
            return result.succeeded ? "accepted" : result.standardOutput
        }
        #expect(try verdict(key, [:]) == "binding-mismatch")
        #expect(try verdict(key, ["--binding": "strict"]) == "binding-mismatch")
        #expect(try verdict(key, ["--binding": "same-key"]) == "accepted")
        #expect(try verdict(name, ["--binding": "same-key"]) == "binding-mismatch")
        #expect(try verdict(name, ["--binding": "same-subject"]) == "accepted")
        #expect(try verdict(name, ["--binding": "same-subject", "--issued-within": "59s"]) == "binding-window")
        #expect(try verdict(early, ["--binding": "same-subject"]) == "binding-window")
        #expect(try verdict(early, ["--binding": "same-subject", "--backdating": "61s"]) == "accepted")
        #expect(try receiver.verify(token, ["--binding": "loose"]).exitCode == 64)
        #expect(try receiver.verify(token, ["--binding": "same-subject", "--ca": nil, "--crl": nil]).exitCode == 64)
    }

    @Test func failsOnFilesThatAreNotThereOrNotRight() throws {
        let token = try receiver.token()
        for option in ["--jwks", "--certificate", "--ca", "--crl"] {
            let gone = try receiver.verify(token, [option: "gone.pem"])
            #expect(gone.exitCode == 78, "\(option)")
            #expect(gone.error.contains("gone.pem"), "\(gone)")
            try receiver.files.write("nonsense", to: "nonsense.pem")
            let nonsense = try receiver.verify(token, [option: "nonsense.pem"])
            #expect(nonsense.exitCode == 78, "\(option)")
            #expect(nonsense.error.contains("nonsense.pem"), "\(nonsense)")
            #expect(!nonsense.hint.isEmpty, "\(nonsense)")
        }
        #expect(try receiver.verify(token, ["--allow": "nonsense"]).exitCode == 64)
        #expect(try receiver.verify(token, ["--leeway": "301s"]).exitCode == 64)
        #expect(try receiver.verify(token, ["--at": "tomorrow"]).exitCode == 64)
        #expect(try receiver.verify(token, ["--ca": nil]).exitCode == 64)
        #expect(try receiver.verify(token, ["--certificate": nil]).exitCode == 64)
        #expect(try receiver.verify("").exitCode == 64)
    }

    /// A file that is PEM and refused all the same has another fault than its form.
    @Test func saysThatAFileIsToBePEMOnlyWhereItIsNot() throws {
        let token = try receiver.token()
        for label in ["CERTIFICATE", "X509 CRL"] {
            try receiver.files.write("-----BEGIN \(label)-----\nAAAA\n-----END \(label)-----\n", to: "empty \(label).pem")
        }
        try receiver.files.write(receiver.caller.certificate.der, to: "certificate.der")
        for option in ["--certificate", "--ca", "--crl"] {
            #expect(try receiver.verify(token, [option: "certificate.der"]).hint.hasSuffix("file is PEM text"), "\(option)")
            for file in option == "--crl" ? ["ca.pem", "empty X509 CRL.pem"] : ["crl.pem", "empty CERTIFICATE.pem"] {
                let result = try receiver.verify(token, [option: file])
                #expect(result.exitCode == 78, "\(option) \(file): \(result)")
                #expect(result.error.hasPrefix("\(file): ") && result.hint.isEmpty, "\(option) \(file): \(result)")
            }
        }
    }

    @Test func refusesAListThatIsSignedTooWeaklyWithoutBlamingItsForm() throws {
        let openssl = OpenSSLCertificates(try TestDirectory())
        _ = try openssl.root()
        try openssl.directory.write("", to: "index.txt")
        let configuration = try openssl.directory.write(
            "[ca]\ndefault_ca=own\n[own]\ndatabase=\(openssl.directory.path("index.txt"))\ndefault_crl_days=1\n", to: "ca.cnf")
        let list = openssl.directory.path("weak.pem")
        let made = try Shell.run(
            "openssl", "ca", "-gencrl", "-config", configuration, "-md", "sha1", "-cert", openssl.directory.path("root.pem"),
            "-keyfile", openssl.directory.path("root.key"), "-out", list)
        try #require(made.succeeded, "\(made)")
        let result = try receiver.verify(try receiver.token(), ["--crl": list])
        #expect(result.exitCode == 78)
        #expect(result.error.contains("too weak") && result.hint.isEmpty, "\(result)")
    }

    @Test func refusesAKeySetWithAPrivateKeyInIt() throws {
        let text = String(decoding: receiver.issuer.keys.json, as: UTF8.self)
        try receiver.files.write(text.replacing(#""kty":"#, with: #""d":"AQAB","kty":"#), to: "private.json")
        let result = try receiver.verify(try receiver.token(), ["--jwks": "private.json"])
        #expect(result.exitCode == 78)
        #expect(!result.standardError.contains("AQAB"))
    }
}
