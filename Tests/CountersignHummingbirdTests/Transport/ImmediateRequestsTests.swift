import CountersignTLS
import HTTPTypes
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import Testing

@testable import CountersignHummingbird

/// Requests that are answered on the event loop, and those around them that are not.
@Suite(.timeLimit(.minutes(5))) struct ImmediateRequestsTests {
    private static let subject = "CN=user-svc.link.internal,O=Link Service"

    private static func post(_ body: String, _ path: String = "/immediate", fields: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }

    private static let get = "GET /peer HTTP/1.1\r\nHost: localhost\r\n\r\n"

    private func talk<Result: Sendable>(
        _ configuration: MutualTLSServerConfiguration = .patient(), immediate: AtOnce = AtOnce(),
        _ body: @escaping @Sendable (inout Talk) async throws -> Result
    ) async throws -> Result {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        return try await TestServer.run(files.load(), configuration: configuration, immediate: immediate) { server in
            try await Talk.with(server, as: client, body)
        }
    }

    @Test(arguments: ["--http1.1", "--http1.0"])
    func aRequestIsAnsweredWithLengthDateAndWhoAsks(version: String) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        let answer = try await TestServer.run(files.load()) { server in
            try await server.curl("/immediate", as: client, [version, "--include", "--data", "abc"], in: files)
        }
        let text = answer.output.lowercased()
        #expect(text.hasPrefix("http/\(version.dropFirst(6)) 200 ok\r\n"), "\(answer)")
        #expect(text.contains("\r\ncontent-length: \(Self.subject.utf8.count + 3)\r\n"), "\(answer)")
        #expect(
            text.contains(#/\r\ndate: (mon|tue|wed|thu|fri|sat|sun), \d\d [a-z]{3} \d{4} \d\d:\d\d:\d\d gmt\r\n/#), "\(answer)")
        #expect(answer.output.hasSuffix("\r\n\r\n\(Self.subject) 3."), "\(answer)")
    }

    @Test func requestsSentAheadAreAnsweredInOrderAlsoWhereTheApplicationAnswersSome() async throws {
        try await talk { talk in
            try await talk.say(
                Self.post("a") + Self.post("bb") + Self.get + Self.post("ccc") + Self.get
                    + Self.post("dddd", fields: "Connection: close\r\n"))
            let all = await talk.hearAll().split(separator: "\r\n\r\n").dropFirst().map { $0.prefix { $0 != "H" } }
            // From its first request on the application has the connection.
            #expect(
                all == [
                    "\(Self.subject) 1.", "\(Self.subject) 2.", Self.subject[...], "application", Self.subject[...],
                    "application",
                ])
        }
    }

    @Test func aBodyInPiecesIsOneBodyAndOneThatIsTooLargeIsAnsweredBeforeItEnds() async throws {
        try await talk { talk in
            for (pieces, size) in [(10, 100), (1, 1000), (1000, 1)] {
                try await talk.say("POST /immediate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
                let piece = "\(String(size, radix: 16))\r\n\(String(repeating: "a", count: size))\r\n"
                try await talk.say(String(repeating: piece, count: pieces))
                try await talk.say("0\r\n\r\n")
                #expect(try await talk.hear(until: " 1000.").hasPrefix("HTTP/1.1 200 "))
            }
            try await talk.say("POST /immediate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000\r\n\r\n")
            try await talk.say(String(repeating: "a", count: 1001))
            #expect(try await talk.hear(until: " too large.").contains("HTTP/1.1 413 "))
            // The rest is read and forgotten, and the connection goes on.
            try await talk.say(String(repeating: "a", count: 1999) + Self.post("abc"))
            #expect(try await talk.hear(until: " 3.").hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func aRequestWaitsItsTurnAndCountsMeanwhile() async throws {
        let configuration = MutualTLSServerConfiguration.patient { $0.maxRequestsInProgress = 1 }
        try await talk(configuration) { talk in
            try await talk.say(Self.post("a") + Self.post("b", fields: "Connection: close\r\n"))
            let all = await talk.hearAll()
            #expect(all.hasPrefix("HTTP/1.1 200 ") && all.contains("\(Self.subject) 1.HTTP/1.1 503 "), "\(all)")
        }
        try await talk(configuration) { talk in
            for _ in 0..<3 {
                try await talk.say(Self.post("a"))
                #expect(try await talk.hear(until: " 1.").hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    @Test func noMoreRequestsAreAnsweredThanTheClientTakesAnswersOf() async throws {
        let immediate = AtOnce()
        let count = 50
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        try await TestServer.run(files.load(), eventLoops: 1, immediate: immediate) { server in
            try await Talk.with(server, as: client) { talk in
                try await talk.say(String(repeating: Self.post("a", "/ample"), count: count))
                _ = try await talk.hear(until: "HTTP/1.1 200 ")
                // When the event loop has time for another, it has answered all that it will.
                try await Talk.with(server, as: client) { other in
                    try await other.say(Self.get)
                    _ = try await other.hear(until: Self.subject)
                }
                // What the system's buffers take, and one.
                #expect(immediate.answered < count)
                for _ in 1..<count { _ = try await talk.hear(until: "HTTP/1.1 200 ") }
                #expect(immediate.answered == count)
            }
        }
    }

    @Test func aClientThatTakesNoAnswersIsNotListenedTo() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        try await TestServer.run(files.load(), eventLoops: 1) { server in
            try await RawClient.withConnection(to: server.port, tls: client) { _, flood in
                // More than the system's buffers take.
                let requests = String(repeating: Self.post(String(repeating: "a", count: 1000), "/ample"), count: 1 << 10)
                try await withThrowingTaskGroup { tasks in
                    tasks.addTask {
                        for _ in 0..<128 { try await flood.write(ByteBuffer(string: requests)) }
                        server.gate.arrive()
                    }
                    try await Talk.with(server, as: client) { other in
                        for _ in 0..<500 {
                            try await other.say(Self.get)
                            _ = try await other.hear(until: Self.subject)
                        }
                    }
                    #expect(server.gate.arrived == 0)
                    tasks.cancelAll()
                }
            }
        }
    }

    /// The connection's own pipeline behind TLS, over no network.
    private func embedded(
        _ immediate: AtOnce = AtOnce(), _ configuration: MutualTLSServerConfiguration = .patient()
    ) throws -> (EmbeddedChannel, application: HTTP1Connection.Value) {
        let channel = EmbeddedChannel()
        let connection = HTTP1Connection(
            responder: { _, _, _ in throw CancellationError() }, immediate: immediate, configuration: configuration)
        let application = try connection.setup(
            channel: channel, limits: ConnectionLimits(configuration), logger: Logger(label: "test"))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return (channel, application)
    }

    /// A read that has begun cannot be held back.
    @Test func whatComesWhileNothingIsTakenWaitsInOrder() throws {
        let immediate = AtOnce()
        let (channel, _) = try embedded(immediate)
        let requests = Self.post("a") + Self.post("bb") + Self.post("ccc")
        channel.isWritable = false
        try channel.writeInbound(ByteBuffer(string: String(requests.dropLast(2))))
        #expect(immediate.answered == 0)
        // There is room, and the handler has not been told.
        channel.isWritable = true
        try channel.writeInbound(ByteBuffer(string: String(requests.suffix(2))))
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.run()
        var answers: [Substring?] = []
        while let response = try channel.readOutbound(as: ByteBuffer.self) {
            answers.append(String(buffer: response).split(separator: "\r\n").last)
        }
        #expect(answers == ["nobody 1.", "nobody 2.", "nobody 3."])
        _ = try? channel.finish()
    }

    /// An application that is given a channel without room does not know, and answers into memory without end.
    @Test(arguments: [true, false])
    func aConnectionWithoutRoomIsNotHandedOver(isWritable: Bool) throws {
        let (channel, application) = try embedded(AtOnce())
        var isHandedOver = false
        application.assumeIsolated().whenSuccess { _ in isHandedOver = true }
        channel.isWritable = isWritable
        try channel.writeInbound(ByteBuffer(string: Self.get))
        channel.embeddedEventLoop.run()
        #expect(isHandedOver == isWritable)
        _ = try? channel.finish()
    }

    @Test func aConnectionIsIdleFromItsLastAnswerOn() throws {
        let (channel, _) = try embedded(AtOnce(), .patient { $0.idleTimeout = .seconds(60) })
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        try channel.writeInbound(ByteBuffer(string: Self.post("a")))
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    /// Its end has a time of its own.
    @Test func aConnectionIsNotIdleWhileARequestIsRead() throws {
        let (channel, _) = try embedded(AtOnce(), .patient { $0.idleTimeout = .seconds(60) })
        // A part of the header first, then all but the end.
        let request = Self.post("a")
        try channel.writeInbound(ByteBuffer(string: String(request.prefix(10))))
        channel.embeddedEventLoop.advanceTime(by: .seconds(100))
        #expect(channel.isActive)
        try channel.writeInbound(ByteBuffer(string: String(request.dropFirst(10).dropLast())))
        channel.embeddedEventLoop.advanceTime(by: .seconds(100))
        #expect(channel.isActive)
        try channel.writeInbound(ByteBuffer(string: String(request.suffix(1))))
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(!channel.isActive)
    }

    @Test(arguments: ["", post("a"), post("a") + post("bb")])
    func aServerThatStopsAnswersWhatHasComeAndCloses(before: String) throws {
        let (channel, _) = try embedded()
        try channel.writeInbound(ByteBuffer(string: before))
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(channel.isActive == !before.isEmpty)
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
        var announced: [Bool] = []
        while let response = try channel.readOutbound(as: ByteBuffer.self) {
            announced.append(String(buffer: response).contains("\r\nConnection: close\r\n"))
        }
        let count = before.split(separator: "POST").count
        #expect(announced == (0..<count).map { $0 == count - 1 })
    }

    /// A client that has not noticed may have sent one more. With TLS its own farewell is waited for meanwhile.
    @Test(arguments: ["", post("a")])
    func nothingIsAnsweredOnceTheConnectionIsClosed(before: String) throws {
        let immediate = AtOnce()
        let (channel, _) = try embedded(immediate)
        try channel.pipeline.syncOperations.addHandler(StaysOpen(), position: .first)
        try channel.writeInbound(ByteBuffer(string: before))
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        channel.embeddedEventLoop.run()
        #expect(try (channel.readOutbound(as: ByteBuffer.self) == nil) == before.isEmpty)
        try channel.writeInbound(ByteBuffer(string: Self.post("bb") + Self.get + "no HTTP\r\n\r\n"))
        channel.embeddedEventLoop.run()
        #expect(channel.isActive)
        #expect(immediate.answered == (before.isEmpty ? 0 : 1))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
    }

    /// By whoever serves the connection, while a request waits for its turn.
    @Test func aRequestIsNotAnsweredWhoseConnectionIsClosedBeforeItsTurn() throws {
        let immediate = AtOnce()
        let (channel, _) = try embedded(immediate)
        try channel.pipeline.syncOperations.addHandler(StaysOpen(), position: .first)
        try channel.writeInbound(ByteBuffer(string: Self.post("a")))
        channel.close(promise: nil)
        channel.embeddedEventLoop.run()
        #expect(channel.isActive)
        #expect(immediate.answered == 0)
    }

    private final class StaysOpen: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {}
    }

    @Test func whatIsNotHTTPIsAnsweredBehindTheRequestsBeforeIt() throws {
        let (channel, _) = try embedded()
        try channel.writeInbound(ByteBuffer(string: Self.post("a") + "GET\r\n\r\n"))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        channel.embeddedEventLoop.run()
        var answers: [String] = []
        while let response = try channel.readOutbound(as: ByteBuffer.self) { answers.append(String(buffer: response)) }
        #expect(answers.map { $0.prefix(13) } == ["HTTP/1.1 200 ", "HTTP/1.1 400 "])
        #expect(!channel.isActive)
    }

    /// Whoever asks again, as told, is not idle.
    @Test func aConnectionWhoseRequestsAreRefusedForLoadIsNotIdle() throws {
        let channel = EmbeddedChannel()
        let eventLoop = channel.embeddedEventLoop
        let requests = RequestsInProgress(bound: 0, eventLoop: eventLoop, onOverload: { _ in })
        let configuration = MutualTLSServerConfiguration.patient { $0.idleTimeout = .seconds(60) }
        let places = RequestPlaces(requests, requests.joined("user-svc"))
        let limits = HTTP1Limits(configuration, places: places, at: eventLoop.now)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTP1Bytes(limits))
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
        try pipeline.addHandler(limits)
        try pipeline.addHandler(
            ImmediateRequests(
                AtOnce(), from: nil, limits: limits, configuration, application: eventLoop.makePromise(),
                makeApplication: { _ in throw CancellationError() }
            )
        )
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        for _ in 0..<5 {
            eventLoop.advanceTime(by: .seconds(30))
            try channel.writeInbound(ByteBuffer(string: Self.post("a")))
            let answer = try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
            #expect(answer?.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n") == true)
        }
        eventLoop.advanceTime(by: .seconds(60))
        #expect(!channel.isActive)
    }

    @Test func anApplicationThatGetsAConnectionWhileTheServerStopsClosesItWithItsAnswer() throws {
        let (channel, _) = try embedded()
        channel.isWritable = false
        try channel.writeInbound(ByteBuffer(string: Self.get))
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.run()
        #expect(channel.isActive)
        try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .noContent)))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
        #expect(!channel.isActive)
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }?.contains("Connection: close") == true)
    }

    @Test func aClientThatHasSaidAllItHasToSayIsLetGo() async throws {
        try await talk { talk in
            try await talk.say(Self.post("abc"))
            _ = try await talk.hear(until: " 3.")
            talk.sayNoMore()
            #expect(await talk.hearAll() == "")
        }
    }

    @Test func aRequestThatBreaksOffIsNotAnswered() async throws {
        let immediate = AtOnce()
        let all = try await talk(immediate: immediate) { talk in
            try await talk.say(String(Self.post("abc").dropLast()))
            talk.sayNoMore()
            return await talk.hearAll()
        }
        #expect(immediate.answered == 0)
        #expect(!all.contains(" 200 "), "\(all)")
    }

    /// As TLS does when it is closed: says farewell, then closes.
    private final class Farewell: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        /// What had been sent when the farewell was about to be.
        var sentBefore: [String] = []

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            while let bytes = try? (context.channel as? EmbeddedChannel)?.readOutbound(as: ByteBuffer.self) {
                sentBefore.append(String(buffer: bytes))
            }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "farewell")), promise: nil)
            context.close(mode: mode, promise: promise)
        }
    }

    @Test(arguments: ["Connection: close\r\n", "Host: another\r\n"])
    func theLastAnswerLeavesTogetherWithTheFarewell(fields: String) throws {
        let (channel, _) = try embedded()
        let farewell = Farewell()
        try channel.pipeline.syncOperations.addHandler(farewell, position: .first)
        try channel.writeInbound(ByteBuffer(string: Self.post("a") + Self.post("bb", fields: fields)))
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
        // The first answer did not wait for the last.
        #expect(farewell.sentBefore.count == 1)
        let last = try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
        #expect(last?.contains("\r\nConnection: close\r\n") == true)
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "farewell")
    }

    @Test func theEndOfTheApplicationsLastAnswerLeavesTogetherWithTheFarewell() throws {
        let (channel, _) = try embedded()
        let farewell = Farewell()
        try channel.pipeline.syncOperations.addHandler(farewell, position: .first)
        try channel.writeInbound(ByteBuffer(string: "GET /peer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        channel.embeddedEventLoop.run()
        try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
        #expect(!channel.isActive)
        #expect(farewell.sentBefore.count == 1)
        #expect(farewell.sentBefore.first?.contains("\r\nConnection: close\r\n") == true)
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "0\r\n\r\n")
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "farewell")
    }
}
