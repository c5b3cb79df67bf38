public import CountersignCrypto

/// What a certificate must say to be a certain caller: a subject, a SPIFFE ID, a DNS name, or several of them.
///
/// Every criterion that is given must match. There is no criterion that matches everybody, no pattern and no substring: names
/// are compared as parsed names, by their UTF-8 bytes; DNS names without regard to ASCII case (RFC 4343).
public struct CallerCriteria: Hashable, Sendable {
    /// The whole subject, relative name by relative name in order.
    public let subject: DistinguishedName?
    /// The SPIFFE ID; trust domain and path are compared exactly.
    public let spiffeID: SPIFFEID?
    /// One of the certificate's DNS names, lower-case.
    public let dnsName: String?

    /// Criteria that all have to match.
    ///
    /// - Parameter dnsName: A host name without wildcard; any case, stored in lower case.
    /// - Returns: `nil` when nothing is given, because no rule means nobody, or when `dnsName` is not a host name.
    public init?(subject: DistinguishedName? = nil, spiffeID: SPIFFEID? = nil, dnsName: String? = nil) {
        guard subject != nil || spiffeID != nil || dnsName != nil else {
            return nil
        }
        if let dnsName {
            guard let name = Self.lowercasedASCII(dnsName), Self.isHostName(name) else {
                return nil
            }
            self.dnsName = name
        } else {
            self.dnsName = nil
        }
        self.subject = subject
        self.spiffeID = spiffeID
    }

    /// Whether the identity fulfils every criterion. Cost: at most one comparison per name of the certificate.
    public func matches(_ identity: CertificateIdentity) -> Bool {
        if let subject, subject != identity.subject {
            return false
        }
        if let spiffeID, spiffeID != identity.spiffeID {
            return false
        }
        if let dnsName, !identity.dnsNames.contains(dnsName) {
            return false
        }
        return subject != nil || spiffeID != nil || dnsName != nil
    }
}

extension CallerCriteria {
    /// The text in lower case, or `nil` when it holds anything but printable ASCII.
    ///
    /// On such text Swift's `==` compares bytes, which it does not do in general.
    static func lowercasedASCII(_ text: String) -> String? {
        let bytes = text.utf8.span
        var hasUpperCase = false
        for index in bytes.indices {
            let byte = bytes[index]
            guard 0x21...0x7E ~= byte else { return nil }
            hasUpperCase = hasUpperCase || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        }
        guard !bytes.isEmpty else { return nil }
        return hasUpperCase ? text.lowercased() : text
    }

    /// Labels of letters, digits, hyphens and underscores, 63 bytes each and 253 together.
    private static func isHostName(_ name: String) -> Bool {
        guard name.utf8.count <= 253 else {
            return false
        }
        return name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                        UInt8(ascii: "_"):
                        true
                    default:
                        false
                    }
                }
        }
    }
}
