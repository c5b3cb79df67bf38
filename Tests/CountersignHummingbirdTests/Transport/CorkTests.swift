import NIOCore
import NIOEmbedded
import Testing

@testable import CountersignHummingbird

/// The last answer of a connection and TLS's farewell go out together.
struct CorkTests {
    private func connected() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private func sent(_ channel: EmbeddedChannel) throws -> String? {
        try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
    }

    @Test func whatIsFlushedMeanwhileIsSentAfterwardsInOrderAndWhatComesLaterAtOnce() throws {
        let channel = try connected()
        var meanwhile: [String?] = []
        Cork.hold(channel) {
            channel.writeAndFlush(ByteBuffer(string: "answer"), promise: nil)
            channel.writeAndFlush(ByteBuffer(string: "farewell"), promise: nil)
            do { meanwhile.append(try sent(channel)) } catch { Issue.record(error) }
        }
        #expect(meanwhile == [nil])
        #expect(try [sent(channel), sent(channel), sent(channel)] == ["answer", "farewell", nil])
        channel.writeAndFlush(ByteBuffer(string: "later"), promise: nil)
        #expect(try sent(channel) == "later")
        _ = try channel.finish()
    }

    /// Closing a socket forgets what has not been sent.
    @Test func whatIsHeldIsSentBeforeTheConnectionIsClosed() throws {
        let channel = try connected()
        let end = End()
        Cork.hold(channel) {
            try? channel.pipeline.syncOperations.addHandler(end, position: .first)
            channel.writeAndFlush(ByteBuffer(string: "answer"), promise: nil)
            channel.close(promise: nil)
        }
        #expect(end.sentBefore == ["answer"])
        #expect(!channel.isActive)
    }

    @Test func whatIsToBeDoneIsDoneAlsoOnAConnectionThatIsClosedAlready() throws {
        let channel = try connected()
        try channel.close().wait()
        channel.embeddedEventLoop.run()
        var runs = 0
        Cork.hold(channel) { runs += 1 }
        #expect(runs == 1)
    }

    /// Stands where the socket is.
    private final class End: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var sentBefore: [String] = []

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            while let bytes = try? (context.channel as? EmbeddedChannel)?.readOutbound(as: ByteBuffer.self) {
                sentBefore.append(String(buffer: bytes))
            }
            context.close(mode: mode, promise: promise)
        }
    }
}
