import CountersignCrypto

/// The number of a certificate, as `pki status` prints it and `openssl x509 -serial` does.
package struct SerialNumber: Hashable, Sendable, CustomStringConvertible {
    /// Big-endian, without leading zeroes; one zero for zero.
    package let bytes: [UInt8]

    /// Hexadecimal in either case, with or without colons between the bytes.
    ///
    /// - Throws: ``PKIError`` with `invalid-name` for anything else, and for more bytes than a certificate may have.
    package init(_ text: String) throws(PKIError) {
        guard let bytes = Certificate.serialNumber(text) else {
            throw PKIError(
                .invalidName, "\(printable(text)) is not a serial number",
                hint: "hexadecimal of at most \(Certificate.maxSerialNumberBytes) bytes, as `countersign pki status` prints it")
        }
        self.bytes = bytes
    }

    /// Lower case.
    package var hex: String { Hexadecimal.text(bytes) }

    package var description: String { hex }
}
