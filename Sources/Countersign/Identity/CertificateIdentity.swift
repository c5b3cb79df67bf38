public import CountersignCrypto
internal import CountersignJSON

/// What a client certificate says about its holder, read in the one way that leaves no choice.
///
/// A certificate is turned into an identity once per connection; every rule about callers is then asked against the
/// identity and never against the certificate, so nothing downstream can pick a second common name or a second SPIFFE ID.
///
/// Fails closed: a certificate that could be read in two ways has no identity.
public struct CertificateIdentity: Hashable, Sendable {
    /// The subject: an ordered list of single-valued names with at most one common name.
    public let subject: DistinguishedName
    /// The SPIFFE ID, if the certificate names one; never more than one.
    public let spiffeID: SPIFFEID?
    /// The DNS names of the subject alternative name extension, lower-case, in the certificate's order.
    ///
    /// Names that are not printable ASCII are left out: they are no DNS names and match nothing.
    public let dnsNames: [String]

    /// Reads the identity out of a certificate.
    ///
    /// Says nothing about trust: the certificate's chain, validity and revocation are checked elsewhere. Cost: one pass over
    /// the subject and the alternative names.
    ///
    /// - Throws: ``Refusal`` with code `certificate-ambiguous` when the subject has a multi-valued relative name, several
    ///   common names or an embedded NUL, when an alternative name has an embedded NUL, when a SPIFFE ID is malformed, or
    ///   when there is another URI beside it (a SPIFFE X.509-SVID holds exactly one).
    public init(_ certificate: Certificate) throws(Refusal) {
        try Self.checkSubject(certificate.subject)
        subject = certificate.subject
        spiffeID = try Self.onlySPIFFEID(among: certificate.uris)
        dnsNames = try Self.readDNSNames(certificate.dnsNames)
    }

    /// Checks that a subject can be read in one way only.
    ///
    /// - Throws: ``Refusal`` with code `certificate-ambiguous` for a multi-valued relative name, a second common name or an
    ///   embedded NUL. A rule that names such a subject would match nobody.
    public static func checkSubject(_ subject: DistinguishedName) throws(Refusal) {
        var commonNames = 0
        for name in subject.relativeDistinguishedNames {
            guard name.attributes.count == 1, let attribute = name.attributes.first else {
                throw Refusal(.certificateAmbiguous, "the certificate's subject has a multi-valued relative name")
            }
            guard !attribute.value.contains(0) else {
                throw Refusal(.certificateAmbiguous, "the certificate's subject has an embedded NUL")
            }
            if attribute.type == .commonName {
                commonNames += 1
            }
        }
        guard commonNames <= 1 else {
            throw Refusal(.certificateAmbiguous, "the certificate's subject has \(commonNames) common names")
        }
    }

    /// Checks that the subject has every field in `fields` with a value that is not empty.
    ///
    /// - Throws: ``Refusal`` with code `subject-incomplete`, naming the first field that is missing.
    public func requireSubjectFields(_ fields: [DistinguishedName.AttributeType]) throws(Refusal) {
        for field in fields {
            let isThere = subject.relativeDistinguishedNames.contains { name in
                name.attributes.contains { $0.type == field && !$0.value.isEmpty }
            }
            guard isThere else {
                throw Refusal(.subjectIncomplete, "the certificate's subject has no \(field.shortName ?? field.oid)")
            }
        }
    }
}

extension CertificateIdentity {
    /// Why a certificate has no usable identity. Equality is the code.
    public struct Refusal: Error, Hashable, CustomStringConvertible {
        /// The stable reason code.
        public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
            public let rawValue: String

            public init(rawValue: String) {
                self.rawValue = rawValue
            }

            public var description: String { rawValue }

            /// The certificate can be read in more than one way.
            public static let certificateAmbiguous = Code(rawValue: "certificate-ambiguous")
            /// The subject lacks a field that the rules require.
            public static let subjectIncomplete = Code(rawValue: "subject-incomplete")
        }

        public let code: Code
        /// One sentence for the log; holds nothing the certificate said.
        public let message: String

        public init(_ code: Code, _ message: String) {
            self.code = code
            self.message = message
        }

        public var description: String { "\(code): \(message)" }

        public static func == (left: Refusal, right: Refusal) -> Bool {
            left.code == right.code
        }

        public func hash(into hasher: inout Hasher) {
            hasher.combine(code)
        }
    }
}

extension CertificateIdentity {
    private static func onlySPIFFEID(among uris: [String]) throws(Refusal) -> SPIFFEID? {
        var found: SPIFFEID?
        for uri in uris {
            guard !uri.hasNUL else {
                throw Refusal(.certificateAmbiguous, "a URI of the certificate has an embedded NUL")
            }
            guard hasSPIFFEScheme(uri) else {
                continue
            }
            guard uris.count == 1 else {
                throw Refusal(.certificateAmbiguous, "the certificate has a SPIFFE ID and another URI beside it")
            }
            do {
                found = try SPIFFEID(uri)
            } catch {
                throw Refusal(.certificateAmbiguous, "the certificate's SPIFFE ID is malformed")
            }
        }
        return found
    }

    private static func readDNSNames(_ names: [String]) throws(Refusal) -> [String] {
        var read: [String] = []
        read.reserveCapacity(names.count)
        for name in names {
            guard !name.hasNUL else {
                throw Refusal(.certificateAmbiguous, "a DNS name of the certificate has an embedded NUL")
            }
            if let name = CallerCriteria.lowercasedASCII(name) {
                read.append(name)
            }
        }
        return read
    }

    private static let scheme = Array("spiffe:".utf8)

    /// Schemes are compared without regard to case (RFC 3986, section 3.1), so that `SPIFFE:` cannot slip past as some other URI.
    private static func hasSPIFFEScheme(_ uri: String) -> Bool {
        let bytes = uri.utf8.span
        guard bytes.count >= scheme.count else { return false }
        for index in scheme.indices where bytes[index] | 0x20 != scheme[index] {
            return false
        }
        return true
    }
}
