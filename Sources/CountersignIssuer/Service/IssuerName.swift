internal import CountersignCrypto
internal import NIOCore

/// Whether clients that come by the issuer's address will find it named in its certificate (RFC 6125, section 6).
enum IssuerName {
    static func isNamed(_ host: String, in certificate: Certificate) -> Bool {
        if let address = try? SocketAddress(ipAddress: host, port: 0) {
            return certificate.subjectAlternativeNames.contains { name in
                guard case .ip(let bytes) = name,
                    let named = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: 0)
                else {
                    return false
                }
                return named.ipAddress == address.ipAddress
            }
        }
        return certificate.dnsNames.contains { name in
            let name = name.lowercased()
            guard name.hasPrefix("*.") else {
                return name == host
            }
            // A wildcard stands for exactly one label.
            let rest = host.drop { $0 != "." }
            return !rest.isEmpty && rest == name.dropFirst()
        }
    }

    /// - Throws: ``IssuerStartError`` when the certificate does not name the host of the issuer's address.
    static func check(_ configuration: IssuerConfiguration, _ certificate: Certificate) throws(IssuerStartError) {
        guard isNamed(configuration.issuer.host, in: certificate) else {
            throw IssuerStartError(
                .configuration,
                "the certificate in \(configuration.tls.certificate) does not name \(configuration.issuer.host), the host of issuer",
                hint:
                    "issue one that does, for instance with: countersign pki issue issuer --dir certs --dns \(configuration.issuer.host)"
            )
        }
    }
}
