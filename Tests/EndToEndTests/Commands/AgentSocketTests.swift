import CountersignTesting
import Foundation
import Testing

/// The agent's socket among other processes and other users.
@Suite(.serialized) struct AgentSocketTests {
    private let place: AgentFolder

    init() throws {
        place = try AgentFolder()
    }

    private var files: TestDirectory { place.files }

    @Test(.timeLimit(.minutes(3))) func aSecondAgentLeavesTheFirstOneItsSocket() async throws {
        let issuer = try await place.issuer()
        let first = try await place.start(issuer, tokens: "  - audience: search-svc")
        let second = try Program.run("agent", "--config", "agent.yaml", in: files)
        #expect(second.exitCode == 70, "\(second)")
        #expect(second.error.hasPrefix("cannot listen on agent.sock: another process does"))
        #expect(!second.hint.isEmpty)
        #expect(try place.ask("/token?audience=search-svc").status == 200)
        #expect(try await first.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: files.path("agent.sock")))
        // What a process that was killed leaves behind is in nobody's way.
        let third = try await place.start(issuer, tokens: "  - audience: search-svc")
        third.send(SIGALRM)
        _ = try await third.exitCode()
        #expect(FileManager.default.fileExists(atPath: files.path("agent.sock")))
        let fourth = try await place.start(issuer, tokens: "  - audience: search-svc")
        #expect(try place.ask("/token?audience=search-svc").status == 200)
        // A socket that somebody has put in the place of ours is not ours to remove.
        try FileManager.default.removeItem(atPath: files.path("agent.sock"))
        try files.write("of somebody else", to: "agent.sock")
        #expect(try await fourth.stop() == 0)
        #expect(try place.text("agent.sock") == "of somebody else")
        #expect(try await issuer.stop() == 0)
    }

    @Test(.timeLimit(.minutes(3)), .enabled(if: geteuid() == 0, "only root can be somebody else"))
    func otherUsersCannotHoldAConnection() async throws {
        let issuer = try await place.issuer()
        let agent = try await place.start(issuer, tokens: "  - audience: search-svc")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: files.path)
        // Connects and says nothing.
        let script = """
            import socket
            s = socket.socket(socket.AF_UNIX)
            s.connect("\(files.path("agent.sock"))")
            s.settimeout(20)
            print(s.recv(1))
            """
        func connect(as user: String) throws -> Shell.Result {
            try Shell.run(
                "setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "env", "PATH=/usr/bin:/bin", "python3", "-c",
                script)
        }
        let refused = try connect(as: "65534")
        #expect(refused.standardOutput.hasPrefix("b''"), "\(refused)")
        let refusal = try await agent.logs("refused on the socket", "user=65534")
        // Told once, however often it is tried.
        _ = try connect(as: "65534")
        _ = try connect(as: "65533")
        try await agent.logs("refused on the socket", "user=65533")
        #expect(agent.log.split(separator: "\n").filter { $0.contains("user=65534") }.map(String.init) == [refusal])
        #expect(try place.ask("/token?audience=search-svc").status == 200)
        #expect(try await agent.stop() == 0)
        #expect(try await issuer.stop() == 0)
    }

    @Test func aPlaceThatIsNotSafeOrNotFreeIsRefused() async throws {
        let port = try await RawConnection.freePort()
        try FileManager.default.createDirectory(atPath: files.path("open"), withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: files.path("open"))
        try FileManager.default.createDirectory(atPath: files.path("sticky"), withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o1777], ofItemAtPath: files.path("sticky"))
        try files.write("text", to: "taken")
        func run(_ socket: String, _ more: String...) throws -> Shell.Result {
            try files.write(
                """
                issuers: [https://127.0.0.1:\(port)]
                tls: { certificate: certs/user-svc/cert.pem, privateKey: certs/user-svc/key.pem, ca: certs/ca.pem }
                socket: { path: \(socket) }
                tokens: [{ audience: search-svc }]
                """, to: "agent.yaml")
            return try Program.run(["agent", "--config", "agent.yaml"] + more, in: files)
        }
        let open = try run("open/agent.sock")
        #expect(open.exitCode == 78 && open.error.contains("open/agent.sock"), "\(open)")
        #expect(open.hint == "chmod go-w open")
        #expect(try run("open/agent.sock", "--check").exitCode == 78)
        #expect(try run("sticky/agent.sock", "--check").succeeded)
        let nowhere = try run("nowhere/agent.sock")
        #expect(nowhere.exitCode == 78 && nowhere.error.contains("it is not there"), "\(nowhere)")
        let taken = try run("taken")
        #expect(taken.exitCode == 78 && taken.error.hasPrefix("taken is there and is no socket"), "\(taken)")
        #expect(try place.text("taken") == "text")
        let folder = try run("open", "--check")
        #expect(folder.exitCode == 78 && folder.error == "open is there and is no socket", "\(folder)")
        let long = try run(String(repeating: "s", count: 104), "--check")
        #expect(long.exitCode == 78 && long.error.hasPrefix("the path of the socket has 104 bytes: sss"), "\(long)")
        #expect(long.hint.contains("103"))
    }

    private func configure(socket: String) async throws {
        try files.write(
            """
            issuers: [https://127.0.0.1:\(try await RawConnection.freePort())]
            tls: { certificate: certs/user-svc/cert.pem, privateKey: certs/user-svc/key.pem, ca: certs/ca.pem }
            socket: { path: \(socket) }
            tokens: [{ audience: search-svc }]
            """, to: "agent.yaml")
    }

    @Test func oneOfTwoThatAreStartedTogetherIsRefused() async throws {
        try await configure(socket: "agent.sock")
        // The other one has only begun, so that nothing listens yet.
        let result = try Shell.run(
            "timeout", ["--kill-after=5", "20", "flock", "agent.sock.lock", Program.path, "agent", "--config", "agent.yaml"],
            directory: files.path)
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error == "cannot listen on agent.sock: another process does" && !result.hint.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: files.path("agent.sock")))
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a directory away"))
    func aDirectoryOfSomebodyElseIsRefused() async throws {
        for (name, mode) in [("plain", 0o755), ("sticky", 0o1777)] {
            try FileManager.default.createDirectory(atPath: files.path(name), withIntermediateDirectories: false)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: files.path(name))
            try await configure(socket: "\(name)/agent.sock")
            #expect(try Program.run("agent", "--config", "agent.yaml", "--check", in: files).succeeded)
            try FileManager.default.setAttributes([.ownerAccountID: 65534], ofItemAtPath: files.path(name))
            for more in [["--check"], []] {
                let result = try Program.run(["agent", "--config", "agent.yaml"] + more, in: files)
                #expect(result.exitCode == 78, "\(result)")
                #expect(
                    result.error
                        == "the directory of the socket \(name)/agent.sock belongs to user 65534, who could replace it")
                #expect(!result.hint.isEmpty)
            }
        }
    }

    /// In `.invalid` there is no name (RFC 6761).
    @Test(.timeLimit(.minutes(2))) func aHostNameThatNobodyKnowsIsNamed() async throws {
        let issuer = try await place.issuer()
        try place.folder.replace(
            "agent.yaml",
            with: place.configuration(issuer, tokens: "  - audience: search-svc")
                .replacing("operations: 127.0.0.1:0", with: "operations: nowhere.invalid:9090"))
        let result = try Program.run("agent", "--config", "agent.yaml", in: files)
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error == "cannot listen on nowhere.invalid:9090: the host name cannot be resolved")
        #expect(!result.hint.isEmpty)
        #expect(try await issuer.stop() == 0)
    }

    @Test(.timeLimit(.minutes(2))) func anAddressInUseIsNamedAndNothingElseIsSaid() async throws {
        let issuer = try await place.issuer()
        try place.folder.replace(
            "agent.yaml",
            with: place.configuration(issuer, tokens: "  - audience: search-svc")
                .replacing("operations: 127.0.0.1:0", with: "operations: \(issuer.operations.dropFirst("http://".count))"))
        let result = try Program.run("agent", "--config", "agent.yaml", in: files)
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error == "cannot listen on \(issuer.operations.dropFirst("http://".count)): it is in use")
        #expect(!result.hint.isEmpty)
        #expect(!result.standardError.contains("Cancellation") && !result.standardError.contains(" error "), "\(result)")
        #expect(!FileManager.default.fileExists(atPath: files.path("agent.sock")))
        #expect(try await issuer.stop() == 0)
    }
}
