import CountersignClient
import CountersignCrypto
import CountersignTLS
import Foundation
import NIOCore

/// Where the issuer is that is to be measured.
struct BenchTarget: Sendable {
    /// As it was given.
    let url: String
    /// A name, or a numeric address without brackets.
    let host: String
    let port: Int
    private let allowRemote: Bool

    /// - Throws: `CommandFailure` for an address that is none, or that is not of this machine though it has to be.
    init(_ text: String, allowRemote: Bool) throws {
        self.allowRemote = allowRemote
        do {
            url = try IssuerAddress(text).description
        } catch {
            throw CommandFailure(error)
        }
        guard let parsed = URL(string: url), let host = parsed.host() else {
            throw CommandFailure.usage("\(url) is not an issuer's address")
        }
        // The brackets of an IPv6 address belong to the URL, not to the address.
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parsed.port ?? 443
        guard allowRemote || isLoopback else { throw isRemote }
    }

    /// Told by the text alone: no name is looked up.
    var isLoopback: Bool {
        host.lowercased() == "localhost" || (try? SocketAddress(ipAddress: host, port: port)).map(Self.isLoopback) == true
    }

    private static func isLoopback(_ address: SocketAddress) -> Bool {
        switch address {
        case .v4: address.ipAddress?.hasPrefix("127.") == true
        case .v6: address.ipAddress == "::1"
        default: false
        }
    }

    private var isRemote: CommandFailure {
        .usage(
            "\(url) is not an address of this machine (localhost, 127.0.0.0/8 or ::1), and a load test can keep others from "
                + "working",
            hint: "if it is your issuer and may be loaded, add --allow-remote")
    }

    /// What the issuer's certificate has to name; `nil` for its address.
    var serverName: String? {
        (try? SocketAddress(ipAddress: host, port: port)) == nil ? host : nil
    }

    /// The one address, of those that the host has, that takes a connection. Nothing is looked up for one that is numeric.
    func locate(_ material: TLSMaterial) async throws -> SocketAddress {
        if let address = try? SocketAddress(ipAddress: host, port: port) { return address }
        // With a whole handshake: the issuer tells its log of connections that are given up before.
        let report = await HandshakeProbe.run(try IssuerAddress(url), material: material, at: .now())
        let digits = report.connectedTo.flatMap { text in text.lastIndex(of: ":").map { String(text[..<$0]) } }
        guard let address = try? SocketAddress(ipAddress: digits ?? "", port: port) else {
            throw CommandFailure.no("no connection to \(url): \(report.failure ?? "no reason was given")")
        }
        // What a name stands for is the resolver's word.
        guard allowRemote || Self.isLoopback(address) else { throw isRemote }
        return address
    }
}
