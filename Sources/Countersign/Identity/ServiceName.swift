internal import CountersignJSON

/// The service a certificate names when the policy does not say it: SPIFFE path `/service/NAME`, or the first label of the
/// common name `NAME.domain`.
///
/// When both are there they must agree; a certificate that names two services names none.
enum ServiceName {
    /// - Throws: ``Refusal`` with `certificate-ambiguous` when the two differ, `subject-incomplete` when there is none.
    static func named(by identity: CertificateIdentity) throws(Refusal) -> String {
        let fromSPIFFE = identity.spiffeID.flatMap(name(in:))
        let fromCommonName = identity.subject.values(of: .commonName).first.flatMap(name(in:))
        switch (fromSPIFFE, fromCommonName) {
        case (let spiffe?, let common?):
            guard spiffe.hasSameUTF8(as: common) else {
                throw Refusal(
                    .certificateAmbiguous,
                    "the certificate names the service \(spiffe) in its SPIFFE ID and \(common) in its common name"
                )
            }
            return spiffe
        case (let name?, nil), (nil, let name?):
            return name
        case (nil, nil):
            throw Refusal(
                .subjectIncomplete, "the certificate names no service: neither a SPIFFE ID /service/NAME nor a common name")
        }
    }

    /// Whether the SPIFFE ID is `spiffe://DOMAIN/service/NAME`.
    static func isService(_ id: SPIFFEID?, of domain: String) -> Bool {
        guard let id, id.trustDomain.hasSameUTF8(as: domain) else { return false }
        return name(in: id) != nil
    }

    private static func name(in id: SPIFFEID) -> String? {
        let prefix = "/service/"
        guard id.path.utf8.starts(with: prefix.utf8) else { return nil }
        return name(id.path.utf8.dropFirst(prefix.utf8.count))
    }

    private static func name(in commonName: DistinguishedName.Attribute) -> String? {
        name(commonName.value.prefix { $0 != UInt8(ascii: ".") })
    }

    /// What the issuer allows as a service's name: nothing that could move a cursor or break a log line.
    private static func name(_ text: some Collection<UInt8>) -> String? {
        let isAllowed =
            (1...128).contains(text.count)
            && text.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        return isAllowed ? String(decoding: text, as: UTF8.self) : nil
    }
}
