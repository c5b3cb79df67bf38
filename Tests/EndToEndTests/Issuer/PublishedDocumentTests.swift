import CountersignJSON
import CountersignTesting
import Testing

/// Everything on the issuer's addresses besides tokens.
@Suite(.serialized, .runningIssuer) struct PublishedDocumentTests {
    let issuer: RunningIssuer
    let curl: Curl

    init() throws {
        issuer = try #require(RunningIssuer.current)
        curl = Curl(issuer: issuer)
    }

    @Test func publishesTheKeySetForCachesOnly() throws {
        let answer = try curl.answer("/.well-known/jwks.json")
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "application/jwk-set+json")
        #expect(answer.header("Cache-Control") == "max-age=300")
        let key = try #require(answer.json["keys"]?.array?.first?.object)
        #expect(Set(key.names) == ["kty", "n", "e", "use", "alg", "kid"])
        #expect(try Program.run("keys", "jwks", "--keys", "keys", in: issuer.folder.files).standardOutput == answer.text)

        let tag = try #require(answer.header("ETag"))
        for (known, status) in [(tag, 304), ("\"other\", W/\(tag)", 304), ("*", 304), ("\"other\"", 200)] {
            let again = try curl.answer("/.well-known/jwks.json", ["-H", "If-None-Match: \(known)"])
            #expect(again.status == status, "\(known)")
            #expect(again.body.isEmpty == (status == 304))
            #expect(again.header("ETag") == tag)
        }
    }

    @Test func describesItselfAsRFC8414And8705Want() throws {
        let answer = try curl.answer("/.well-known/oauth-authorization-server")
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "application/json")
        let json = answer.json
        #expect(json.string("issuer") == IssuerFolder.issuer)
        #expect(json.string("token_endpoint") == "\(IssuerFolder.issuer)/oauth2/token")
        #expect(json.string("jwks_uri") == "\(IssuerFolder.issuer)/.well-known/jwks.json")
        #expect(json.strings("response_types_supported") == [])
        #expect(json.strings("grant_types_supported") == ["client_credentials"])
        #expect(json.strings("token_endpoint_auth_methods_supported") == ["tls_client_auth"])
        #expect(json["tls_client_certificate_bound_access_tokens"] == .bool(true))
    }

    @Test(arguments: [
        ("GET", "/oauth2/token", 405, "POST"), ("PUT", "/oauth2/token", 405, "POST"), ("HEAD", "/oauth2/token", 405, "POST"),
        ("POST", "/.well-known/jwks.json", 405, "GET, HEAD"),
        ("DELETE", "/.well-known/oauth-authorization-server", 405, "GET, HEAD"),
        ("GET", "/", 404, ""), ("GET", "/oauth2/token/", 404, ""), ("GET", "/oauth2/tokens", 404, ""),
        ("HEAD", "/nothing", 404, ""),
        ("POST", "/OAUTH2/token", 404, ""), ("GET", "/../etc/passwd", 404, ""), ("GET", "/admin", 404, ""),
    ])
    func refusesOtherMethodsAndPathsInProblemDetails(method: String, path: String, status: Int, allowed: String) throws {
        for version in ["--http1.1", "--http2"] {
            let how = method == "HEAD" ? ["--head"] : ["--request", method]
            let answer = try curl.answer(path, [version, "--path-as-is"] + how)
            #expect(answer.status == status)
            #expect(answer.header("Allow") == (allowed.isEmpty ? nil : allowed))
            #expect(answer.header("Content-Type") == "application/problem+json")
            guard method != "HEAD" else { continue }
            #expect(answer.json.integer("status") == Int64(status))
            #expect(answer.json.string("type") == "about:blank")
            #expect(answer.json.string("title") != nil)
        }
    }

    /// A body there would be taken for the beginning of the next response.
    @Test(arguments: ["/nothing", "/oauth2/token", "/.well-known/jwks.json"])
    func sendsNoBodyInAnswerToHEAD(path: String) async throws {
        let session = try TLSSession(to: issuer)
        let request = { (method: String, path: String) in "\(method) \(path) HTTP/1.1\r\nHost: \(IssuerFolder.host)\r\n" }
        try session.send(request("HEAD", path) + "\r\n" + request("GET", "/.well-known/jwks.json") + "Connection: close\r\n\r\n")
        try await session.end()
        let (head, rest) = try #require(HTTPAnswer.read(try session.received(), withoutBody: true))
        #expect(head.header("Content-Length") != "0")
        let (get, nothing) = try #require(HTTPAnswer.read(rest), "\(String(decoding: rest.prefix(200), as: UTF8.self))")
        #expect(get.status == 200)
        #expect(get.header("Content-Type") == "application/jwk-set+json")
        #expect(nothing.isEmpty)
    }

    private func probe(_ path: String, _ arguments: String...) throws -> HTTPAnswer {
        let result = try Shell.run(
            "curl", ["--silent", "--include", "--noproxy", "*", "--max-time", "20"] + arguments + [issuer.operations + path]
        )
        return try #require(HTTPAnswer.read(result.output, toTheEnd: true)?.answer, "\(result)")
    }

    @Test func answersProbesWithoutCertificateAndNothingElse() throws {
        #expect(try probe("/livez").json.string("status") == "live")
        let ready = try probe("/readyz")
        #expect(ready.status == 200)
        #expect(ready.json.object("checks")?.names == ["keys", "tls", "crl", "policy"])
        #expect(try probe("/readyz", "--head").status == 200)
        #expect(try probe("/readyz", "--request", "POST").status == 405)
        #expect(try probe("/oauth2/token").status == 404)
        #expect(try probe("/.well-known/jwks.json").status == 404)
    }

    /// As many as are let in at a time: the probe waits until they are cut, after ten seconds.
    @Test(.timeLimit(.minutes(3))) func cutsSilentAndSlowConnectionsThatKeepProbesOut() async throws {
        var connections: [RawConnection] = []
        for number in 0..<256 {
            let connection = try await RawConnection(to: issuer.operationsPort)
            if number % 2 == 1 { await connection.send(Array("GET /livez HTTP/1.1\r\nHost: a".utf8)) }
            connections.append(connection)
        }
        #expect(try probe("/livez", "--max-time", "60").json.string("status") == "live")
        for connection in connections {
            try await connection.end()
            #expect(connection.received == "")
        }
    }

    /// One more than there is room for is answered once one of the others has ended, which they do when they are idle.
    @Test(.timeLimit(.minutes(3))) func letsNoMoreProbesInThanThereIsRoomFor() async throws {
        let request = Array("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        func answers(_ connection: RawConnection) -> Int { connection.received.split(separator: "HTTP/1.1 200").count }
        var connections: [RawConnection] = []
        for _ in 0..<256 {
            let connection = try await RawConnection(to: issuer.operationsPort)
            await connection.send(request)
            try await eventually("an answer") { answers(connection) == 1 }
            connections.append(connection)
        }
        let more = try await RawConnection(to: issuer.operationsPort)
        await more.send(request)
        try await eventually("an answer when there is room", within: .seconds(60)) { answers(more) == 1 }
        var answeredAgain = 0
        for connection in connections {
            await connection.send(request)
            try await eventually("an answer, or the end") { answers(connection) == 2 || !connection.isOpen }
            if answers(connection) == 2 { answeredAgain += 1 }
        }
        #expect(answeredAgain < 256)
    }

    /// As many as are let in at a time, none of which is ever idle: the probe does not wait for them.
    @Test(.timeLimit(.minutes(3))) func cutsConnectionsThatSendABodyBitByBit() async throws {
        var connections: [RawConnection] = []
        for number in 0..<256 {
            let connection = try await RawConnection(to: issuer.operationsPort)
            let field = number % 2 == 0 ? "Content-Length: 100000" : "Transfer-Encoding: chunked"
            await connection.send(Array("GET /livez HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n".utf8))
            connections.append(connection)
        }
        let dripping = connections
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                while dripping.contains(where: \.isOpen) {
                    for connection in dripping where connection.isOpen {
                        await connection.send(Array("1\r\na\r\n".utf8))
                    }
                    try await Task.sleep(for: .milliseconds(500))
                }
            }
            for connection in dripping {
                try await connection.end(within: .seconds(60))
                #expect(connection.received.hasPrefix("HTTP/1.1 200 "))
            }
            try await tasks.waitForAll()
        }
        #expect(try probe("/livez").json.string("status") == "live")
        // A probe that says that it has none.
        #expect(try probe("/readyz", "--request", "GET", "--header", "Content-Length: 0").status == 200)
    }
}
