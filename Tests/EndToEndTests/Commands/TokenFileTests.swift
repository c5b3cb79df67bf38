import CountersignJSON
import CountersignTesting
import Foundation
import Testing

/// `countersign token fetch` into a file, once and for ever.
@Suite(.serialized, .runningIssuer) struct TokenFileTests {
    let issuer: RunningIssuer
    let files: TestDirectory

    init() throws {
        issuer = try #require(RunningIssuer.current)
        files = issuer.folder.files
    }

    private var arguments: [String] {
        [
            "token", "fetch", "--issuer", "https://127.0.0.1:\(issuer.port)", "--cert", "certs/user-svc/cert.pem", "--key",
            "certs/user-svc/key.pem", "--ca", "certs/ca.pem", "--audience", "search-svc",
        ]
    }

    @Test func writesATokenForItsOwnerAlone() throws {
        let result = try Program.run(arguments + ["--out", "token"], in: files)
        #expect(result.succeeded, "\(result)")
        #expect(result.output.isEmpty)
        #expect(try files.mode("token") == 0o600)
        _ = try IssuedToken(String(decoding: try files.read("token"), as: UTF8.self))
        let elsewhere = try Program.run(arguments + ["--out", "no/such/folder/token"], in: files)
        #expect(elsewhere.exitCode == 78, "\(elsewhere)")
        #expect(elsewhere.error.contains("no/such/folder/token cannot be written: its directory is not there"))
        #expect(elsewhere.hint.contains("directory") && !elsewhere.hint.contains("agent"))
    }

    @Test func touchesNothingThatOthersHavePutBesideTheFile() throws {
        try files.write("of somebody else", to: "beside.new/precious")
        try files.write("of somebody else", to: "victim", mode: 0o640)
        try FileManager.default.createSymbolicLink(atPath: files.path("beside"), withDestinationPath: files.path("victim"))
        let result = try Program.run(arguments + ["--out", "beside"], in: files)
        #expect(result.succeeded, "\(result)")
        _ = try IssuedToken(String(decoding: try files.read("beside"), as: UTF8.self))
        #expect(try files.mode("beside") == 0o600)
        #expect(try files.read("victim") == Array("of somebody else".utf8))
        #expect(try files.mode("victim") == 0o640)
        #expect(try files.contents(of: "beside.new") == ["precious"])
    }

    @Test func aFileOfJSONSaysWhenTheTokenEnds() throws {
        #expect(try Program.run(arguments + ["--output", "json", "--out", "token.json"], in: files).succeeded)
        let object = try JSONReader.parseObject(try files.read("token.json"))
        // How long a token lives is true only for whoever has just fetched it.
        #expect(object.names == ["access_token", "token_type", "expires_at", "scope"])
        let token = try IssuedToken(try #require(object.string("access_token")))
        let end = try #require(token.claims.integer("exp"))
        #expect(object.integer("expires_at") == end)
        let printed = try Program.run(arguments + ["--output", "json"], in: files)
        #expect(
            try JSONReader.parseObject(printed.output).names
                == ["access_token", "token_type", "expires_in", "refresh_in", "scope"])
    }

    @Test func aPasswordInAnAddressIsNotRepeated() throws {
        for address in [
            "https://user:pass-word@localhost:8443", "https://user:pass-word@x@localhost:8443", "pass-word@localhost:8443",
        ] {
            let result = try Program.run(arguments.map { $0.hasPrefix("https://") ? address : $0 }, in: files)
            #expect(result.exitCode == 64, "\(result)")
            #expect(result.error == "...@localhost:8443 is not an issuer's address" && result.hint.contains("without user"))
            #expect(!result.standardError.contains("pass-word"))
        }
        // Without a user the whole of it is said.
        let plain = try Program.run(arguments.map { $0.hasPrefix("https://") ? "http://localhost:8443" : $0 }, in: files)
        #expect(plain.exitCode == 64 && plain.error == "http://localhost:8443 is not an issuer's address", "\(plain)")
    }

    @Test func leavesWhatIsNoFileWhereItIs() throws {
        #expect(try Shell.run("mkfifo", files.path("pipe")).succeeded)
        let result = try Program.run(arguments + ["--out", "pipe"], in: files)
        #expect(result.exitCode == 78, "\(result)")
        #expect(result.error == "pipe cannot be written: it is a pipe")
        #expect(result.hint.contains("file"))
        let type = try FileManager.default.attributesOfItem(atPath: files.path("pipe"))[.type] as? FileAttributeType
        #expect(type != .typeRegular)

        // As /dev/stdout is one.
        try FileManager.default.createSymbolicLink(atPath: files.path("link"), withDestinationPath: "pipe")
        let linked = try Program.run(arguments + ["--out", "link"], in: files)
        #expect(linked.exitCode == 78, "\(linked)")
        #expect(linked.error == "link cannot be written: it is a symbolic link to something that is no file")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: files.path("link")) == "pipe")
    }

    @Test(.timeLimit(.minutes(2))) func keepsAFileFresh() async throws {
        let program = try RunningProgram(
            arguments + ["--watch", "--out", "kept", "--output", "header", "--on-change", "touch told"], in: files)
        try await eventually("the file and the command") {
            FileManager.default.fileExists(atPath: files.path("kept"))
                && FileManager.default.fileExists(atPath: files.path("told"))
        }
        #expect(String(decoding: try files.read("kept"), as: UTF8.self).hasPrefix("Authorization: Bearer eyJhbGciOi"))
        // What somebody removes, or a renewal replaces, is there again.
        let old = try files.read("kept")
        try files.write(try issuer.folder.authority.issue("user-svc"), as: "certs/user-svc")
        try await eventually("another token for another certificate") { try files.read("kept") != old }
        #expect(try await program.stop() == 0)
    }

    @Test func saysWhatDoesNotGoTogether() throws {
        let keep = ["--watch", "--out", "never"]
        for more in [
            ["--watch"], ["--on-change", "true"], keep + ["--debug"], keep + ["--on-change", "  "], keep + ["--on-change", ""],
        ] {
            let result = try Program.run(arguments + more, in: files)
            #expect(result.exitCode == 64, "\(result)")
        }
    }
}
