import CountersignClient
import CountersignCrypto
import CountersignTLS

/// `token fetch --debug`: what happens on the way to a token, step by step and in words, on standard error. Never the token.
struct FetchDiagnosis {
    let issuer: String
    let files: TLSFiles
    let audience: String
    let scope: [String]

    func run() async throws -> TokenResponse {
        describeOwnFiles()
        let material = try TLSMaterial(files, role: .client, at: .now())
        say("own key", "is the key of the certificate")
        describeOwnPath(material)
        let address = try IssuerAddress(issuer)
        describe(await HandshakeProbe.run(address, material: material, at: .now()))
        let sentAt = Timestamp.now()
        let response = try await fetchToken(from: issuer, tls: material, audience: audience, scope: scope) { request, answer in
            describe(request)
            describe(answer, sentAt: sentAt)
        }
        describe(response)
        return response
    }

    private func say(_ step: String, _ words: String) {
        StandardError.write("\(step.padding(to: 14))\(words)")
    }

    // MARK: our side

    /// What can be said even of files that cannot be used.
    private func describeOwnFiles() {
        let now = Timestamp.now()
        if let chain = try? Certificate.parsePEM(files.certificate.read()), let own = chain.first {
            say("own", "\(own.subject), serial \(own.serialHex), from \(files.certificate)")
            say("", "issued by \(own.issuer)\(chain.count > 1 ? ", sent with \(chain.count - 1) intermediates" : "")")
            say("", "valid \(own.notBefore) to \(own.notAfter)\(Self.standing(of: own, at: now))")
            say("", "for \(Self.purposes(own))")
            if let id = own.spiffeID { say("", "SPIFFE ID \(id)") }
        } else {
            say("own", "no certificate could be read from \(files.certificate)")
        }
        if let authorities = try? Certificate.parsePEM(files.ca.read()) {
            for authority in authorities {
                say("trusted", "\(authority.subject), until \(authority.notAfter)\(Self.standing(of: authority, at: now))")
            }
        } else {
            say("trusted", "no authority could be read from \(files.ca)")
        }
    }

    /// The issuer judges our certificate by authorities of its own, which are usually the same.
    private func describeOwnPath(_ material: TLSMaterial) {
        let validator = try? PathValidator(anchors: material.validator.anchors, revocationLists: nil)
        let intermediates = Array(material.chain.dropFirst())
        switch validator?.validate(material.certificate, intermediates: intermediates, purpose: .client, at: .now()) {
        case .success?: say("own path", "leads to the authorities in \(files.ca)")
        case .failure(let failure)?:
            say(
                "own path",
                "does NOT lead to the authorities in \(files.ca), \(failure.code): the issuer has to trust another one")
        case nil: break
        }
    }

    private static func standing(of certificate: Certificate, at now: Timestamp) -> String {
        if now > certificate.notAfter { return ": EXPIRED" }
        if now < certificate.notBefore { return ": NOT YET VALID" }
        return ""
    }

    private static func purposes(_ certificate: Certificate) -> String {
        let usages = certificate.extendedKeyUsages
        if usages.isEmpty { return "any purpose" }
        let known = ["1.3.6.1.5.5.7.3.1": "TLS servers", "1.3.6.1.5.5.7.3.2": "TLS clients", "2.5.29.37.0": "any purpose"]
        return usages.map { known[$0] ?? $0 }.joined(separator: " and ")
    }

    // MARK: the connection

    private func describe(_ report: HandshakeReport) {
        guard let address = report.connectedTo else {
            return say("connection", "to \(report.target) FAILED: \(report.failure ?? "no reason was given")")
        }
        say("connection", "to \(report.target) at \(address)")
        if let server = report.serverChain.first {
            say("server", "\(server.subject), issued by \(server.issuer)")
            say("", "valid \(server.notBefore) to \(server.notAfter)\(Self.standing(of: server, at: .now()))")
            say("", "names \(Self.names(of: server))")
            say("", "key \(KeyPin(of: server))")
            if let distrust = report.distrust {
                say("verdict", "we do NOT trust the server, \(distrust.code): \(distrust.message)")
            } else {
                say("verdict", "our authorities vouch for the server")
            }
        }
        if let version = report.version {
            say("handshake", "\(version), complete on our side; our certificate was sent")
            if let failure = report.failure {
                say("", "then the server REFUSED it: with TLS 1.3 the verdict comes late (\(Self.short(failure)))")
            }
        } else {
            say("handshake", "FAILED: \(report.failure.map(Self.short) ?? "the server did not go on")")
        }
    }

    private static func names(of certificate: Certificate) -> String {
        let names = certificate.subjectAlternativeNames.map(\.description)
        return names.isEmpty ? "none" : names.joined(separator: ", ")
    }

    /// The useful part of what the TLS library says.
    private static func short(_ failure: String) -> String {
        if failure.contains("ailedToValidateHostname") {
            return "the server's certificate does not have the name that was asked for"
        }
        return ErrorWords.tls(in: failure)
    }

    // MARK: request and answer

    private func describe(_ request: IssuerRequest) {
        say("request", "\(request.method.rawValue) \(request.url)")
        say("", String(decoding: request.body, as: UTF8.self))
    }

    private func describe(_ answer: IssuerAnswer, sentAt: Timestamp) {
        say("answer", "\(answer.status), \(answer.header("Content-Type") ?? "no content type"), \(answer.body.count) bytes")
        switch answer.clockSkew(sentAt: sentAt, receivedAt: .now()) {
        case nil: say("clock", "the answer has no date")
        case 0?: say("clock", "agrees with the issuer's")
        case let skew?:
            say(
                "clock",
                "ours is \(skew.magnitude) s \(skew > 0 ? "behind" : "ahead of") the issuer's: check time synchronisation")
        }
    }

    private func describe(_ response: TokenResponse) {
        let claims = response.token.claims
        say("token", "of \(claims.serviceID) for \(claims.audience.joined(separator: ", ")), id \(claims.tokenID)")
        say("", "roles \(claims.roles.isEmpty ? "none" : claims.roles.joined(separator: " "))")
        say("", "scope \(claims.scope.isEmpty ? "none" : claims.scope.joined(separator: " "))")
        say("", "lives \(response.expiresIn) s\(response.refreshIn.map { ", to be renewed after \($0) s" } ?? "")")
        say("", "bound to our certificate")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
