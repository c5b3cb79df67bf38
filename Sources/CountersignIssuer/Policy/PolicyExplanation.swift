internal import Countersign
public import CountersignCrypto
public import CountersignJOSE
internal import CountersignTLS

/// What a certificate would get from the issuer and why, decided by the issuer's own code.
public struct PolicyExplanation: Sendable {
    /// The service the certificate belongs to, or the first reason why it belongs to none.
    public let caller: Result<TokenCaller, TokenRefusal>
    /// For each audience asked about: the token's claims (but for `jti`, which is `-`), or the reason why there is none. Empty
    /// when there is no caller.
    public let tokens: [(audience: String, decision: Result<TokenClaims, TokenRefusal>)]

    /// - Parameters:
    ///   - certificate: The client certificate.
    ///   - intermediates: What a client would send along.
    ///   - audience: The audience to ask for; `nil` asks for every one that is granted.
    ///   - validator: The trust to judge the certificate by; see ``IssuerConfiguration/clientTrust()``.
    ///   - ring: Says who is denied; `nil` where that is not known, and then nobody is.
    public init(
        of certificate: Certificate, intermediates: [Certificate], audience: String?, under configuration: IssuerConfiguration,
        trust validator: PathValidator, ring: KeyRing? = nil, at now: Timestamp
    ) {
        let issuer = TokenIssuer(configuration.policy)
        let standing = validator.validate(certificate, intermediates: intermediates, purpose: .client, at: now)
        caller = issuer.caller(with: certificate, standing: standing).flatMap { caller in
            Result { () throws(TokenRefusal) in
                if let ring { try caller.check(Revocations(of: ring)) }
                return caller
            }
        }
        guard case .success(let caller) = caller else {
            tokens = []
            return
        }
        let granted = caller.service.audiences.keys.sorted()
        let audiences = audience.map { [$0] } ?? (granted.isEmpty ? ["any"] : granted)
        tokens = audiences.map { audience in
            let request = TokenRequest(target: .audience(audience))
            return (audience, issuer.claims(for: request, from: caller, tokenID: "-", at: now))
        }
    }
}

extension IssuerConfiguration {
    /// The trust that clients' certificates are judged by: CA and revocation lists, and nothing of the issuer's own.
    ///
    /// Blocks on the file system.
    ///
    /// - Throws: `TLSError` when a file cannot be read, `CryptoError` when it holds no certificates or lists.
    public func clientTrust() throws -> PathValidator {
        let lists = try tls.crl.map {
            try CertificateRevocationList.parsePEM($0.read(maxBytes: PEMSource.maxRevocationListBytes))
        }
        return try PathValidator(anchors: Certificate.parsePEM(tls.clientCA.read()), revocationLists: lists)
    }
}
