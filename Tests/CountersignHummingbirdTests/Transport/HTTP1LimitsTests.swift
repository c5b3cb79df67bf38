import CountersignHummingbird
import CountersignTLS
import Testing

@Suite(.timeLimit(.minutes(5))) struct HTTP1LimitsTests {
    /// What the server says to `bytes`, and `more` one piece at a time, until it closes the connection.
    private func answer(
        to bytes: String,
        then more: [String] = [],
        _ configuration: MutualTLSServerConfiguration = .patient()
    ) async throws -> String {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        return try await TestServer.run(files.load(), configuration: configuration) { server in
            try await RawClient.exchange(Array(bytes.utf8), then: more, with: server.port, tls: client)
        }
    }

    fileprivate static let get = "GET /peer HTTP/1.1\r\nHost: localhost\r\n"
    fileprivate static let post = "POST /length HTTP/1.1\r\nHost: localhost\r\n"
    private static let subject = "CN=user-svc.link.internal,O=Link Service"

    private func expect(
        _ answer: String,
        begins status: String,
        _ title: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)", sourceLocation: sourceLocation)
        #expect(answer.contains("Connection: close\r\n"), "\(answer)", sourceLocation: sourceLocation)
        #expect(answer.contains("Content-Type: application/problem+json\r\n"), sourceLocation: sourceLocation)
        #expect(answer.hasSuffix("\"status\":\(status)}"), "\(answer)", sourceLocation: sourceLocation)
    }

    // MARK: Size

    enum TooLarge: CaseIterable {
        case field, fieldsTogether, fieldsInNumber, target, targetWithoutEnd

        var request: String {
            let long = String(repeating: "a", count: 20_000)
            return switch self {
            case .field: HTTP1LimitsTests.get + "X: \(long)\r\n\r\n"
            case .fieldsTogether: HTTP1LimitsTests.get + String(repeating: "X: \(long.prefix(1000))\r\n", count: 20) + "\r\n"
            case .fieldsInNumber: HTTP1LimitsTests.get + String(repeating: "X: a\r\n", count: 200) + "\r\n"
            case .target: "GET /\(long) HTTP/1.1\r\nHost: localhost\r\n\r\n"
            case .targetWithoutEnd: "GET /\(long)"
            }
        }
    }

    @Test(arguments: TooLarge.allCases)
    func aHeaderBeyondTheBoundIsAnswered431(header: TooLarge) async throws {
        expect(try await answer(to: header.request), begins: "431")
    }

    @Test func aHeaderWithinTheBoundIsServed() async throws {
        let request = Self.get + "X: " + String(repeating: "a", count: 15_000) + "\r\nConnection: close\r\n\r\n"
        #expect(try await answer(to: request).hasSuffix(Self.subject))
    }

    // MARK: Time

    @Test func aHeaderThatDribblesInIsCut() async throws {
        let configuration = MutualTLSServerConfiguration.patient { $0.headerTimeout = .milliseconds(300) }
        let dribble = Array(repeating: "X: a\r\n", count: 90)
        expect(try await answer(to: Self.get, then: dribble, configuration), begins: "408")
    }

    @Test func aSecondRequestThatDribblesInIsCut() async throws {
        let configuration = MutualTLSServerConfiguration.patient { $0.headerTimeout = .milliseconds(300) }
        let dribble = [Self.get] + Array(repeating: "X: a\r\n", count: 90)
        let answer = try await answer(to: Self.get + "\r\n", then: dribble, configuration)
        let parts = answer.split(separator: Self.subject, maxSplits: 1)
        #expect(parts.count == 2)
        expect(String(parts.last ?? ""), begins: "408")
    }

    @Test func aBodyThatDribblesInIsCut() async throws {
        let configuration = MutualTLSServerConfiguration.patient { $0.bodyTimeout = .milliseconds(300) }
        let dribble = Array(repeating: "a", count: 90)
        let answer = try await answer(to: Self.post + "Content-Length: 100\r\n\r\n", then: dribble, configuration)
        expect(answer, begins: "408")
    }

    /// The timer that the header needed rings much later.
    @Test func aBodyThatDribblesInAfterItsHeaderDidIsCut() async throws {
        let configuration = MutualTLSServerConfiguration.patient { $0.bodyTimeout = .milliseconds(300) }
        let dribble = ["Content-Length: 100\r\n\r\n"] + Array(repeating: "a", count: 90)
        expect(try await answer(to: Self.post, then: dribble, configuration), begins: "408")
    }

    /// The timer that the first request needed rings when the second has time left, and no more bytes come that could set another.
    @Test func aSecondRequestThatStopsHalfwayIsCut() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        var answer: String?
        // A busy machine may be late with the end of the first request; then once more, with more time.
        for limit in [2, 10, 60] where answer == nil {
            let configuration = MutualTLSServerConfiguration.patient { $0.headerTimeout = .seconds(limit) }
            answer = try await TestServer.run(files.load(), configuration: configuration) { server in
                try await Talk.with(server, as: client, saying: Self.get) { talk in
                    try await talk.say("\r\n")
                    guard (try? await talk.hear(until: Self.subject)) != nil else { return nil }
                    try await talk.say(Self.get)
                    return await talk.hearAll()
                }
            }
        }
        expect(try #require(answer), begins: "408")
    }

    @Test func aBodyThatArrivesInTimeIsRead() async throws {
        let pieces = Array(repeating: "a", count: 10)
        let answer = try await answer(to: Self.post + "Content-Length: 10\r\nConnection: close\r\n\r\n", then: pieces)
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.hasSuffix("\r\n\r\n10"))
    }

    @Test(arguments: ["100-continue", "100-Continue"])
    func aClientThatAsksWhetherToSendTheBodyIsToldToGoOn(expectation: String) async throws {
        let head = "Expect: \(expectation)\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        let answer = try await answer(to: Self.post + head, then: ["abc"])
        #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "), "\(answer)")
        #expect(answer.hasSuffix("\r\n\r\n3"))
    }

    @Test func aClientThatMayNotKnowTheInterimAnswerGetsNone() async throws {
        let head = "POST /length HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        let answer = try await answer(to: head, then: ["abc"])
        #expect(answer.hasPrefix("HTTP/1.0 200 "), "\(answer)")
    }

    @Test(arguments: ["", get + "\r\n"])
    func anIdleConnectionIsClosedWithoutAWord(before: String) async throws {
        let answer = try await answer(to: before, .patient { $0.idleTimeout = .seconds(2) })
        #expect(before.isEmpty ? answer.isEmpty : answer.hasSuffix(Self.subject))
    }

    @Test func aClientThatDoesNotTakeItsAnswerIsCut() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        let configuration = MutualTLSServerConfiguration.patient { $0.idleTimeout = .milliseconds(300) }
        try await TestServer.run(files.load(), configuration: configuration) { server in
            try await Talk.with(server, as: client, saying: "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n") { talk in
                try await talk.untilCut()
            }
        }
    }

    @Test func aConnectionOfAgeIsClosedAfterTheRequestInHand() async throws {
        let answer = try await answer(to: Self.get + "\r\n", .patient { $0.maxConnectionAge = .zero })
        #expect(answer.contains("Connection: close\r\n"))
        #expect(answer.hasSuffix(Self.subject))
    }

    // MARK: Form

    enum Malformed: CaseIterable {
        case notText, noHost, twoHosts, hostList, fieldName, laterVersion, http2Preface
        case twoFramings, twoLengths, negativeLength, chunkSize

        var request: String {
            switch self {
            case .notText: "\u{1}\u{2}\u{3}\r\n\r\n"
            case .noHost: "GET /peer HTTP/1.1\r\n\r\n"
            case .twoHosts: "GET /peer HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
            case .hostList: "GET /peer HTTP/1.1\r\nHost: a, b\r\n\r\n"
            case .fieldName: HTTP1LimitsTests.get + "Bad Name: a\r\n\r\n"
            case .laterVersion: "GET /peer HTTP/3.0\r\nHost: localhost\r\n\r\n"
            case .http2Preface: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            case .twoFramings: HTTP1LimitsTests.post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            case .twoLengths: HTTP1LimitsTests.post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\naa"
            case .negativeLength: HTTP1LimitsTests.post + "Content-Length: -1\r\n\r\n"
            case .chunkSize: HTTP1LimitsTests.post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"
            }
        }
    }

    @Test(arguments: Malformed.allCases)
    func whatIsNotHTTPIsAnswered400(malformed: Malformed) async throws {
        expect(try await answer(to: malformed.request), begins: "400")
    }

    @Test(arguments: ["gzip, chunked", "gzip\r\nTransfer-Encoding: chunked", "identity, chunked"])
    func aTransferCodingOtherThanChunkedIsAnswered501(coding: String) async throws {
        let request = Self.post + "Connection: close\r\nTransfer-Encoding: \(coding)\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        expect(try await answer(to: request), begins: "501")
    }

    @Test(arguments: ["chunked", "Chunked"])
    func aChunkedBodyIsRead(coding: String) async throws {
        let head = "Transfer-Encoding: \(coding)\r\nConnection: close\r\n\r\n"
        let answer = try await answer(to: Self.post + head + "3\r\nabc\r\n0\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
        #expect(answer.hasSuffix("\r\n\r\n3"))
    }

    @Test func anHTTP10ClientIsServedAndClosed() async throws {
        let answer = try await answer(to: "GET /peer HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.0 200 "))
        #expect(answer.contains("Connection: close\r\n"))
        #expect(answer.hasSuffix(Self.subject))
    }

    @Test(arguments: ["Connection: close", "connection: Close", "Connection: upgrade\r\nUpgrade: h2c"])
    func aRequestThatCannotBeFollowedIsTheLastOne(field: String) async throws {
        let answer = try await answer(to: Self.get + field + "\r\n\r\n" + Self.get + "\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.hasSuffix(Self.subject))
        #expect(answer.split(separator: Self.subject).count == 1)
    }

    @Test func requestsSentAheadAreAnsweredInOrderBeforeTheBrokenOne() async throws {
        let length = Self.post + "Content-Length: 3\r\n\r\nabc"
        let answer = try await answer(to: Self.get + "\r\n" + length + Self.get + "Broken\r\n\r\n")
        let subject = try #require(answer.firstRange(of: Self.subject))
        let three = try #require(answer.firstRange(of: "\r\n\r\n3HTTP/1.1 400 "))
        #expect(subject.upperBound < three.lowerBound)
        #expect(answer.hasSuffix("\"status\":400}"))
    }
}
