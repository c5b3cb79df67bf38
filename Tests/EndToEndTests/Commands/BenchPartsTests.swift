import CountersignCrypto
import CountersignTesting
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import CountersignCLI

/// What `countersign bench` reads: addresses, answers, `/proc`.
@Suite struct BenchPartsTests {
    @Test(arguments: ["localhost", "LocalHost", "127.0.0.1", "127.9.8.7", "[::1]", "[0:0:0:0:0:0:0:1]"])
    func thisMachineIsKnownByItsAddress(host: String) throws {
        #expect(try BenchTarget("https://\(host):8443", allowRemote: false).isLoopback)
    }

    @Test(arguments: ["10.0.0.1", "localhost.example", "127.1", "127.0.0.1.example", "[::2]", "[::ffff:127.0.0.1]", "0x7f.0.0.1"])
    func otherMachinesNeedToBeAllowed(host: String) throws {
        let refused = #expect(throws: CommandFailure.self) { try BenchTarget("https://\(host):8443", allowRemote: false) }
        #expect(refused?.exitCode == .usage && refused?.message.contains("is not an address of this machine") == true)
        #expect(try !BenchTarget("https://\(host):8443", allowRemote: true).isLoopback)
    }

    @Test func onlyAnAnswerWithATokenIsOne() {
        #expect(BenchOutcome(status: 200, body: Array(#"{"access_token":"x"}"#.utf8)) == .token)
        #expect(BenchOutcome(status: 200, body: Array("{}".utf8)) == .refused("200 without a token"))
        let error = Array(#"{"error":"temporarily_unavailable"}"#.utf8)
        #expect(BenchOutcome(status: 503, body: error) == .shed("503 temporarily_unavailable"))
        #expect(BenchOutcome(status: 429, body: []) == .shed("429"))
        #expect(BenchOutcome(status: 401, body: Array(#"{"error":"a b\u001b[0m"}"#.utf8)) == .refused("401 ab[0m"))
        #expect(BenchOutcome(status: 500, body: Array("<html>".utf8)) == .refused("500"))
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"access_token\":\"x\"}", BenchOutcome.token),
        ("HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"x\"}", .token),
        ("HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"access_token\":\"x\"}", .closed),
        ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", .shed("503")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n", .closed), ("", .closed),
        ("SSH-2.0\r\n\r\n", .lost("an answer that is not HTTP")), ("HTTP/1.1\r\n\r\n", .lost("an answer that is not HTTP")),
    ])
    func anAnswerThatEndsWithItsConnectionIsReadWhole(text: String, expected: BenchOutcome) {
        for size in [1, 7, 4096] {
            var answer = ClosingAnswer()
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let fits = answer.append(Array(rest.prefix(size)))
                #expect(fits)
                rest = rest.dropFirst(size)
            }
            #expect(answer.outcome == expected)
        }
    }

    @Test func anAnswerThatDoesNotEndIsCutOff() {
        var answer = ClosingAnswer()
        let (fits, goesOn) = (answer.append([UInt8](repeating: 0x61, count: BenchOutcome.maxBytes)), answer.append([0x61]))
        #expect(fits && !goesOn)
    }

    /// The measured handshakes are those that callers make, so what NIOSSL offers first OpenSSL does too.
    @Test func newConnectionsOfferTheCipherSuitesInTheOrderOfCallers() async throws {
        let authority = try TestAuthority()
        let client = try authority.issue("user-svc.link.internal")
        let (hellos, hello) = AsyncStream.makeStream(of: [UInt8].self)
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(FirstBytes(hello)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)

        let context = try TLSClientContext(chain: [client.certificate], key: client.key, anchors: [authority.certificate])
        #expect(throws: TLSClientError.self) {
            _ = try TLSClientConnection.open(context, to: .init(address: "127.0.0.1", port: port, name: nil), timeout: 60)
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        let tls = try NIOSSLContext(configuration: configuration)
        let caller = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        try? await caller.closeFuture.get()
        try await listener.close()

        var offers = hellos.makeAsyncIterator()
        let (measured, product) = (await offers.next().map(Self.cipherSuites), await offers.next().map(Self.cipherSuites))
        #expect(measured?.count == 3)
        // On a processor without instructions for AES NIOSSL begins with ChaCha20.
        #expect(measured == product || product?.first == 3)
    }

    /// Those of TLS 1.3 in a ClientHello (RFC 8446 section 4.1.2), in their order.
    private static func cipherSuites(_ hello: [UInt8]) -> [UInt8] {
        // Record and message headers, version and random come before the session's length.
        let session = 5 + 4 + 2 + 32
        guard hello.count > session else { return [] }
        let rest = hello.dropFirst(session + 1 + Int(hello[session]))
        guard let high = rest.first, let low = rest.dropFirst().first else { return [] }
        let suites = Array(rest.dropFirst(2).prefix(Int(high) << 8 | Int(low)))
        return stride(from: 0, to: suites.count - 1, by: 2).filter { suites[$0] == 0x13 }.map { suites[$0 + 1] }
    }

    private final class FirstBytes: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let seen: AsyncStream<[UInt8]>.Continuation

        init(_ seen: AsyncStream<[UInt8]>.Continuation) {
            self.seen = seen
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            seen.yield(Array(unwrapInboundIn(data).readableBytesView))
            context.close(promise: nil)
        }
    }

    @Test func aListenerIsFoundInTheTableOfTheKernel() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000
               1: 0100007F:20FB 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000000000000000
               2: 0100007F:20FC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0000000000000000
            """
        #expect(IssuerProcess.listeners(on: 8443, in: table) == ["4711"])
        #expect(IssuerProcess.listeners(on: 1, in: table) == [] && IssuerProcess.listeners(on: 8443, in: "") == [])
    }

    @Test func whatAProcessUsesIsReadWhateverItIsCalled() {
        let statistics = "42 (a) (b) R) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 4 0 1 2 3\n"
        let use = IssuerProcess.Use(statistics: statistics, status: "Name:\tx\nVmRSS:\t    1234 kB\n", ticksPerSecond: 100)
        #expect(use == .init(processorSeconds: 2, residentBytes: 1234 * 1024))
        #expect(IssuerProcess.Use(statistics: "", status: "VmRSS: 1 kB", ticksPerSecond: 100) == nil)
        #expect(IssuerProcess.Use(statistics: statistics, status: "", ticksPerSecond: 100) == nil)
    }
}

/// The connections of `bench connect` and `bench resume`, against a running issuer.
@Suite(.serialized, .runningIssuer) struct BenchConnectionTests {
    private func open(_ name: String?, trusting authority: TestAuthority) throws -> Bool {
        let issuer = try #require(RunningIssuer.current)
        let own = try issuer.folder.authority.issue("user-svc")
        let context = try TLSClientContext(
            chain: [own.certificate] + own.intermediates, key: own.key, anchors: [authority.certificate])
        let connection = try TLSClientConnection.open(
            context, to: .init(address: "127.0.0.1", port: issuer.port, name: name), timeout: 10)
        return connection.isResumed
    }

    @Test func theServerIsVerifiedByAuthorityAndName() throws {
        let authority = try #require(RunningIssuer.current).folder.authority
        #expect(try !open(nil, trusting: authority))
        #expect(try !open(IssuerFolder.host, trusting: authority))
        #expect {
            _ = try open("other.link.internal", trusting: authority)
        } throws: {
            ($0 as? TLSClientError)?.code == .tls && "\($0)".contains("certificate verify failed")
        }
        let other = try TestAuthority("Other CA", at: .now())
        #expect {
            _ = try open(nil, trusting: other)
        } throws: {
            ($0 as? TLSClientError)?.code == .tls && "\($0)".contains("certificate verify failed")
        }
    }

    @Test func aNameOrTheAddressIsLookedFor() throws {
        let issuer = try #require(RunningIssuer.current)
        let own = try issuer.folder.authority.issue("user-svc")
        let form = "grant_type=client_credentials&audience=search-svc"
        let request = """
            POST /oauth2/token HTTP/1.1\r
            Host: issuer\r
            Content-Type: application/x-www-form-urlencoded\r
            Content-Length: \(form.utf8.count)\r
            Connection: close\r
            \r
            \(form)
            """
        func checked(_ name: String?, trusting authority: TestAuthority) throws -> String? {
            let context = try TLSClientContext(
                chain: [own.certificate] + own.intermediates, key: own.key, anchors: [authority.certificate])
            return try NewConnectionCaller(
                target: .init(address: "127.0.0.1", port: issuer.port, name: name), context: context, request: Array(request.utf8)
            ).checked("https://issuer").target.name
        }
        #expect(try checked(IssuerFolder.host, trusting: issuer.folder.authority) == IssuerFolder.host)
        #expect(try checked("localhost", trusting: issuer.folder.authority) == nil)
        #expect(try checked(nil, trusting: issuer.folder.authority) == nil)
        let other = try TestAuthority("Other CA", at: .now())
        #expect {
            _ = try checked("localhost", trusting: other)
        } throws: { error in
            (error as? CommandFailure)?.exitCode == .no && "\(error)".contains("certificate verify failed")
        }
    }

    /// Each byte comes in time, and the whole never.
    @Test(.timeLimit(.minutes(1))) func aPeerThatDripsIsNotWaitedFor() async throws {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                for number in 0..<25 {
                    // The head of a record, and what it announces.
                    let bytes: [UInt8] = number == 0 ? [0x16, 3, 3, 0x20, 0] : [0]
                    channel.eventLoop.scheduleTask(in: .milliseconds(400 * Int64(number))) {
                        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
                    }
                }
                channel.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        let folder = try #require(RunningIssuer.current).folder
        let own = try folder.authority.issue("user-svc")
        let context = try TLSClientContext(
            chain: [own.certificate], key: own.key, anchors: [folder.authority.certificate])
        // Whoever waits for each byte anew hears the end, which is another error.
        let error = #expect(throws: TLSClientError.self) {
            _ = try TLSClientConnection.open(context, to: .init(address: "127.0.0.1", port: port, name: nil), timeout: 1)
        }
        #expect(error?.code == .timedOut, "\(String(describing: error))")
        try await listener.close()
    }

    @Test(.timeLimit(.minutes(1))) func anAnswerThatDripsIsNotWaitedFor() async throws {
        let folder = try #require(RunningIssuer.current).folder
        let server = try await OddIssuer.start(
            folder,
            answering: #"""
                os.write(connection.fileno(), b"\x17\x03\x03\x20\x00")
                for number in range(25):
                    time.sleep(0.4)
                    os.write(connection.fileno(), b"\0")
                connection.close()
                """#)
        let own = try folder.authority.issue("user-svc")
        let context = try TLSClientContext(
            chain: [own.certificate], key: own.key, anchors: [folder.authority.certificate])
        let port = try #require(server.address.split(separator: ":").last.flatMap { Int($0) })
        let connection = try TLSClientConnection.open(
            context, to: .init(address: "127.0.0.1", port: port, name: nil), timeout: 5)
        try connection.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        do throws(TLSClientError) {
            _ = try connection.receive()
            Issue.record("something came")
        } catch {
            #expect(error.code == .timedOut, "\(error)")
        }
    }

    @Test func nobodyListens() async throws {
        let port = try await RawConnection.freePort()
        let own = try TestAuthority(at: .now()).issue("user-svc")
        let context = try TLSClientContext(chain: [own.certificate], key: own.key, anchors: [own.certificate])
        #expect {
            _ = try TLSClientConnection.open(context, to: .init(address: "127.0.0.1", port: port, name: nil), timeout: 10)
        } throws: {
            ($0 as? TLSClientError)?.code == .unreachable && "\($0)" == "connection refused"
        }
    }
}
