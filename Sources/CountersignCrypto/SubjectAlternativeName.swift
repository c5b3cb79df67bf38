internal import COpenSSL

/// One subject alternative name (RFC 5280 4.2.1.6).
public enum SubjectAlternativeName: Hashable, Sendable {
    case dns(String)
    case uri(String)
    case email(String)
    /// 4 bytes (IPv4) or 16 (IPv6).
    case ip([UInt8])
    /// A kind this library does not read; never matches anything.
    case other
}

extension SubjectAlternativeName: CustomStringConvertible {
    /// As OpenSSL writes it: `DNS:a.example`, `URI:spiffe://...`, `IP:127.0.0.1`.
    public var description: String {
        switch self {
        case .dns(let name): "DNS:\(name)"
        case .uri(let uri): "URI:\(uri)"
        case .email(let address): "email:\(address)"
        case .ip(let bytes): "IP:\(Self.text(ofAddress: bytes))"
        case .other: "other"
        }
    }

    static func text(ofAddress bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        guard bytes.count == 16 else { return Hexadecimal.text(bytes) }
        return stride(from: 0, to: 16, by: 2).map { index in
            String(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }.joined(separator: ":")
    }
}

extension SubjectAlternativeName {
    /// Copies one name; text that is not ASCII or holds a NUL is refused (RFC 5280 7.2 to 7.5 use IA5String).
    init(borrowing name: UnsafeMutablePointer<GENERAL_NAME>) throws(CryptoError) {
        switch unsafe name.pointee.type {
        case GEN_DNS: self = unsafe .dns(try Self.ascii(unsafe name.pointee.d.ia5))
        case GEN_URI: self = unsafe .uri(try Self.ascii(unsafe name.pointee.d.ia5))
        case GEN_EMAIL: self = unsafe .email(try Self.ascii(unsafe name.pointee.d.ia5))
        case GEN_IPADD: self = .ip(unsafe Self.bytes(name.pointee.d.ip))
        default: self = .other
        }
    }

    static func bytes(_ string: UnsafeMutablePointer<ASN1_STRING>?) -> [UInt8] {
        guard let start = unsafe ASN1_STRING_get0_data(string) else { return [] }
        return unsafe [UInt8](UnsafeBufferPointer(start: start, count: Int(max(0, ASN1_STRING_length(string)))))
    }

    private static func ascii(_ string: UnsafeMutablePointer<ASN1_STRING>?) throws(CryptoError) -> String {
        let bytes = unsafe bytes(string)
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw CryptoError(.malformedCertificate, "an alternative name holds a character outside printable ASCII")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
