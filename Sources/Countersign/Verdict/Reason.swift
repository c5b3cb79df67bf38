/// Why a request was refused: a stable code, the step of the checks it belongs to, and nothing secret.
///
/// The codes are a contract (docs/reference/reasons.md): they appear in logs, in `countersign token verify` and in tests,
/// and keep their meaning. The peer never sees them. More may be added; compare, do not switch exhaustively.
public struct Reason: Hashable, Sendable, CustomStringConvertible {
    /// Kebab-case.
    public let rawValue: String
    /// Which of the ordered checks said no.
    public let step: Step

    public var description: String { rawValue }

    private init(_ step: Step, _ rawValue: String) {
        self.rawValue = rawValue
        self.step = step
    }

    // MARK: 1 a peer certificate was presented

    public static let noCertificate = Reason(.peer, "no-certificate")

    // MARK: 2 its chain is good now (codes of PathFailure)

    public static let certificateExpired = Reason(.chain, "certificate-expired")
    public static let certificateNotYetValid = Reason(.chain, "certificate-not-yet-valid")

    /// The reason for a refused path: the same code.
    public init(_ code: PathFailure.Code) {
        self.init(.chain, code.rawValue)
    }

    /// Nobody can say whether the certificate is revoked: the truth is "cannot know", not "no".
    var isUnknowable: Bool {
        PathFailure.Code.unknowable.contains { $0.rawValue == rawValue } || self == .keysUnavailable
            || self == .signatureUnchecked || self == .statusUnavailable
    }

    // MARK: 3 the subject is unambiguous, complete and allowed

    public static let certificateAmbiguous = Reason(.subject, "certificate-ambiguous")
    public static let subjectIncomplete = Reason(.subject, "subject-incomplete")
    public static let subjectNotAllowed = Reason(.subject, "subject-not-allowed")
    public static let authorityNotAllowed = Reason(.subject, "authority-not-allowed")

    // MARK: 4 exactly one bearer token of the right form

    public static let noToken = Reason(.authorization, "no-token")
    public static let authorizationRepeated = Reason(.authorization, "authorization-repeated")
    public static let authorizationMalformed = Reason(.authorization, "authorization-malformed")
    public static let tokenTooLarge = Reason(.authorization, "token-too-large")
    public static let tokenMalformed = Reason(.authorization, "token-malformed")

    // MARK: 5 the header

    public static let headerMalformed = Reason(.header, "header-malformed")
    public static let headerCritical = Reason(.header, "header-critical")
    public static let headerAlgorithm = Reason(.header, "header-algorithm")
    public static let headerType = Reason(.header, "header-type")
    public static let headerUnexpected = Reason(.header, "header-unexpected")
    public static let headerKeyID = Reason(.header, "header-key-id")
    public static let keyUnknown = Reason(.header, "key-unknown")
    public static let keysUnavailable = Reason(.header, "keys-unavailable")

    // MARK: 6 the signature

    public static let signatureInvalid = Reason(.signature, "signature-invalid")
    public static let signatureUnchecked = Reason(.signature, "signature-unchecked")

    // MARK: 7 the claims

    public static let claimsMalformed = Reason(.claims, "claims-malformed")
    public static let claimMissing = Reason(.claims, "claim-missing")
    public static let claimType = Reason(.claims, "claim-type")
    public static let issuerMismatch = Reason(.claims, "issuer-mismatch")
    public static let audienceMismatch = Reason(.claims, "audience-mismatch")
    public static let tokenExpired = Reason(.claims, "token-expired")
    public static let tokenNotYetValid = Reason(.claims, "token-not-yet-valid")
    public static let tokenLifetime = Reason(.claims, "token-lifetime")
    public static let subjectMismatch = Reason(.claims, "subject-mismatch")

    // MARK: 8 and 9 the two halves belong together

    public static let serviceMismatch = Reason(.service, "service-mismatch")
    public static let bindingMismatch = Reason(.binding, "binding-mismatch")
    public static let bindingIncomplete = Reason(.binding, "binding-incomplete")
    public static let bindingWindow = Reason(.binding, "binding-window")

    // MARK: 10 nothing is revoked

    public static let keyRevoked = Reason(.revocation, "key-revoked")
    public static let tokenRevoked = Reason(.revocation, "token-revoked")
    public static let serviceRevoked = Reason(.revocation, "service-revoked")
    public static let certificateDenied = Reason(.revocation, "certificate-denied")
    public static let statusUnavailable = Reason(.revocation, "status-unavailable")

    // MARK: 11 the route's requirements

    public static let roleMissing = Reason(.requirement, "role-missing")
    public static let scopeMissing = Reason(.requirement, "scope-missing")
    public static let requirementExcluded = Reason(.requirement, "requirement-excluded")
}

extension Reason {
    /// The ordered checks of one call. The first that fails is the answer.
    public enum Step: Int, CaseIterable, Comparable, Sendable {
        case peer = 1
        case chain
        case subject
        case authorization
        case header
        case signature
        case claims
        case service
        case binding
        case revocation
        case requirement

        /// What the step makes sure of, for logs and explanations.
        public var summary: String {
            switch self {
            case .peer: "a certificate was presented and its key proved"
            case .chain: "the certificate leads to a trusted authority, is valid now and not revoked"
            case .subject: "the certificate's subject is unambiguous, complete and allowed"
            case .authorization: "there is exactly one bearer token of the right form"
            case .header: "the header is RS256, at+jwt, with a known key"
            case .signature: "the signature is the key's"
            case .claims: "issuer, audience, times and required claims are right"
            case .service: "the token's service is the certificate's"
            case .binding: "the token is bound to this certificate, or to one that the receiver lets it stand for"
            case .revocation: "key, token, service and certificate are not revoked"
            case .requirement: "the route's roles and scopes are held"
            }
        }

        public static func < (left: Step, right: Step) -> Bool { left.rawValue < right.rawValue }
    }

    /// The reason for a token that JOSE refused.
    init(_ error: JOSEError) {
        switch error.code {
        case .tokenTooLarge: self = .tokenTooLarge
        case .tokenMalformed: self = .tokenMalformed
        case .headerMalformed: self = .headerMalformed
        case .headerCritical: self = .headerCritical
        case .headerAlgorithm: self = .headerAlgorithm
        case .headerType: self = .headerType
        case .headerUnexpected: self = .headerUnexpected
        case .headerKeyID: self = .headerKeyID
        case .claimMissing: self = .claimMissing
        case .claimType: self = .claimType
        default: self = .claimsMalformed
        }
    }

    /// The reason for a certificate without a usable identity.
    init(_ code: CertificateIdentity.Refusal.Code) {
        self = code == .subjectIncomplete ? .subjectIncomplete : .certificateAmbiguous
    }
}
