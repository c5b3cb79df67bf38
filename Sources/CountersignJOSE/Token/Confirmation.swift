public import CountersignCrypto
internal import CountersignJSON

/// The claim `cnf`: the certificate that must come with the token (RFC 7800, RFC 8705 section 3.1).
public struct Confirmation: Hashable, Sendable {
    /// `x5t#S256`: SHA-256 of the certificate's DER.
    public let certificateSHA256: SHA256Digest

    /// Binds to a certificate by its digest, ``CountersignCrypto/Certificate/sha256``.
    public init(certificateSHA256: SHA256Digest) {
        self.certificateSHA256 = certificateSHA256
    }

    /// How the digest is written in a token: 43 characters of base64url, not hexadecimal.
    public var x5tS256: String {
        Base64URL.encode(certificateSHA256.bytes)
    }
}

extension Confirmation {
    /// Reads `cnf`, which may have other members besides `x5t#S256`.
    init(json: JSONObject) throws(JOSEError) {
        guard let value = json["x5t#S256"] else {
            throw JOSEError(.claimMissing, member: "cnf.x5t#S256", "The claim \"cnf\" has no \"x5t#S256\".")
        }
        guard let text = value.string, let bytes = Base64URL.decode(text), let digest = SHA256Digest(bytes: bytes) else {
            throw JOSEError(
                .claimType,
                member: "cnf.x5t#S256",
                "The claim \"cnf\" has an \"x5t#S256\" that is not 43 characters of canonical base64url."
            )
        }
        self.init(certificateSHA256: digest)
    }

    var json: JSONObject {
        ["x5t#S256": .string(x5tS256)]
    }
}
