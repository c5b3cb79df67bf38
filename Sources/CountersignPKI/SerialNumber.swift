/// The number of a certificate, as `pki status` prints it and `openssl x509 -serial` does.
package struct SerialNumber: Hashable, Sendable, CustomStringConvertible {
    /// Big-endian, without leading zeroes.
    package let bytes: [UInt8]

    /// Hexadecimal in either case, with or without colons between the bytes.
    ///
    /// - Throws: ``PKIError`` with `invalid-name` for anything else, for zero, and for more than 20 bytes (RFC 5280 4.1.2.2).
    package init(_ text: String) throws(PKIError) {
        var digits: [UInt8] = []
        for character in text.utf8 where character != UInt8(ascii: ":") {
            guard let digit = Character(Unicode.Scalar(character)).hexDigitValue else { throw Self.malformed(text) }
            digits.append(UInt8(digit))
        }
        let significant = digits.drop { $0 == 0 }
        guard (1...40).contains(significant.count) else { throw Self.malformed(text) }
        let even = (significant.count.isMultiple(of: 2) ? [] : [0]) + significant
        bytes = stride(from: 0, to: even.count, by: 2).map { even[$0] << 4 | even[$0 + 1] }
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Lower case.
    package var hex: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    package var description: String { hex }

    private static func malformed(_ text: String) -> PKIError {
        PKIError(
            .invalidName, "\(printable(text)) is not a serial number", hint: "hexadecimal, as `countersign pki status` prints it")
    }
}
