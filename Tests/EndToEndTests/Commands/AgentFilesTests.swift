import CountersignJSON
import CountersignTesting
import Foundation
import Testing

/// The agent's files, and the program that is told of them.
@Suite(.serialized) struct AgentFilesTests {
    private let place: AgentFolder

    init() throws {
        place = try AgentFolder()
    }

    private var files: TestDirectory { place.files }

    @Test(.timeLimit(.minutes(3))) func isReadyOnlyWhileTheFileIsThereAndWritesItAgain() async throws {
        let issuer = try await place.issuer()
        try FileManager.default.createDirectory(atPath: files.path("kept"), withIntermediateDirectories: false)
        let agent = try await place.start(issuer, tokens: "  - { audience: search-svc, file: kept/token }")
        func isReady() throws -> Bool { try place.ask("/readyz").status == 200 }
        try await eventually("a token in its file") { try isReady() }
        let token = try place.text("kept/token")

        try FileManager.default.removeItem(atPath: files.path("kept/token"))
        try await eventually("the same token again") { (try? place.text("kept/token")) == token }
        try files.write("of somebody else", to: "kept/token")
        try await eventually("the token in its place") { try place.text("kept/token") == token }
        try await eventually("readiness") { try isReady() }
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: files.path("kept/token"))
        try await eventually("the mode of a secret again") { try files.mode("kept/token") == 0o600 }
        #expect(try place.text("kept/token") == token)

        // Where it cannot be written again, there is no readiness.
        try await eventually("removed, also when the agent writes meanwhile") {
            (try? FileManager.default.removeItem(atPath: files.path("kept"))) != nil
        }
        #expect(try !isReady())
        try await agent.logs("error", "kept/token cannot be written: its directory is not there")
        #expect(try !isReady())
        #expect(try place.ask("/status").json.string("status") == "not-ready")
        try FileManager.default.createDirectory(atPath: files.path("kept"), withIntermediateDirectories: false)
        try await eventually("readiness again") { try isReady() }
        #expect(try place.text("kept/token") == token)
        #expect(try await agent.stop() == 0)
        #expect(try await issuer.stop() == 0)
    }

    @Test(.timeLimit(.minutes(3))) func theProgramThatIsToldInheritsNoSecretAndNoSignal() async throws {
        let issuer = try await place.issuer()
        try place.folder.replace(
            "agent.yaml",
            with: place.configuration(
                issuer,
                tokens: """
                      - audience: search-svc
                        onChange: [sh, -c, 'env > env; cat /proc/self/status > status; ls /proc/self/fd > fds; echo x > done']
                    """
            ).replacing("privateKey: certs/user-svc/key.pem", with: "privateKey: 'env:AGENT_KEY', passphrase: 'env:AGENT_WORD'"))
        // A key in the clear needs no passphrase, and one that is given does no harm.
        let agent = try RunningProgram(
            ["agent", "--config", "agent.yaml"], in: files,
            environment: [
                "AGENT_KEY": try place.text("certs/user-svc/key.pem"), "AGENT_WORD": "a passphrase", "AGENT_OTHER": "no secret",
            ])
        try await eventually("the program's end") { FileManager.default.fileExists(atPath: files.path("done")) }
        let environment = try place.text("env")
        #expect(environment.contains("AGENT_OTHER=no secret") && environment.contains("COUNTERSIGN_AUDIENCE=search-svc"))
        #expect(!environment.contains("AGENT_KEY") && !environment.contains("PRIVATE KEY"))
        #expect(!environment.contains("AGENT_WORD") && !environment.contains("a passphrase"))
        #if os(Linux)
            let status = try place.text("status").split(separator: "\n")
            #expect(status.contains("SigBlk:\t0000000000000000"), "\(status)")
            // All but the two that the C library keeps for itself.
            let ignored = status.first { $0.hasPrefix("SigIgn:") }.flatMap { UInt64($0.dropFirst("SigIgn:\t".count), radix: 16) }
            #expect(ignored.map { $0 & 0x7fff_ffff } == 0, "\(status)")
            // The fourth is the folder that is being listed.
            #expect(try place.text("fds").split(separator: "\n").count == 4)
        #endif
        #expect(try await agent.stop() == 0)
        #expect(try await issuer.stop() == 0)
    }

    @Test func checkSaysWhatWouldStopItFromRunning() async throws {
        let port = try await RawConnection.freePort()
        let right = """
            issuers: [https://127.0.0.1:\(port)]
            pins: [sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]
            tls: { certificate: certs/user-svc/cert.pem, privateKey: certs/user-svc/key.pem, ca: certs/ca.pem }
            socket: { path: agent.sock, users: [root] }
            tokens: [{ audience: search-svc, file: token, owner: root }]
            """
        try files.write(right, to: "right.yaml")
        let result = try Program.run("agent", "--config", "right.yaml", "--check", in: files)
        #expect(result.succeeded, "\(result)")
        for (old, new) in [
            ("https://", "http://"), ("sha256/AAAA", "sha256/AA"), ("users: [root]", "users: [no-such-user]"),
            ("owner: root", "owner: no-such-user"), ("certs/ca.pem", "certs/gone.pem"), ("agent.sock", "nowhere/agent.sock"),
            ("agent.sock", "certs"), ("agent.sock", "right.yaml"), ("agent.sock", String(repeating: "s", count: 104)),
        ] {
            try files.write(right.replacing(old, with: new), to: "wrong.yaml")
            let checked = try Program.run("agent", "--config", "wrong.yaml", "--check", in: files)
            #expect(checked.exitCode == 78 && !checked.error.isEmpty, "\(new): \(checked)")
            #expect(try Program.run("agent", "--config", "wrong.yaml", in: files).error == checked.error)
            #expect(!FileManager.default.fileExists(atPath: files.path("token")))
        }
        // It would run, and say no more than that it cannot write.
        #expect(try Shell.run("mkfifo", files.path("pipe")).succeeded)
        try FileManager.default.createSymbolicLink(atPath: files.path("link"), withDestinationPath: "pipe")
        for (path, words) in [
            ("/dev/null", "it is a device"), ("pipe", "it is a pipe"), ("certs", "it is a directory"),
            ("right.yaml/token", "it or a part of its path is no directory"),
            ("link", "it is a symbolic link to something that is no file"), ("nowhere/token", "its directory is not there"),
        ] {
            try files.write(right.replacing("file: token", with: "file: \(path)"), to: "wrong.yaml")
            let checked = try Program.run("agent", "--config", "wrong.yaml", "--check", in: files)
            #expect(checked.exitCode == 1 && checked.hint.contains("name a file"), "\(checked)")
            #expect(checked.error == "\(path) cannot be written: \(words)", "\(checked)")
        }
        try files.write("of before", to: "token")
        let before = try files.contents()
        try files.write(right, to: "right.yaml")
        #expect(try Program.run("agent", "--config", "right.yaml", "--check", in: files).succeeded)
        #expect(try files.contents() == before && files.read("token") == Array("of before".utf8))
        try files.write(right.replacing("agent.sock", with: String(repeating: "s", count: 103)), to: "right.yaml")
        #expect(try Program.run("agent", "--config", "right.yaml", "--check", in: files).succeeded)
    }
}
