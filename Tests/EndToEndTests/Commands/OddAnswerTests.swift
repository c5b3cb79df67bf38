import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import CountersignTesting
import Testing

/// What commands make of a server in the issuer's place that answers as no issuer does.
@Suite(.serialized, .issuerFolder) struct OddAnswerTests {
    private let folder: IssuerFolder

    init() throws {
        folder = try #require(IssuerFolder.current)
    }

    /// Answers every request with the file `answer`.
    private func server() async throws -> OddIssuer {
        try await OddIssuer.start(folder, answering: #"connection.sendall(open("answer", "rb").read())"#)
    }

    private func run(_ server: OddIssuer, _ arguments: [String], answer: String, status: String = "200 OK") throws -> Shell.Result
    {
        let head = "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(answer.utf8.count)\r\n\r\n"
        try folder.replace("answer", with: head + answer)
        return try Program.run(
            arguments + [
                "--issuer", server.address, "--cert", "certs/user-svc/cert.pem", "--key", "certs/user-svc/key.pem", "--ca",
                "certs/ca.pem",
            ], in: folder.files)
    }

    // MARK: answers without what is printed

    private static let standing = #"{"total":1,"seen":0,"waiting":[{"name":"search-svc"}],"words":"0/1 seen"}"#
    private static let status = """
        {"number":1,"deadEverywhereWithin":122,"deadWhereReachedWithin":17,"receivers":\(standing),"withoutStatus":[]}
        """
    private static let denial =
        #"{"kind":"service","value":"user-svc","denied":true,"notBefore":null,"status":\#(status),"warnings":[]}"#

    /// Commands with whole answers, and the members of each that are printed.
    private static let answers: [(command: [String], path: String, answer: String, printed: [String])] = [
        (
            ["keys", "list"], "/admin/keys",
            """
            {"keys":[{"kid":"abcdefgh","state":"signing","since":"2026-01-02T03:04:05Z","nextChange":null}],"receivers":[],
            "status":\(status),"history":[]}
            """, ["keys", "receivers", "history", "kid", "state", "since"]
        ),
        (
            ["keys", "rotate"], "/admin/keys/rotate",
            """
            {"kid":"abcdefgh","signsFrom":null,"promoted":null,"promotion":"emergency","receivers":\(standing),
            "announceFor":600,"warnings":[]}
            """, ["kid", "signsFrom", "promoted", "promotion", "receivers", "announceFor", "warnings", "words", "waiting"]
        ),
        (
            ["keys", "revoke", "abcdef"], "/admin/keys/revoke",
            """
            {"kid":"abcdefgh","was":"signing","successor":"ijklmnop","promotion":"planned","announceFor":600,
            "status":\(status),"warnings":[]}
            """, ["kid", "was", "successor", "status", "warnings", "deadEverywhereWithin", "withoutStatus"]
        ),
        (
            ["deny", "list"], "/admin/deny",
            """
            {"denied":[{"kind":"service","value":"user-svc","notBefore":null,"since":"2026-01-02T03:04:05Z"}],
            "status":\(status)}
            """, ["denied", "status", "kind", "value", "since", "notBefore"]
        ),
        (
            ["deny", "add", "--service", "user-svc"], "/admin/deny/add", denial,
            ["kind", "value", "denied", "status", "warnings", "deadWhereReachedWithin"]
        ),
        (
            ["deny", "remove", "--service", "user-svc"], "/admin/deny/remove",
            denial.replacing(#""denied":true"#, with: #""denied":false"#), ["kind", "value", "denied"]
        ),
    ]

    @Test func onlyAWholeReportIsASuccess() async throws {
        let server = try await server()
        for (command, path, answer, printed) in Self.answers {
            let whole = try run(server, command, answer: answer)
            #expect(whole.succeeded, "\(whole)")
            let others = ["{}"] + printed.map { answer.replacing("\"\($0)\":", with: "\"other\($0)\":") }
            for other in others {
                #expect(other != answer)
                let result = try run(server, command, answer: other)
                #expect(result.exitCode == 70 && result.output.isEmpty, "\(other): \(result)")
                #expect(result.error == "\(server.address)\(path) answered 200, and not as an issuer does", "\(result)")
                #expect(!result.hint.isEmpty)
            }
            #expect(try run(server, command + ["--json"], answer: "{}").exitCode == 70)
        }
    }

    @Test func aReportOfSomethingElseIsNoSuccess() async throws {
        let server = try await server()
        for (command, old, new) in [
            (["keys", "revoke", "abcdef"], "abcdefgh", "ABCDEFGH"),
            (["deny", "add", "--service", "user-svc"], #""denied":true"#, #""denied":false"#),
            (["deny", "add", "--service", "user-svc"], "user-svc", "search-svc"),
            (["deny", "remove", "--service", "user-svc"], #""denied":false"#, #""denied":true"#),
        ] {
            let answer = try #require(Self.answers.first { $0.command == command }?.answer)
            #expect(answer.contains(old))
            let result = try run(server, command, answer: answer.replacing(old, with: new))
            #expect(result.exitCode == 70 && result.output.isEmpty, "\(result)")
            #expect(result.error.contains("and not as an issuer does"))
        }
    }

    // MARK: answers that steer a terminal

    @Test func whatAServerSaysCannotForgeALine() async throws {
        let server = try await server()
        let refused = try run(
            server, ["keys", "rotate"],
            answer: #"{"code":"locked","detail":"busy\u001b[1A\u001b[2K\nerror: none","hint":"wait\r\nhint: none\u202e"}"#,
            status: "409 Conflict")
        #expect(refused.exitCode == 70)
        #expect(
            refused.standardError
                == #"error: busy\u{1b}[1A\u{1b}[2K\u{a}error: none"# + "\n" + #"hint: wait\u{d}\u{a}hint: none\u{202e}"#)

        let answer = """
            {"keys":[],"receivers":[],"status":\(Self.status),
            "history":[{"at":"now","who":"CN=x\\n2026 user root","what":"\\u001b[31mx","why":"é\\u0007"}]}
            """
        let listed = try run(server, ["keys", "list", "--history"], answer: answer)
        #expect(listed.succeeded, "\(listed)")
        #expect(listed.standardOutput.split(separator: "\n").count == 3)
        #expect(listed.standardOutput.hasSuffix(#"now   CN=x\u{a}2026 user root  \u{1b}[31mx  é\u{7}"#), "\(listed)")
        let exact = try run(server, ["keys", "list", "--json"], answer: answer)
        #expect(try JSONReader.parseObject(exact.output) == JSONReader.parseObject(Array(answer.utf8)))
        #expect(exact.standardOutput.contains("\n"))

        let denied = try #require(Self.answers.first { $0.command.starts(with: ["deny", "add"]) })
        let warned = try run(
            server, denied.command, answer: denied.answer.replacing(#""warnings":[]"#, with: #""warnings":["a\nb"]"#))
        #expect(warned.succeeded && warned.standardError == #"warning: a\u{a}b"#, "\(warned)")
    }

    @Test func whatATokenSaysCannotForgeALineOfTheDiagnosis() async throws {
        let server = try await server()
        let caller = try folder.authority.issue("user-svc")
        try folder.files.write(caller, as: "certs/user-svc")
        let issuer = try TestIssuer()
        var claims = issuer.claims(
            for: caller, service: "user-svc", audience: "search-svc", roles: ["\u{1b}[2Jadmin"], at: .now())
        claims.tokenID = "x\nverdict       our authorities"
        let token = try issuer.token(claims)
        let result = try run(
            server, ["token", "fetch", "--debug", "--audience", "search-svc"],
            answer: #"{"access_token":"\#(token)","token_type":"Bearer","expires_in":60}"#)
        #expect(result.succeeded, "\(result)")
        #expect(result.standardError.contains(#"id x\u{a}verdict       our authorities"#), "\(result)")
        #expect(result.standardError.contains(#"roles \u{1b}[2Jadmin"#))
        #expect(!result.errors.contains(0x1b))
    }
}
