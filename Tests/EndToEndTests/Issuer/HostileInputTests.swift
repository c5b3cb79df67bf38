import CountersignTesting
import Foundation
import Testing

/// What no client should send to the TLS port. It ends with the connection it came by: the process lives, and a good client
/// is served at once all the while.
@Suite(.serialized, .runningIssuer) struct HostileInputTests {
    let issuer: RunningIssuer

    init() throws {
        issuer = try #require(RunningIssuer.current)
    }

    /// A good client is served, and does not have to wait.
    private func expectGoodService(_ place: SourceLocation = #_sourceLocation) throws {
        let answer = try Curl(issuer: issuer).token("grant_type=client_credentials&audience=search-svc", ["--max-time", "8"])
        #expect(answer.status == 200, sourceLocation: place)
        #expect(issuer.isRunning, sourceLocation: place)
    }

    @Test func endsPlainHTTP() async throws {
        let mark = try issuer.mark()
        let connection = try await RawConnection(to: issuer.port)
        await connection.send(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        try await connection.end()
        try await issuer.logs("connection refused", "reason=not-tls", since: mark)
        try expectGoodService()
    }

    @Test(arguments: [1, 5, 100, 20_000, 300_000]) func endsRandomBytes(count: Int) async throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<5 {
            // Five bytes are a whole record header; the first is never that of a handshake.
            let bytes = (0..<count).map { $0 == 0 ? 0xee : UInt8.random(in: 0...255, using: &generator) }
            let connection = try await RawConnection(to: issuer.port)
            await connection.send(bytes)
            count < 5 ? await connection.close() : try await connection.end()
        }
        try expectGoodService()
    }

    /// A TLS record of a ClientHello: right at the beginning, wrong or missing after it.
    private static func clientHello(promised: Int, sent: Int) -> [UInt8] {
        let length = { [UInt8($0 >> 8 & 0xff), UInt8($0 & 0xff)] }
        let body = [0x03, 0x03] + (0..<sent).map { UInt8($0 & 0xff) }
        return [0x16, 0x03, 0x01] + length(promised + 4) + [0x01, 0x00] + length(promised) + body.prefix(sent)
    }

    @Test func endsHandshakesThatAreCutShortOrNonsense() async throws {
        let mark = try issuer.mark()
        for sent in [0, 1, 30, 400] {
            let connection = try await RawConnection(to: issuer.port)
            await connection.send(Self.clientHello(promised: 512, sent: sent))
            await connection.close()
        }
        try await issuer.logs("reason=handshake-aborted", since: mark)
        let nonsense = try await RawConnection(to: issuer.port)
        await nonsense.send(Self.clientHello(promised: 512, sent: 512))
        try await nonsense.end()
        try await issuer.logs("reason=handshake-failed", since: mark)
        try expectGoodService()
    }

    @Test func refusesOldVersionsOfTLS() throws {
        for version in ["-tls1", "-tls1_1"] {
            let result = try Shell.run(
                "timeout", "20", "openssl", "s_client", version, "-cipher", "DEFAULT@SECLEVEL=0", "-connect",
                "127.0.0.1:\(issuer.port)"
            )
            #expect(!result.succeeded)
            #expect("\(result)".contains("alert protocol version"), "\(result)")
        }
        try expectGoodService()
    }

    @Test func survivesManyConnectionsThatAreDropped() async throws {
        for _ in 0..<20 {
            var connections: [RawConnection] = []
            for _ in 0..<25 { connections.append(try await RawConnection(to: issuer.port)) }
            for connection in connections { await connection.close() }
        }
        try expectGoodService()
    }

    /// Opened together, so that their timeouts of ten seconds run together.
    @Test func cutsConnectionsThatAreSilentOrSlowAndServesTheOthers() async throws {
        let mark = try issuer.mark()
        let began = ContinuousClock.now
        var silent: [RawConnection] = []
        for number in 0..<200 {
            let connection = try await RawConnection(to: issuer.port)
            silent.append(connection)
            // Some say the beginning of something, and then nothing more.
            if number % 4 == 1 { await connection.send(Self.clientHello(promised: 512, sent: number)) }
            if number % 4 == 2 { await connection.send([0x16, 0x03]) }
        }
        let halfHello = try await RawConnection(to: issuer.port)
        await halfHello.send(Self.clientHello(promised: 512, sent: 100))
        let slowHeader = try TLSSession(to: issuer)
        try slowHeader.send("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nX-")
        let slowBody = try TLSSession(to: issuer)
        try slowBody.send(String(TLSSession.tokenRequest().dropLast(10)))
        let mute = try TLSSession(to: issuer)

        // As slow as can be, and still a byte every now and then.
        let drip = Task {
            while slowHeader.isOpen {
                try slowHeader.send("a")
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        defer { drip.cancel() }
        for _ in 0..<5 { try expectGoodService() }
        let areOpen = halfHello.isOpen && silent.allSatisfy(\.isOpen)
        // A machine that took longer than the timeout to get here has seen some of them cut.
        #expect(areOpen || ContinuousClock.now - began > .seconds(8))

        for connection in silent + [halfHello] { try await connection.end() }
        try await issuer.logs("reason=handshake-timeout", since: mark)
        for session in [slowHeader, slowBody] {
            #expect(try await session.answer().status == 408)
            try await session.end()
        }
        // A connection between requests may stay for longer.
        #expect(mute.isOpen)
        try mute.send(TLSSession.tokenRequest())
        #expect(try await mute.answer().status == 200)
        try expectGoodService()
    }

    @Test func answersPipelinedRequestsInTheirOrder() async throws {
        let session = try TLSSession(to: issuer)
        var requests = ""
        for number in 0..<20 {
            requests += TLSSession.tokenRequest(
                number % 5 == 3 ? "grant_type=password&audience=x" : Self.good, close: number == 19)
        }
        try session.send(requests)
        try await session.end()
        #expect(try session.answers().map(\.status) == (0..<20).map { $0 % 5 == 3 ? 400 : 200 })
    }

    private static let good = "grant_type=client_credentials&audience=search-svc"

    @Test func answersAHeaderWithoutAnEndAndClosesTheConnection() async throws {
        for text in [
            "GET /\(String(repeating: "a", count: 40_000)) HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "a", count: 40_000))",
            "GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 20_000),
        ] {
            let session = try TLSSession(to: issuer)
            try? session.send(text)
            let answer = try await session.answer()
            #expect([400, 431].contains(answer.status), "\(answer)")
            #expect(answer.header("Connection") == "close")
            try await session.end()
        }
        try expectGoodService()
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX: a\u{0}b\r\n\r\n",
        "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\naaaaaa",
        "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n",
    ])
    func answersMalformedHTTPWith400AndClosesTheConnection(text: String) async throws {
        let session = try TLSSession(to: issuer)
        // Whatever the server made of this, it must not have made a request of what follows it.
        try session.send(text + TLSSession.tokenRequest())
        try await session.end()
        #expect(try session.answers().map(\.status) == [400])
    }

    @Test func endsAnHTTP2ConnectionOfNonsense() async throws {
        for frames in [
            "not the preface of HTTP/2, but long enough to be one\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + String(repeating: "\u{7f}", count: 5000),
        ] {
            let session = try TLSSession(to: issuer, arguments: ["-alpn", "h2"])
            try session.send(frames)
            try await session.end()
        }
        try expectGoodService()
    }
}
