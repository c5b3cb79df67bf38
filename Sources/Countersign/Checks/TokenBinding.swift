/// How closely a token must belong to the certificate that comes with it: step 9, chosen by the receiver.
///
/// In every mode the peer has proved possession of its certificate's key, the certificate leads to a trusted authority, and it
/// names the token's service (steps 1, 2 and 8). The mode says which certificate of that service it may be. A common name alone
/// is never enough. docs/decisions/0006 weighs the modes against a thief.
public struct TokenBinding: Sendable, Hashable {
    private enum Mode: Sendable, Hashable {
        case strict
        case sameKey
        case sameSubject(issuedWithin: Int64, backdating: Int64)
    }

    private let mode: Mode

    /// The certificate with which the token was fetched and no other: `cnf` `x5t#S256` (RFC 8705 section 3). The default.
    public static let strict = TokenBinding(mode: .strict)

    /// That certificate, or one over the same public key: `cnf` `spki#S256`.
    ///
    /// A certificate that is issued again over its key keeps its tokens. As safe as ``strict`` against a thief of tokens: he
    /// lacks the private key.
    public static let sameKey = TokenBinding(mode: .sameKey)

    /// The certificate of the token, or its successor: `cnf` `holder#S256`.
    ///
    /// A successor has the whole subject and the SPIFFE ID of the certificate that the token was fetched with, is signed by an
    /// authority of the same public key, and was issued after the token: `notBefore` is later than `iat - backdating` and not
    /// later than `iat + issuedWithin`. Who holds an older certificate of the same name cannot use the token, nor who holds
    /// one of the same name from another authority. Whoever can have that authority issue such a certificate to himself can: he
    /// could also fetch tokens.
    ///
    /// - Parameters:
    ///   - issuedWithin: seconds after `iat` within which the successor must begin (0 to 86,400; clamped).
    ///   - backdating: by how many seconds the authority dates certificates back (0 to 3,600; clamped); `countersign pki` does by
    ///     300. Certificates that were issued so much before the token count as successors too.
    public static func sameSubject(issuedWithin: Int64, backdating: Int64 = 0) -> TokenBinding {
        TokenBinding(
            mode: .sameSubject(issuedWithin: min(max(issuedWithin, 0), 86_400), backdating: min(max(backdating, 0), 3600))
        )
    }

    /// Step 9.
    ///
    /// - Parameter authorityKey: who signed the certificate, by path validation; `nil` when nobody looked, and then no other
    ///   certificate counts as a successor.
    /// - Throws: ``Refusal`` with `binding-mismatch`, `binding-incomplete` or `binding-window`.
    func check(_ claims: TokenClaims, _ certificate: Certificate, authorityKey: SHA256Digest?) throws(Refusal) {
        if claims.confirmation.certificateSHA256 == certificate.sha256 { return }
        switch mode {
        case .strict:
            throw Refusal(.bindingMismatch, "the token is bound to another certificate of \(claims.serviceID)")
        case .sameKey:
            try Self.check(claims.confirmation.publicKeySHA256, is: certificate.publicKey.sha256, "key", of: claims)
        case .sameSubject(let issuedWithin, let backdating):
            let holder = authorityKey.map(certificate.holderSHA256(under:))
            try Self.check(claims.confirmation.holderSHA256, is: holder, "holder and authority", of: claims)
            let age = certificate.notBefore.seconds(since: claims.issuedAt)
            guard age > -backdating, age <= issuedWithin else {
                throw Refusal(
                    .bindingWindow,
                    """
                    the certificate begins \(age) s after the token's iat; the successor of the token's certificate begins more \
                    than \(-backdating) s and at most \(issuedWithin) s after it
                    """
                )
            }
        }
    }

    private static func check(
        _ expected: SHA256Digest?, is actual: SHA256Digest?, _ what: String, of claims: TokenClaims
    ) throws(Refusal) {
        guard let expected else {
            throw Refusal(
                .bindingIncomplete,
                "the token is bound to another certificate of \(claims.serviceID), and does not say of which \(what)"
            )
        }
        guard expected == actual else {
            throw Refusal(.bindingMismatch, "the token is bound to another \(what) of \(claims.serviceID)")
        }
    }
}
