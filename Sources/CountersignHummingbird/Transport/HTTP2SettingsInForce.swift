internal import NIOCore

/// Puts this server's HTTP/2 settings in force with the client's first words.
///
/// NIO applies them when the client acknowledges them, and clients send their first request before. Until then it would end
/// the connection over a header that deserves an answer, and hold a client that never acknowledges to no number of streams.
/// So NIO gets an acknowledgement right after the client's own settings, which come first (RFC 9113 3.4), and the client's
/// acknowledgement, when it comes, is dropped. From then on bytes pass untouched.
final class HTTP2SettingsInForce: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Stage { case preface, clientSettings, acknowledgement, over }

    private static let prefaceLength = 24
    private static let frameHeaderLength = 9
    private static let settings: UInt8 = 4
    private static let acknowledgement: [UInt8] = [0, 0, 0, settings, 1, 0, 0, 0, 0]

    private var stage = Stage.preface
    /// How much of the preface or the present frame is still to come.
    private var remaining = prefaceLength
    /// The beginning of a frame header.
    private var held = ByteBuffer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard stage != .over else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        held.writeBuffer(&bytes)
        var passed = context.channel.allocator.buffer(capacity: held.readableBytes + Self.frameHeaderLength)
        while pass(to: &passed) {}
        if passed.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(passed)) }
        held.discardReadBytes()
    }

    /// Returns whether there may be more to pass on.
    private func pass(to passed: inout ByteBuffer) -> Bool {
        if stage == .over { remaining = held.readableBytes }
        if remaining > 0 {
            guard var part = held.readSlice(length: min(remaining, held.readableBytes)) else { return false }
            remaining -= part.readableBytes
            passed.writeBuffer(&part)
            if remaining == 0 { endFrame(&passed) }
            return held.readableBytes > 0
        }
        guard let header = held.readBytes(length: Self.frameHeaderLength) else { return false }
        if stage == .acknowledgement, header == Self.acknowledgement {
            stage = .over
            return held.readableBytes > 0
        }
        // What does not begin with settings is not HTTP/2; NIO will say so.
        if stage == .clientSettings, header.dropFirst(3).first != Self.settings { stage = .over }
        remaining = header.prefix(3).reduce(0) { $0 << 8 | Int($1) }
        passed.writeBytes(header)
        if remaining == 0 { endFrame(&passed) }
        return held.readableBytes > 0
    }

    private func endFrame(_ passed: inout ByteBuffer) {
        switch stage {
        case .preface:
            stage = .clientSettings
        case .clientSettings:
            passed.writeBytes(Self.acknowledgement)
            stage = .acknowledgement
        case .acknowledgement, .over:
            break
        }
    }
}
