extension Certificate {
    /// How many certificates one PEM file may hold.
    static let maxCount = 256

    /// Every `CERTIFICATE` block of a PEM text, in order; text between the blocks is ignored, other blocks too.
    ///
    /// OpenSSL's `TRUSTED CERTIFICATE` is one of the others: the trust settings it carries would overrule our checks.
    ///
    /// - Throws: `CryptoError` with `malformed-pem` when there is none, `malformed-certificate` when one cannot be read.
    public static func parsePEM(_ pem: [UInt8]) throws(CryptoError) -> [Certificate] {
        var certificates: [Certificate] = []
        for der in try PEM.blocks("CERTIFICATE", in: pem, maxCount: maxCount, .malformedCertificate) {
            certificates.append(try Certificate(der: der))
        }
        return certificates
    }

    /// One `CERTIFICATE` block.
    public var pem: String { PEM.text(label: "CERTIFICATE", der: der) }
}
