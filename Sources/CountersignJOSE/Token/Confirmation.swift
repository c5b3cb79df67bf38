public import CountersignCrypto
internal import CountersignJSON

/// The claim `cnf`: the certificate that must come with the token (RFC 7800, RFC 8705 section 3.1).
///
/// `x5t#S256` is always there. The other two members are for receivers that let a token outlive the renewal of its certificate;
/// whoever does not know them ignores them (RFC 7800 section 3.1). docs/decisions/0006 says why they are called so.
public struct Confirmation: Hashable, Sendable {
    /// `x5t#S256`: SHA-256 of the certificate's DER.
    public let certificateSHA256: SHA256Digest
    /// `spki#S256`: SHA-256 of the certificate's SubjectPublicKeyInfo, ``CountersignCrypto/PublicKey/sha256``.
    public let publicKeySHA256: SHA256Digest?
    /// `holder#S256`: ``CountersignCrypto/Certificate/holderSHA256(under:)``.
    public let holderSHA256: SHA256Digest?

    /// Binds to a certificate by its digest, ``CountersignCrypto/Certificate/sha256``, and perhaps to its key and its holder.
    public init(certificateSHA256: SHA256Digest, publicKeySHA256: SHA256Digest? = nil, holderSHA256: SHA256Digest? = nil) {
        self.certificateSHA256 = certificateSHA256
        self.publicKeySHA256 = publicKeySHA256
        self.holderSHA256 = holderSHA256
    }

    /// Binds to a certificate in every way there is.
    ///
    /// - Parameter authorityKey: `ValidatedPath.authorityKeySHA256` of the certificate's path; without it the holder is left out.
    public init(_ certificate: Certificate, authorityKey: SHA256Digest?) {
        self.init(
            certificateSHA256: certificate.sha256,
            publicKeySHA256: certificate.publicKey.sha256,
            holderSHA256: authorityKey.map(certificate.holderSHA256(under:))
        )
    }

    /// How the digest is written in a token: 43 characters of base64url, not hexadecimal.
    public var x5tS256: String {
        Base64URL.encode(certificateSHA256.bytes)
    }
}

extension Confirmation {
    /// Reads `cnf`, which may have other members besides those known here.
    init(json: JSONObject) throws(JOSEError) {
        guard let certificate = try Self.digest("x5t#S256", in: json) else {
            throw JOSEError(.claimMissing, member: "cnf.x5t#S256", "The claim \"cnf\" has no \"x5t#S256\".")
        }
        self.init(
            certificateSHA256: certificate,
            publicKeySHA256: try Self.digest("spki#S256", in: json),
            holderSHA256: try Self.digest("holder#S256", in: json)
        )
    }

    /// `nil` when there is no such member; one that is there must be a digest.
    private static func digest(_ name: String, in json: JSONObject) throws(JOSEError) -> SHA256Digest? {
        guard let value = json[name] else { return nil }
        guard let text = value.string, let bytes = Base64URL.decode(text), let digest = SHA256Digest(bytes: bytes) else {
            throw JOSEError(
                .claimType,
                member: "cnf.\(name)",
                "The claim \"cnf\" has a \"\(name)\" that is not 43 characters of canonical base64url."
            )
        }
        return digest
    }

    var json: JSONObject {
        var json: JSONObject = ["x5t#S256": .string(x5tS256)]
        if let publicKeySHA256 { json.append("spki#S256", .string(Base64URL.encode(publicKeySHA256.bytes))) }
        if let holderSHA256 { json.append("holder#S256", .string(Base64URL.encode(holderSHA256.bytes))) }
        return json
    }
}
