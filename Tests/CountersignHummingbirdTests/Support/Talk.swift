import CountersignTLS
import NIOCore

/// A connection on which the test says something, hears the answer, and says something else.
struct Talk {
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var heard = ""

    /// - Parameter first: said as soon as the connection is there, from its event loop.
    static func with<Result: Sendable>(
        _ server: TestServer, as client: TLSMaterial?, protocols: [String] = [], saying first: String = "",
        _ body: @escaping @Sendable (inout Talk) async throws -> Result
    ) async throws -> Result {
        try await RawClient.withConnection(
            to: server.port, tls: client, protocols: protocols, first: ByteBuffer(string: first)
        ) { inbound, outbound in
            var talk = Talk(outbound: outbound, inbound: inbound.makeAsyncIterator())
            return try await body(&talk)
        }
    }

    func say(_ text: String) async throws {
        try await outbound.write(ByteBuffer(string: text))
    }

    func say(_ bytes: [UInt8]) async throws {
        try await outbound.write(ByteBuffer(bytes: bytes))
    }

    /// Closes this end's half of the connection.
    func sayNoMore() {
        outbound.finish()
    }

    /// What came up to and with `end`.
    mutating func hear(until end: String) async throws -> String {
        while true {
            if let range = heard.firstRange(of: end) {
                defer { heard.removeSubrange(..<range.upperBound) }
                return String(heard[..<range.upperBound])
            }
            guard let buffer = try await inbound.next() else { throw NotInTime(description: "closed after: \(heard)") }
            heard += String(buffer: buffer)
        }
    }

    /// All that comes until the server closes.
    mutating func hearAll() async -> String {
        while let buffer = try? await inbound.next() { heard += String(buffer: buffer) }
        return heard
    }

    /// Says something now and then, and hears nothing, until the server has closed the connection.
    func untilCut() async throws {
        try await eventually("the connection is cut") {
            do {
                try await say("a")
                return false
            } catch {
                return true
            }
        }
    }
}
