import Countersign
import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import IssuerForm

/// A parser that a peer's bytes reach, and what must be true of whatever it accepts. A violation ends the process, which is what
/// the fuzzer looks for, as is any crash, leak of memory or input that takes seconds.
enum Parser: String, CaseIterable {
    case token, json, jwks, certificate, name, crl, form, status

    func run(_ bytes: [UInt8]) {
        switch self {
        case .token: Self.token(bytes)
        case .json: Self.json(bytes)
        case .jwks: Self.jwks(bytes)
        case .certificate: Self.certificate(bytes)
        case .name: Self.name(bytes)
        case .crl: Self.crl(bytes)
        case .form: _ = IssuerForm.read(bytes)
        case .status: Self.status(bytes)
        }
    }

    /// The whole way of an Authorization value, without the signature; and the parts by themselves, which otherwise no mutated
    /// input would reach through base64url.
    private static func token(_ bytes: [UInt8]) {
        claims(bytes)
        _ = try? TokenHeader(json: bytes)
        guard let token = try? CompactJWS(bytes) else { return }
        // There is one spelling only.
        let parts = [token.header, token.payload, token.signature].map(Base64URL.encode)
        precondition(Array(parts.joined(separator: ".").utf8) == bytes)
        if let header = try? TokenHeader(json: token.header) {
            precondition(header.kid.rawValue.utf8.count == 43)
        }
        claims(token.payload)
    }

    /// Claims in the issuer's own form are read without a parser. White space in front is not in that form, and changes nothing.
    private static func claims(_ json: [UInt8]) {
        let (direct, parsed) = (Result { try TokenClaims(json: json) }, Result { try TokenClaims(json: [0x20] + json) })
        switch (direct, parsed) {
        case (.success(let direct), .success(let parsed)):
            precondition(direct == parsed)
            written(direct)
        case (.failure(let direct as JOSEError), .failure(let parsed as JOSEError)):
            precondition(direct.code == parsed.code && direct.member == parsed.member)
        default:
            preconditionFailure("claims are good with white space in front and bad without, or the other way round")
        }
    }

    /// Claims that are written are read as the same.
    private static func written(_ claims: TokenClaims) {
        guard let json = try? claims.json() else { return }
        guard let again = try? TokenClaims(json: json) else { preconditionFailure("claims that were written are not read") }
        precondition(again.expiresAt == claims.expiresAt && again.confirmation == claims.confirmation)
        precondition(Array(again.serviceID.utf8) == Array(claims.serviceID.utf8))
    }

    private static func json(_ bytes: [UInt8]) {
        guard let value = try? JSONReader.parse(bytes) else { return }
        guard let text = try? JSONWriter.bytes(value), let again = try? JSONReader.parse(text, limits: .init(maxBytes: 1 << 22))
        else { preconditionFailure("JSON that was read is not written and read again") }
        precondition(again == value)
    }

    private static func jwks(_ bytes: [UInt8]) {
        guard let set = try? JWKSet(json: bytes) else { return }
        guard let again = try? JWKSet(json: set.json) else { preconditionFailure("a set that was written is not read") }
        precondition(again.keys == set.keys)
        for key in set.keys { precondition(set[key.kid]?.key == key.key && KeyID(of: key.key) == key.kid) }
        _ = KeySet(set)
    }

    private static func certificate(_ bytes: [UInt8]) {
        guard let certificate = try? Certificate(der: bytes) else {
            _ = try? Certificate.parsePEM(bytes)
            return
        }
        precondition(certificate.der == bytes)
        _ = certificate.holderSHA256(under: certificate.publicKey.sha256)
        _ = "\(certificate.subject) \(certificate.issuer)"
        if let identity = try? CertificateIdentity(certificate) {
            precondition(!identity.subject.hasMultiValuedRDN && !identity.subject.hasEmbeddedNUL)
        }
        // As its own authority: whatever the verdict is, there is one.
        if let validator = try? PathValidator(anchors: [certificate], revocationLists: nil) {
            _ = validator.validate(certificate, intermediates: [certificate], purpose: .client, at: certificate.notBefore)
        }
    }

    private static func name(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let id = try? SPIFFEID(text) { precondition(Array(id.description.utf8) == Array(text.utf8)) }
        // Types without a short name are printed in hexadecimal, which may come out longer than what is read.
        guard let name = try? DistinguishedName(rfc4514: text), name.description.utf8.count <= 4096 else { return }
        guard let again = try? DistinguishedName(rfc4514: name.description) else {
            preconditionFailure("a name that was printed is not read")
        }
        precondition(again == name)
    }

    private static func crl(_ bytes: [UInt8]) {
        guard let list = try? CertificateRevocationList(der: bytes) else {
            _ = try? CertificateRevocationList.parsePEM(bytes)
            return
        }
        precondition(list.der == bytes)
        _ = "\(list.issuer) \(list.thisUpdate) \(list.nextUpdate)"
    }

    private static func status(_ bytes: [UInt8]) {
        guard let status = try? RevocationStatus(json: bytes) else { return }
        guard let json = try? status.json(), let again = try? RevocationStatus(json: json) else {
            preconditionFailure("a status that was written is not read")
        }
        precondition(again == status)
    }
}
