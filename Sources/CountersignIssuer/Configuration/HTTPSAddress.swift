/// An issuer identifier as in RFC 8414, section 2: an `https` URL without query and fragment.
///
/// The text is kept byte for byte, because it becomes the `iss` claim, which receivers compare exactly. So only one spelling of
/// each address is let in: lower-case scheme and host, no user name, no default port written out, no slash at the end.
public struct HTTPSAddress: Hashable, Sendable, CustomStringConvertible {
    /// What was written, and the `iss` claim.
    public let text: String
    /// The host: a name, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    public let port: Int?
    /// Empty, or starts with a slash and does not end with one.
    public let path: String

    public var description: String { text }

    /// Why a text is not an issuer address.
    struct Failure: Error {
        let message: String
    }

    init(_ text: String) throws(Failure) {
        guard text.utf8.count <= 512, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure(message: "must be a URL of at most 512 printable ASCII characters without spaces")
        }
        guard text.hasPrefix("https://") else {
            throw Failure(message: "must start with https://")
        }
        guard !text.utf8.contains(UInt8(ascii: "?")), !text.utf8.contains(UInt8(ascii: "#")) else {
            throw Failure(message: "must have neither a query nor a fragment (RFC 8414, section 2)")
        }
        let rest = text.dropFirst("https://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        guard !authority.utf8.contains(UInt8(ascii: "@")) else {
            throw Failure(message: "must not name a user")
        }
        (host, port) = try Self.readAuthority(authority)
        path = String(rest[slash...])
        guard !path.hasSuffix("/") else {
            throw Failure(message: "must not end with a slash: receivers compare it byte for byte, and this one is easily lost")
        }
        guard path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().allSatisfy(Self.isSegment) else {
            throw Failure(message: "has a path with an empty part, '.' or '..', or a character that a path must not hold")
        }
        self.text = text
    }

    /// Labels of letters, digits, hyphens and underscores with dots between; an IPv4 address is one too.
    static func isHost(_ text: some StringProtocol) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
                (1...63).contains(label.count) && label.allSatisfy(isHostByte)
            }
    }
}

extension HTTPSAddress {
    private static func readAuthority(_ authority: Substring) throws(Failure) -> (host: String, port: Int?) {
        let written: Substring
        let portText: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else {
                throw Failure(message: "has an IPv6 address without its closing bracket")
            }
            written = authority[...end]
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw Failure(message: "has something other than a port after its IPv6 address")
            }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            written = authority[..<colon]
            portText = authority[authority.index(after: colon)...]
        } else {
            written = authority
            portText = nil
        }
        guard written == written.lowercased() else {
            throw Failure(message: "must have its host in lower case: receivers compare it byte for byte")
        }
        let host = try readHost(written)
        guard let portText else {
            return (host, nil)
        }
        guard let port = ConfigurationSyntax.decimal(portText.utf8, digits: 1...5), (1...65_535).contains(port) else {
            throw Failure(message: "must have a port between 1 and 65535 after the colon")
        }
        guard port != 443 else {
            throw Failure(message: "must leave out the port 443, which https has anyway")
        }
        return (host, Int(port))
    }

    private static func readHost(_ written: Substring) throws(Failure) -> String {
        if written.hasPrefix("[") {
            let address = written.dropFirst().dropLast()
            guard address.utf8.contains(UInt8(ascii: ":")), address.utf8.allSatisfy(ListenAddress.isIPv6Byte) else {
                throw Failure(message: "has a malformed IPv6 address")
            }
            return String(address)
        }
        guard isHost(written) else {
            throw Failure(message: "must name a host")
        }
        return String(written)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }

    private static func isSegment(_ segment: Substring) -> Bool {
        !segment.isEmpty && segment != "." && segment != ".."
            && segment.utf8.allSatisfy { byte in
                isHostByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~")
            }
    }
}
