import CountersignHummingbird
import CountersignTLS
import Testing

/// What one request costs the others of its HTTP/2 connection, and how long it may stay.
@Suite(.timeLimit(.minutes(5))) struct HTTP2StreamTests {
    private static let subject = "CN=user-svc.link.internal,O=Link Service"
    /// More than a header may have.
    private static let tooManyFields = Array(repeating: ("x", "a"), count: 101)

    /// A server, and a client that has said `first` after its preface.
    private func talk(
        _ configuration: MutualTLSServerConfiguration = .patient(), window: UInt8? = nil, saying first: [UInt8] = [],
        _ body: @escaping @Sendable (TestServer, inout Talk) async throws -> Void
    ) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        try await TestServer.run(files.load(), configuration: configuration) { server in
            // Whatever fails, no request is left waiting.
            defer { server.gate.open() }
            try await Talk.with(server, as: client, protocols: ["h2"]) { talk in
                try await talk.say(HTTP2Frames.preface(window: window) + first)
                try await body(server, &talk)
            }
        }
    }

    // MARK: Answers that are not taken

    enum NotTaken: CaseIterable {
        case whole, tooLargeToBeWritten, refused

        fileprivate var request: [UInt8] {
            switch self {
            case .whole: HTTP2Frames.get(on: 1)
            case .tooLargeToBeWritten: HTTP2Frames.get("/large", on: 1)
            case .refused: HTTP2Frames.get(on: 1, HTTP2StreamTests.tooManyFields)
            }
        }
    }

    @Test(arguments: NotTaken.allCases)
    func anAnswerThatTheClientGivesNoRoomForIsCut(answer: NotTaken) async throws {
        let configuration = MutualTLSServerConfiguration.patient {
            $0.idleTimeout = .milliseconds(300)
            // Else only the end of the connection would end it.
            $0.maxConnectionAge = .seconds(30)
            $0.drainTimeout = .seconds(1)
        }
        try await talk(configuration, window: 0, saying: answer.request) { _, talk in
            _ = try await talk.hear(until: HTTP2Frames.reset(on: 1))
        }
    }

    @Test(arguments: NotTaken.allCases)
    func anAnswerThatTheClientGivesRoomForIsSent(answer: NotTaken) async throws {
        let request = answer.request
        try await talk(window: 0, saying: request) { _, talk in
            _ = try await talk.hear(until: HTTP2Frames.answer(on: 1))
            try await talk.say(HTTP2Frames.window(100, on: 1))
            let beginning =
                switch answer {
                case .whole: Self.subject
                case .tooLargeToBeWritten: String(repeating: "a", count: 100)
                case .refused: #""status":431}"#
                }
            #expect(!(try await talk.hear(until: beginning)).contains(HTTP2Frames.reset(on: 1)))
        }
    }

    // MARK: Requests that are refused

    @Test func theBodiesOfManyRefusedRequestsDoNotEndTheConnection() async throws {
        let streams = stride(from: UInt8(1), to: 120, by: 2)
        let requests = streams.flatMap { HTTP2Frames.post("/length", on: $0, Self.tooManyFields) }
        try await talk(saying: requests) { _, talk in
            _ = try await talk.hear(until: HTTP2Frames.reset(on: 119))
            // The client had sent them before it heard the answer.
            try await talk.say(streams.flatMap { HTTP2Frames.body("abc", on: $0) })
            try await talk.say(HTTP2Frames.get(on: 121))
            _ = try await talk.hear(until: Self.subject)
        }
    }

    // MARK: Requests that break the protocol

    enum Malformed: CaseIterable {
        case connectionField, noPath, wrongLength, emptyWindow

        fileprivate func frames(on stream: UInt8) -> [UInt8] {
            switch self {
            case .connectionField: HTTP2Frames.get(on: stream, [("te", "gzip")])
            case .noPath: HTTP2Frames.request([(":method", "GET")], on: stream, ends: true)
            case .wrongLength:
                HTTP2Frames.post("/length", on: stream, [("content-length", "5")]) + HTTP2Frames.body("abc", on: stream)
            case .emptyWindow: HTTP2Frames.post("/length", on: stream) + HTTP2Frames.window(0, on: stream)
            }
        }
    }

    @Test(arguments: Malformed.allCases)
    func aMalformedRequestEndsNoOther(malformed: Malformed) async throws {
        try await talk(saying: HTTP2Frames.get("/held", on: 1)) { server, talk in
            try await server.gate.untilArrived(1)
            try await talk.say(malformed.frames(on: 3))
            _ = try await talk.hear(until: HTTP2Frames.reset(on: 3))
            server.gate.open()
            _ = try await talk.hear(until: "held")
            try await talk.say(HTTP2Frames.get(on: 5))
            _ = try await talk.hear(until: Self.subject)
        }
    }

    @Test(arguments: [HTTP2Frames.body("a", on: 0), HTTP2Frames.window(0, on: 0), HTTP2Frames.get(on: 2)])
    func whatIsWrongWithTheConnectionEndsIt(frames: [UInt8]) async throws {
        try await talk(saying: HTTP2Frames.get("/held", on: 1)) { server, talk in
            try await server.gate.untilArrived(1)
            try await talk.say(frames)
            #expect(!(await talk.hearAll()).contains("held"))
        }
    }

    @Test func noClientIsForgivenAnyNumberOfMalformedRequests() async throws {
        try await talk(saying: HTTP2Frames.get("/held", on: 1)) { server, talk in
            try await server.gate.untilArrived(1)
            let malformed = stride(from: UInt8(3), to: 255, by: 2).map { HTTP2Frames.get(on: $0, [("te", "gzip")]) }
            let more = malformed.map { frame in
                var frame = frame
                // Streams from 256 on.
                frame[7] = 1
                return frame
            }
            try? await talk.say((malformed + more).flatMap(\.self))
            #expect(!(await talk.hearAll()).contains("held"))
        }
    }
}
