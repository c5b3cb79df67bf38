import CountersignHummingbird
import CountersignTLS
import Testing

@Suite(.timeLimit(.minutes(5))) struct HTTP2LimitsTests {
    /// The connection preface with empty settings (RFC 9113 3.4).
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
    /// The beginning of a GOAWAY that lets all requests pass (RFC 9113 6.8).
    private static let farewell: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f]

    /// A refused request and then a good one, by one `curl`; what came back for each, with the status and how many connections
    /// had to be opened for it.
    private func answers(toHeader header: String, _ options: [String] = [], path: String = "/peer") async throws -> Command {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        let header = try files.directory.write(Array(header.utf8), to: "header")
        _ = try files.directory.write([UInt8](repeating: 0, count: 1 << 19), to: "body")
        let report = ["--http2", "--write-out", " %{http_code} %{content_type} %{num_connects}\n"]
        let second = ["--next", "--noproxy", "*", "--silent", "--show-error", "--cacert", files.directory.path + "/ca.pem"]
        return try await TestServer.run(files.load()) { server in
            let first = ["https://127.0.0.1:\(server.port)\(path)", "--header", "@\(header)"] + options + report
            let next = second + ["--cert", client.certificate, "--key", client.key] + report
            return try await server.curl("/peer", as: client, first + next, in: files)
        }
    }

    private static let refusal =
        #"{"type":"about:blank","title":"Request Header Fields Too Large","status":431} 431 application/problem+json 1"#
    private static let served = "CN=user-svc.link.internal,O=Link Service 200 text/plain; charset=utf-8 "

    @Test(arguments: [(1, 17_000), (1, 60_000), (97, 1)])
    func aHeaderBeyondTheBoundIsAnsweredAndTheConnectionGoesOn(fields: Int, length: Int) async throws {
        let header = (1...fields).map { "X\($0): " + String(repeating: "a", count: length) }.joined(separator: "\n")
        let result = try await answers(toHeader: header)
        #expect(result.output == Self.refusal + "\n" + Self.served + "0\n", "\(result.errors)")
    }

    @Test func theRestOfARequestWhoseHeaderWasRefusedIsNotWaitedFor() async throws {
        let header = "X: " + String(repeating: "a", count: 17_000)
        let result = try await answers(toHeader: header, ["--data-binary", "@body"], path: "/length")
        #expect(result.output.hasPrefix(Self.refusal + "\n" + Self.served), "\(result.output) \(result.errors)")
    }

    @Test func theAnswerToHEADHasNoBody() async throws {
        let result = try await answers(toHeader: "X: " + String(repeating: "a", count: 17_000), ["--head"])
        #expect(result.output.hasPrefix("HTTP/2 431"), "\(result.output)")
        #expect(!result.output.contains("about:blank"))
        #expect(result.output.hasSuffix(Self.served + "0\n"), "\(result.output) \(result.errors)")
    }

    @Test func aHeaderJustWithinTheBoundIsServed() async throws {
        let result = try await answers(toHeader: "X: " + String(repeating: "a", count: 16_100))
        #expect(result.output == Self.served + "1\n" + Self.served + "0\n", "\(result.errors)")
    }

    @Test func aHeaderTooLongToBeReadClosesTheConnectionAndNoOther() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        try await TestServer.run(files.load()) { server in
            let raw = try files.client("raw")
            // HEADERS and four CONTINUATION frames of 16 KiB, which do not end there (RFC 9113 6.10).
            let block = [UInt8](repeating: 0, count: 16_384)
            var bytes = Self.preface + [0, 0x40, 0, 1, 0, 0, 0, 0, 1] + block
            for _ in 0..<4 { bytes += [0, 0x40, 0, 9, 0, 0, 0, 0, 1] + block }
            _ = try await RawClient.exchange(bytes, with: server.port, tls: raw, protocols: ["h2"])
            #expect(try await server.curl("/peer", as: client, ["--http2"], in: files).status == 0)
        }
    }

    @Test func oneAcknowledgementOfTheSettingsIsExpectedHoweverItIsCutUp() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        let acknowledgement: [UInt8] = [0, 0, 0, 4, 1, 0, 0, 0, 0]
        let ping: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 0] + Array("12345678".utf8)
        let bytes = Self.preface + acknowledgement + ping + acknowledgement
        let pieces = stride(from: 0, to: bytes.count, by: 4).map {
            String(decoding: bytes[$0..<min($0 + 4, bytes.count)], as: UTF8.self)
        }
        try await TestServer.run(files.load()) { server in
            // The second acknowledgement is one too many and ends the connection.
            let answer = try await RawClient.exchange([], then: pieces, with: server.port, tls: client, protocols: ["h2"])
            #expect(answer.utf8.contains(acknowledgement))
            #expect(answer.contains("12345678"))
        }
    }

    @Test func aBodyThatDoesNotComeIsNotWaitedFor() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        let pipe = files.directory.path + "/pipe"
        #expect(try await Command.run("mkfifo", [pipe], in: files.directory).status == 0)
        let configuration = MutualTLSServerConfiguration.patient { $0.bodyTimeout = .milliseconds(300) }
        try await TestServer.run(files.load(), configuration: configuration) { server in
            // Open for reading and writing at once, the pipe neither ends nor gives anything.
            let result = try await Command.run(
                "sh",
                [
                    "-c",
                    """
                    exec curl --disable --noproxy '*' --silent --show-error --http2 --cacert \(files.directory.path)/ca.pem \
                    --cert \(client.certificate) --key \(client.key) --request POST --upload-file . \
                    https://127.0.0.1:\(server.port)/length <>\(pipe)
                    """,
                ],
                in: files.directory
            )
            #expect(result.status != 0)
            #expect(result.output == "")
            #expect(result.errors.contains("HTTP/2 stream"), "\(result.errors)")
        }
    }

    @Test func aHeaderThatDribblesInIsCut() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        let configuration = MutualTLSServerConfiguration.patient {
            $0.idleTimeout = .milliseconds(300); $0.drainTimeout = .milliseconds(300)
        }
        // HEADERS that do not end there, and CONTINUATION that does not come to an end (RFC 9113 6.10).
        let header: [UInt8] = [0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]
        let more = String(decoding: [0, 0, 0, 9, 0, 0, 0, 0, 1] as [UInt8], as: UTF8.self)
        try await TestServer.run(files.load(), configuration: configuration) { server in
            let answer = try await RawClient.exchange(
                Self.preface + header, then: Array(repeating: more, count: 90), with: server.port, tls: client, protocols: ["h2"])
            // At least its settings, so there was a handshake.
            #expect(answer.utf8.count >= 9 && !answer.contains("CN="))
        }
    }

    @Test func theClientIsToldOfTheBoundsOnStreamsAndHeaders() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        let configuration = MutualTLSServerConfiguration.patient {
            $0.idleTimeout = .milliseconds(200); $0.drainTimeout = .milliseconds(200)
        }
        try await TestServer.run(files.load(), configuration: configuration) { server in
            let answer = try await RawClient.exchange(Self.preface, with: server.port, tls: client, protocols: ["h2"])
            // SETTINGS_MAX_CONCURRENT_STREAMS (3) and SETTINGS_MAX_HEADER_LIST_SIZE (6), RFC 9113 6.5.2.
            #expect(answer.utf8.contains([0, 3, 0, 0, 0, 100]))
            #expect(answer.utf8.contains([0, 6, 0, 1, 0, 0]))
        }
    }

    @Test func anIdleConnectionThatIgnoresTheFarewellIsCut() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        let configuration = MutualTLSServerConfiguration.patient {
            $0.idleTimeout = .milliseconds(200); $0.drainTimeout = .milliseconds(200)
        }
        try await TestServer.run(files.load(), configuration: configuration) { server in
            let answer = try await RawClient.exchange(Self.preface, with: server.port, tls: client, protocols: ["h2"])
            #expect(answer.utf8.contains(Self.farewell))
        }
    }

    @Test func aConnectionOfAgeThatIgnoresTheFarewellIsCut() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        let configuration = MutualTLSServerConfiguration.patient {
            $0.maxConnectionAge = .milliseconds(200); $0.drainTimeout = .milliseconds(200)
        }
        try await TestServer.run(files.load(), configuration: configuration) { server in
            let answer = try await RawClient.exchange(Self.preface, with: server.port, tls: client, protocols: ["h2"])
            #expect(answer.utf8.contains(Self.farewell))
        }
    }

    @Test func whatIsNotHTTP2IsClosed() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.client()
        try await TestServer.run(files.load()) { server in
            let request = Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
            let answer = try await RawClient.exchange(request, with: server.port, tls: client, protocols: ["h2"])
            #expect(!answer.contains("HTTP/1.1"))
        }
    }
}
