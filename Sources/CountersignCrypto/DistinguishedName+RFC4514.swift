extension DistinguishedName: CustomStringConvertible {
    /// Reads the string form of RFC 4514, such as `CN=search-svc.link.internal,O=Link Service`.
    ///
    /// The last RDN of the text is the first of the certificate. Escapes are `\,` and its kin and `\XX`; spaces around
    /// separators are allowed; `#` values must be DER UTF8String, PrintableString or IA5String. Text over 4096 bytes,
    /// empty values and unknown short names are refused.
    ///
    /// - Throws: `CryptoError` with `malformed-name`.
    public init(rfc4514 text: String) throws(CryptoError) {
        var parser = RFC4514Parser(text)
        relativeDistinguishedNames = try parser.parse().reversed()
    }

    /// RFC 4514: reverse of the encoded order, escaped, unambiguous to read back.
    public var description: String {
        relativeDistinguishedNames.reversed().map { rdn in
            rdn.attributes.map { attribute in
                let value = attribute.type.shortName == nil ? hexadecimal(attribute.value) : escaped(attribute.value)
                return "\(attribute.type)=\(value)"
            }.joined(separator: "+")
        }.joined(separator: ",")
    }

    private func escaped(_ value: [UInt8]) -> String {
        let scalars = Array(String(decoding: value, as: UTF8.self).unicodeScalars)
        var output = ""
        for (index, scalar) in scalars.enumerated() {
            let isEdge = index == 0 || index == scalars.count - 1
            switch scalar {
            case ",", "+", "\"", "\\", "<", ">", ";", "=":
                output += "\\\(scalar)"
            case "#" where index == 0, " " where isEdge:
                output += "\\\(scalar)"
            case _ where Self.invisible.contains(scalar.properties.generalCategory):
                output += String(scalar).utf8.map { "\\" + Hexadecimal.text([$0]) }.joined()
            default:
                output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// Controls, direction marks and line separators, which do things to a terminal or a log line instead of being read.
    private static let invisible: Set<Unicode.GeneralCategory> = [.control, .format, .lineSeparator, .paragraphSeparator]

    /// A type without a short name carries its value as `#` and DER (RFC 4514 2.4).
    private func hexadecimal(_ value: [UInt8]) -> String {
        let length: [UInt8] =
            switch value.count {
            case 0..<0x80: [UInt8(value.count)]
            case 0x80..<0x100: [0x81, UInt8(value.count)]
            default: [0x82, UInt8(truncatingIfNeeded: value.count >> 8), UInt8(truncatingIfNeeded: value.count)]
            }
        return "#" + Hexadecimal.text([0x0c] + length + value)
    }
}

private struct RFC4514Parser {
    private let input: [UInt8]
    private var position = 0
    private static let special = Set(#",+"\<>;= #"#.utf8)

    init(_ text: String) {
        input = Array(text.utf8)
    }

    mutating func parse() throws(CryptoError) -> [DistinguishedName.RelativeDistinguishedName] {
        guard input.count <= 4096 else { throw malformed("is longer than 4096 bytes") }
        var names: [DistinguishedName.RelativeDistinguishedName] = []
        var attributes: [DistinguishedName.Attribute] = []
        while true {
            attributes.append(try attribute())
            if take(UInt8(ascii: "+")) { continue }
            names.append(DistinguishedName.RelativeDistinguishedName(attributes))
            attributes = []
            if position == input.count { return names }
            guard take(UInt8(ascii: ",")) else { throw malformed("has an unescaped character at byte \(position)") }
        }
    }

    private mutating func attribute() throws(CryptoError) -> DistinguishedName.Attribute {
        skipSpaces()
        let start = position
        while let byte = peek(), byte != UInt8(ascii: "="), byte != UInt8(ascii: ","), byte != UInt8(ascii: "+") {
            position += 1
        }
        let name = String(decoding: input[start..<position], as: UTF8.self).trimmingSpaces()
        guard take(UInt8(ascii: "=")), !name.isEmpty else { throw malformed("has an attribute without a type or '='") }
        let type = try attributeType(name)
        skipSpaces()
        let value = peek() == UInt8(ascii: "#") ? try encodedValue() : try textValue()
        guard !value.isEmpty else { throw malformed("has an empty value for \(name)") }
        return DistinguishedName.Attribute(type: type, value: value)
    }

    private func attributeType(_ name: String) throws(CryptoError) -> DistinguishedName.AttributeType {
        if let known = DistinguishedName.AttributeType(shortName: name) { return known }
        let arcs = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // RFC 4512 1.4: no leading zeroes, so that one type has one spelling.
        let isOID =
            arcs.count >= 2
            && arcs.allSatisfy { arc in
                (arc.first != UInt8(ascii: "0") || arc.count == 1)
                    && !arc.isEmpty && arc.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            }
        guard isOID else { throw malformed("has the unknown attribute type \(name)") }
        return DistinguishedName.AttributeType(oid: name)
    }

    private mutating func textValue() throws(CryptoError) -> [UInt8] {
        var value: [UInt8] = []
        var lengthWithoutTrailingSpaces = 0
        while let byte = peek(), byte != UInt8(ascii: ","), byte != UInt8(ascii: "+") {
            position += 1
            switch byte {
            case UInt8(ascii: "\\"):
                value.append(try escapedByte())
                lengthWithoutTrailingSpaces = value.count
            case UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: "<"), UInt8(ascii: ">"), 0:
                throw malformed("has an unescaped special character at byte \(position - 1)")
            default:
                value.append(byte)
                if byte != UInt8(ascii: " ") { lengthWithoutTrailingSpaces = value.count }
            }
        }
        value.removeLast(value.count - lengthWithoutTrailingSpaces)
        guard String(validating: value, as: UTF8.self) != nil else { throw malformed("is not UTF-8 after unescaping") }
        return value
    }

    private mutating func escapedByte() throws(CryptoError) -> UInt8 {
        guard let first = peek() else { throw malformed("ends in a backslash") }
        position += 1
        if Self.special.contains(first) { return first }
        guard let high = Hexadecimal.value(of: first), let next = peek(), let low = Hexadecimal.value(of: next) else {
            throw malformed("has an unknown escape at byte \(position - 1)")
        }
        position += 1
        return high << 4 | low
    }

    private mutating func encodedValue() throws(CryptoError) -> [UInt8] {
        position += 1
        let start = position
        while let byte = peek(), byte != UInt8(ascii: ","), byte != UInt8(ascii: "+") { position += 1 }
        // UTF8String, and PrintableString and IA5String, which are ASCII.
        let stringTags: Set<UInt8> = [0x0c, 0x13, 0x16]
        guard let encoded = Hexadecimal.bytes(input[start..<position]), encoded.count >= 2, stringTags.contains(encoded[0]) else {
            throw malformed("has a # value that is not a hexadecimal DER string")
        }
        let headerLength: Int
        let length: Int
        switch (encoded[1], encoded.count) {
        case (0..<0x80, _): (headerLength, length) = (2, Int(encoded[1]))
        case (0x81, 3...): (headerLength, length) = (3, Int(encoded[2]))
        case (0x82, 4...): (headerLength, length) = (4, Int(encoded[2]) << 8 | Int(encoded[3]))
        default: throw malformed("has a # value of unreadable length")
        }
        let value = Array(encoded.dropFirst(headerLength))
        guard value.count == length, String(validating: value, as: UTF8.self) != nil,
            encoded[0] == 0x0c || value.allSatisfy({ $0 < 0x80 })
        else {
            throw malformed("has a # value of another length than it says, or not of its character set")
        }
        return value
    }

    private func peek() -> UInt8? { position < input.count ? input[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpaces() {
        while peek() == UInt8(ascii: " ") { position += 1 }
    }

    private func malformed(_ what: String) -> CryptoError {
        CryptoError(.malformedName, "the name \(what)")
    }
}

extension String {
    fileprivate func trimmingSpaces() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
