extension Certificate {
    /// RFC 5280 4.1.2.2 allows 20; some authorities use a few more.
    package static let maxSerialNumberBytes = 64

    /// Lower-case hexadecimal, as `pki revoke --serial` takes it.
    public var serialHex: String { serialNumber.isEmpty ? "00" : Hexadecimal.text(serialNumber) }

    /// Reads a serial number as a person writes it: hexadecimal in either case, with or without colons, leading zeroes or not.
    ///
    /// - Returns: as ``serialNumber`` has it: no leading zeroes, and one zero for zero. `nil` for anything else, and for a number
    ///   that no certificate has here.
    package static func serialNumber(_ text: String) -> [UInt8]? {
        let digits = text.utf8.filter { $0 != UInt8(ascii: ":") }
        guard let last = digits.last else { return nil }
        let significant = digits.dropLast().drop { $0 == UInt8(ascii: "0") } + [last]
        guard significant.count <= 2 * maxSerialNumberBytes else { return nil }
        return Hexadecimal.bytes((significant.count.isMultiple(of: 2) ? [] : [UInt8(ascii: "0")]) + significant)
    }
}
