internal import COpenSSL

extension SubjectAlternativeName {
    /// An IPv4 or IPv6 address from its text; `nil` for anything else, leading zeroes, zones and masks among it.
    public init?(address text: String) {
        let bytes = Array(text.utf8)
        let isAddress = bytes.allSatisfy {
            Hexadecimal.value(of: $0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
        }
        guard isAddress, bytes.count <= 45 else { return nil }
        OpenSSL.clear()
        defer { OpenSSL.clear() }
        guard let string = unsafe a2i_IPADDRESS(text) else { return nil }
        defer { unsafe ASN1_OCTET_STRING_free(string) }
        let address = unsafe Self.bytes(string)
        // OpenSSL takes 010 for 10; others take it for 8.
        guard address.count == 16 || Self.text(ofAddress: address) == text else { return nil }
        self = .ip(address)
    }
}
