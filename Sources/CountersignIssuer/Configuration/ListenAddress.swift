/// Where to listen: `host:port`, with an IPv6 address in brackets.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    /// 0 lets the system choose.
    public let port: Int

    /// How it is written in a file, where YAML takes brackets without quotes for a list.
    public static let form = #"host:port (an IPv6 address in brackets and quotes: "[::1]:8443")"#

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `0.0.0.0:8443`, `localhost:0` or `[::1]:8443`; `nil` for anything else.
    public init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = ConfigurationSyntax.decimal(text.utf8[text.utf8.index(after: colon)...], digits: 1...5), port <= 65_535
        else {
            return nil
        }
        let written = text[..<colon]
        if written.hasPrefix("[") {
            guard written.hasSuffix("]"), written.utf8.count > 2 else {
                return nil
            }
            let address = written.dropFirst().dropLast()
            guard address.utf8.contains(UInt8(ascii: ":")), address.utf8.allSatisfy(Self.isIPv6Byte) else {
                return nil
            }
            host = String(address)
        } else {
            guard HTTPSAddress.isHost(written) else {
                return nil
            }
            host = String(written)
        }
        self.port = Int(port)
    }

    public var description: String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether only one of both can be listened on, as far as their texts tell: one port, and one host or all of them.
    func collides(with other: ListenAddress) -> Bool {
        let everywhere = ["0.0.0.0", "::"]
        return port == other.port && port != 0
            && (host == other.host || everywhere.contains(host) || everywhere.contains(other.host))
    }

    static func isIPv6Byte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default:
            false
        }
    }
}
