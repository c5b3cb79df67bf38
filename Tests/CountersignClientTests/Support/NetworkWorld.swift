import CountersignClient
import CountersignTesting

/// What tests over real connections need, valid now by the wall clock.
struct NetworkWorld: Sendable {
    let authority: TestAuthority
    let issuer: TestIssuer
    let directory: TestDirectory
    let caller: TestIdentity

    init() throws {
        authority = try TestAuthority(at: .now())
        issuer = try World.issuer.get()
        directory = try TestDirectory()
        caller = try authority.issue("user-svc")
    }

    /// Writes the files of a caller, in place of those that were there.
    func files(_ identity: TestIdentity? = nil, trusting: TestAuthority? = nil) throws -> TLSFiles {
        let paths = try directory.write(identity ?? caller, as: "caller")
        return TLSFiles(
            certificate: .file(paths.certificate),
            privateKey: .file(paths.key),
            ca: .file(try directory.write((trusting ?? authority).certificate.pem, to: "ca.pem"))
        )
    }

    /// What a caller opens connections with.
    func material(_ identity: TestIdentity? = nil, trusting: TestAuthority? = nil) throws -> TLSMaterial {
        try TLSMaterial(files(identity, trusting: trusting), role: .client, at: .now())
    }

    /// A good token for whoever asks, or any token for the certificate that the connection proved.
    func answer(
        to request: IssuerServer.Request,
        audience: String = "search-svc",
        lifetime: Int64 = 300
    ) throws -> IssuerServer.Answer {
        let certificate = request.client ?? caller.certificate
        let claims = TokenClaims(
            issuer: TestIssuer.address,
            serviceID: "user-svc",
            audience: audience,
            roles: ["reader"],
            issuedAt: .now(),
            expiresAt: Timestamp.now().adding(seconds: lifetime),
            tokenID: "token-\(UInt64.random(in: 0 ... .max))",
            confirmation: Confirmation(certificateSHA256: certificate.sha256)
        )
        let token = try issuer.token(claims)
        return .json(200, #"{"access_token":"\#(token)","token_type":"Bearer","expires_in":\#(lifetime)}"#)
    }

    var keySetAnswer: IssuerServer.Answer {
        IssuerServer.Answer(
            headers: [("Content-Type", "application/jwk-set+json"), ("ETag", "\"one\""), ("Cache-Control", "max-age=300")],
            body: issuer.keys.json
        )
    }
}

extension IssuerServer.Answer {
    static func json(_ status: Int, _ body: String) -> IssuerServer.Answer {
        IssuerServer.Answer(status: status, headers: [("Content-Type", "application/json")], body: Array(body.utf8))
    }
}
