internal import COpenSSL

/// Why a certificate's path was refused: a stable reason code and one sentence for the log.
///
/// Equality is equality of the codes. The codes are part of the verdicts' vocabulary (docs/reference/reasons.md).
public struct PathFailure: Error, Sendable {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        /// `notAfter` of a certificate in the chain has passed.
        public static let expired = Code(rawValue: "certificate-expired")
        /// `notBefore` of a certificate in the chain has not come.
        public static let notYetValid = Code(rawValue: "certificate-not-yet-valid")
        /// A current list of its issuer names the certificate.
        public static let revoked = Code(rawValue: "certificate-revoked")
        /// The chain does not lead to a trusted authority, or a signature in it is wrong.
        public static let untrusted = Code(rawValue: "certificate-untrusted")
        /// The certificate may not be used for this purpose (extended key usage, key usage).
        public static let wrongPurpose = Code(rawValue: "certificate-purpose")
        /// Basic constraints, path length, name constraints or a critical extension forbid the chain.
        public static let invalid = Code(rawValue: "certificate-invalid")
        /// A key or signature digest in the chain is weaker than 112 bits.
        public static let weak = Code(rawValue: "certificate-weak")
        /// An authority's certificate presented as a service's.
        public static let authority = Code(rawValue: "certificate-is-ca")
        /// Revocation is checked and an issuer in the chain has no list here.
        public static let revocationListMissing = Code(rawValue: "crl-missing")
        /// The list's `nextUpdate` has passed.
        public static let revocationListExpired = Code(rawValue: "crl-expired")
        /// The list is not yet valid, not signed by the issuer, or not readable.
        public static let revocationListInvalid = Code(rawValue: "crl-invalid")
        /// The check itself could not be carried out.
        public static let checkFailed = Code(rawValue: "check-failed")

        /// Nobody can say whether the certificate is good. Refused like all others; the peer can do nothing about it (503).
        public static let unknowable: [Code] = [
            .revocationListMissing, .revocationListExpired, .revocationListInvalid, .checkFailed,
        ]

        public var description: String { rawValue }
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether nobody can say at the moment.
    public var isUnknowable: Bool { Code.unknowable.contains(code) }
}

extension PathFailure: Hashable, CustomStringConvertible {
    public static func == (left: PathFailure, right: PathFailure) -> Bool { left.code == right.code }

    public func hash(into hasher: inout Hasher) { hasher.combine(code) }

    public var description: String { "\(code): \(message)" }
}

extension PathFailure {
    /// What OpenSSL's verification result means in our words. Anything not named here is `certificate-invalid`: refused.
    init(verifyError error: Int32, depth: Int32, subject: DistinguishedName) {
        let text = unsafe X509_verify_cert_error_string(Int(error)).map { unsafe String(cString: $0) } ?? "error \(error)"
        self.init(Self.codes[error] ?? .invalid, "\(text) (certificate \(depth) of the chain, \(subject))")
    }

    private static let codes: [Int32: Code] = [
        X509_V_ERR_CERT_HAS_EXPIRED: .expired,
        X509_V_ERR_CERT_NOT_YET_VALID: .notYetValid,
        X509_V_ERR_CERT_REVOKED: .revoked,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT: .untrusted,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: .untrusted,
        X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: .untrusted,
        X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: .untrusted,
        X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: .untrusted,
        X509_V_ERR_CERT_SIGNATURE_FAILURE: .untrusted,
        X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE: .untrusted,
        X509_V_ERR_CERT_UNTRUSTED: .untrusted,
        X509_V_ERR_CERT_REJECTED: .untrusted,
        X509_V_ERR_SUBJECT_ISSUER_MISMATCH: .untrusted,
        X509_V_ERR_AKID_SKID_MISMATCH: .untrusted,
        X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH: .untrusted,
        X509_V_ERR_INVALID_PURPOSE: .wrongPurpose,
        X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE: .wrongPurpose,
        X509_V_ERR_EE_KEY_TOO_SMALL: .weak,
        X509_V_ERR_CA_KEY_TOO_SMALL: .weak,
        X509_V_ERR_CA_MD_TOO_WEAK: .weak,
        X509_V_ERR_UNABLE_TO_GET_CRL: .revocationListMissing,
        X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER: .revocationListInvalid,
        X509_V_ERR_CRL_HAS_EXPIRED: .revocationListExpired,
        X509_V_ERR_CRL_NOT_YET_VALID: .revocationListInvalid,
        X509_V_ERR_CRL_SIGNATURE_FAILURE: .revocationListInvalid,
        X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE: .revocationListInvalid,
        X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD: .revocationListInvalid,
        X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD: .revocationListInvalid,
        X509_V_ERR_KEYUSAGE_NO_CRL_SIGN: .revocationListInvalid,
        X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION: .revocationListInvalid,
        X509_V_ERR_DIFFERENT_CRL_SCOPE: .revocationListMissing,
        X509_V_ERR_OUT_OF_MEM: .checkFailed,
        X509_V_ERR_UNSPECIFIED: .checkFailed,
    ]
}
