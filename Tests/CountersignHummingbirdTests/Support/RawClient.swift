import CountersignCrypto
import CountersignTLS
import NIOCore
import NIOPosix
import NIOSSL

/// Sends exactly the bytes it is told to, over TLS or bare TCP, as no well-behaved client would.
enum RawClient {
    /// Sends `bytes` at once, then `more` piece by piece every 20 ms, and returns all that came back by the time the server
    /// closed.
    ///
    /// - Parameters:
    ///   - tls: `nil` for bare TCP.
    ///   - protocols: Offered by ALPN.
    static func exchange(
        _ bytes: some Sequence<UInt8> & Sendable,
        then more: [String] = [],
        with port: Int,
        tls: TLSMaterial?,
        protocols: [String] = []
    ) async throws -> String {
        try await withConnection(to: port, tls: tls, protocols: protocols, first: ByteBuffer(bytes: bytes)) { inbound, outbound in
            async let received = text(from: inbound)
            do {
                for piece in more {
                    try await Task.sleep(for: .milliseconds(20))
                    try await outbound.write(ByteBuffer(string: piece))
                }
            } catch {
                // The server has closed already; what it said before is what counts.
            }
            return await received
        }
    }

    static func withConnection<Result: Sendable>(
        to port: Int,
        tls: TLSMaterial?,
        protocols: [String] = [],
        first: ByteBuffer = ByteBuffer(),
        _ body:
            @escaping @Sendable (
                NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>
            ) async throws -> Result
    ) async throws -> Result {
        var context: NIOSSLContext?
        if var configuration = tls?.configuration {
            configuration.applicationProtocols = protocols
            context = try NIOSSLContext(configuration: configuration)
        }
        let handlerContext = context
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let handlerContext {
                        let handler = try NIOSSLClientHandler(context: handlerContext, serverHostname: "localhost")
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(FirstWords(first))
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return try await channel.executeThenClose(body)
    }

    private static func text(from inbound: NIOAsyncChannelInboundStream<ByteBuffer>) async -> String {
        var text = ""
        do {
            for try await buffer in inbound { text += String(buffer: buffer) }
        } catch {
            // A connection cut without ceremony ends here as well.
        }
        return text
    }
}

/// Sends the first bytes from the event loop, where no other test can hold them up until the server loses patience.
private final class FirstWords: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let words: ByteBuffer

    init(_ words: ByteBuffer) {
        self.words = words
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        if words.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(words), promise: nil) }
    }
}

extension ServerFiles {
    /// What a client of this authority opens connections with.
    func client(_ name: String = "user-svc.link.internal") throws -> TLSMaterial {
        let paths = try authority.issue(name).write(to: directory, as: name)
        return try TLSMaterial(
            TLSFiles(certificate: .file(paths.certificate), privateKey: .file(paths.key), ca: files.ca),
            role: .client,
            at: .now()
        )
    }
}
