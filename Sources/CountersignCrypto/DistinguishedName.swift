/// An X.501 name: relative distinguished names in the order the certificate encodes them (RFC 5280 4.1.2.4).
///
/// Two names are equal when they have the same RDNs in the same order, each with the same set of attributes, types
/// compared by OID and values by their UTF-8 bytes. There is no case folding, no space collapsing and no Unicode
/// normalisation: a name that looks alike is another name. Never compare printed names.
public struct DistinguishedName: Hashable, Sendable {
    /// In encoded order, which is the reverse of the printed one.
    public let relativeDistinguishedNames: [RelativeDistinguishedName]

    public init(relativeDistinguishedNames: [RelativeDistinguishedName]) {
        self.relativeDistinguishedNames = relativeDistinguishedNames
    }

    /// A name of single-valued RDNs, in encoded order.
    public init(_ pairs: [(AttributeType, String)]) {
        relativeDistinguishedNames = pairs.map { type, value in
            RelativeDistinguishedName([Attribute(type: type, value: Array(value.utf8))])
        }
    }

    /// Every attribute of a type, wherever it stands.
    public func values(of type: AttributeType) -> [Attribute] {
        relativeDistinguishedNames.flatMap { $0.attributes.filter { $0.type == type } }
    }

    /// Whether some RDN holds more than one attribute (`CN=a+OU=b`): legal, rare, and a way to smuggle a second name.
    public var hasMultiValuedRDN: Bool {
        relativeDistinguishedNames.contains { $0.attributes.count > 1 }
    }

    /// Whether some value holds a NUL byte, which other software may take for the end of the name.
    public var hasEmbeddedNUL: Bool {
        relativeDistinguishedNames.contains { $0.attributes.contains { $0.value.contains(0) } }
    }

    public var isEmpty: Bool { relativeDistinguishedNames.isEmpty }
}

extension DistinguishedName {
    /// A set of attributes (almost always one).
    public struct RelativeDistinguishedName: Hashable, Sendable {
        /// Sorted, because an RDN is a set.
        public let attributes: [Attribute]

        public init(_ attributes: [Attribute]) {
            self.attributes = attributes.sorted { left, right in
                left.type == right.type
                    ? left.value.lexicographicallyPrecedes(right.value)
                    : left.type.oid.utf8.lexicographicallyPrecedes(right.type.oid.utf8)
            }
        }
    }

    /// One attribute: what it is, and its value as UTF-8 whatever string type the certificate used.
    public struct Attribute: Hashable, Sendable {
        public let type: AttributeType
        /// UTF-8 bytes. Bytes and not a `String`, because Swift calls canonically equivalent strings equal.
        public let value: [UInt8]

        public init(type: AttributeType, value: [UInt8]) {
            self.type = type
            self.value = value
        }

        /// The value for people.
        public var text: String { String(decoding: value, as: UTF8.self) }
    }

    /// An attribute type, by object identifier.
    public struct AttributeType: Hashable, Sendable, CustomStringConvertible {
        /// Dotted decimal.
        public let oid: String

        public init(oid: String) {
            self.oid = oid
        }

        public static let commonName = AttributeType(oid: "2.5.4.3")
        public static let serialNumber = AttributeType(oid: "2.5.4.5")
        public static let country = AttributeType(oid: "2.5.4.6")
        public static let locality = AttributeType(oid: "2.5.4.7")
        public static let stateOrProvince = AttributeType(oid: "2.5.4.8")
        public static let street = AttributeType(oid: "2.5.4.9")
        public static let organization = AttributeType(oid: "2.5.4.10")
        public static let organizationalUnit = AttributeType(oid: "2.5.4.11")
        public static let domainComponent = AttributeType(oid: "0.9.2342.19200300.100.1.25")
        public static let userID = AttributeType(oid: "0.9.2342.19200300.100.1.1")
        public static let emailAddress = AttributeType(oid: "1.2.840.113549.1.9.1")

        /// RFC 4514 section 3, and two more that OpenSSL prints.
        private static let shortNames: [(name: String, type: AttributeType)] = [
            ("CN", commonName), ("L", locality), ("ST", stateOrProvince), ("O", organization), ("OU", organizationalUnit),
            ("C", country), ("STREET", street), ("DC", domainComponent), ("UID", userID), ("serialNumber", serialNumber),
            ("emailAddress", emailAddress),
        ]

        /// A type by its short name, in any case; `nil` when unknown.
        public init?(shortName: String) {
            let wanted = shortName.lowercased()
            guard let known = Self.shortNames.first(where: { $0.name.lowercased() == wanted }) else { return nil }
            self = known.type
        }

        /// The short name, or `nil` for a type that has none.
        public var shortName: String? { Self.shortNames.first { $0.type == self }?.name }

        public var description: String { shortName ?? oid }
    }
}
