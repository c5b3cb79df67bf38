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
    }

    @Test(.timeLimit(.minutes(2))) func keepsAFileFresh() async throws {
        let program = try RunningProgram(
            arguments + ["--watch", "--out", "kept", "--output", "header", "--on-change", "touch told"], in: files)
        try await eventually("the file and the command") {
            FileManager.default.fileExists(atPath: files.path("kept"))
                && FileManager.default.fileExists(atPath: files.path("told"))
        }
        #expect(String(decoding: try files.read("kept"), as: UTF8.self).hasPrefix("Authorization: Bearer eyJ"))
        // What somebody removes, or a renewal replaces, is there again.
        try files.write(try issuer.folder.authority.issue("user-svc"), as: "certs/user-svc")
        let old = try files.read("kept")
        try await eventually("another token for another certificate") { try files.read("kept") != old }
        #expect(try await program.stop() == 0)
    }

    @Test func saysWhatDoesNotGoTogether() throws {
        for more in [["--watch"], ["--on-change", "true"]] {
            let result = try Program.run(arguments + more, in: files)
            #expect(result.exitCode == 64, "\(result)")
        }
    }
}
