public import Countersign

/// Why a certificate belongs to no service. Equality is the code.
public struct ServiceRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The stable reason code.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { rawValue }

        /// No entry's criteria match the certificate.
        public static let serviceUnknown = Code(rawValue: "service-unknown")
        /// The criteria of more than one entry match.
        public static let serviceAmbiguous = Code(rawValue: "service-ambiguous")
        /// The certificate can be read in more than one way.
        public static let certificateAmbiguous = Code(rawValue: CertificateIdentity.Refusal.Code.certificateAmbiguous.rawValue)
        /// The subject lacks a required field.
        public static let subjectIncomplete = Code(rawValue: CertificateIdentity.Refusal.Code.subjectIncomplete.rawValue)
    }

    public let code: Code
    /// One sentence for the log; holds names of our own configuration, nothing that the certificate said.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The certificate has no usable identity.
    public init(_ refusal: CertificateIdentity.Refusal) {
        self.init(Code(rawValue: refusal.code.rawValue), refusal.message)
    }

    static let unknown = ServiceRefusal(.serviceUnknown, "no service of the configuration has this certificate's names")

    static func ambiguous(_ first: String, _ second: String) -> ServiceRefusal {
        ServiceRefusal(.serviceAmbiguous, "the certificate fits more than one service: \(first) and \(second)")
    }

    public var description: String { "\(code): \(message)" }

    public static func == (left: ServiceRefusal, right: ServiceRefusal) -> Bool {
        left.code == right.code
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
    }
}
