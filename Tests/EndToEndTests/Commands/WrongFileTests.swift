import CountersignTesting
import Testing

/// Files that were named by mistake: each is told with what to name instead.
@Suite struct WrongFileTests {
    private let files: TestDirectory

    init() throws {
        files = try TestDirectory()
        for arguments in [["init", "--trust-domain", "link.internal"], ["issue", "user-svc"]] {
            #expect(try Program.run(["pki"] + arguments + ["--dir", files.path], in: files).succeeded)
        }
        try files.write([0x30, 0x82, 0x01, 0x02], to: "binary", mode: 0o600)
    }

    @Test(arguments: [
        ("--cert", "user-svc/key.pem", "no CERTIFICATE block", "BEGIN CERTIFICATE"),
        ("--cert", "binary", "no CERTIFICATE block", "-inform der"), ("--ca", "binary", "no CERTIFICATE block", "-inform der"),
        ("--key", "binary", "not a PEM private key", "openssl pkey -inform der"),
        ("--key", "user-svc/cert.pem", "may be read by others", "it holds a certificate: name the file of its private key"),
    ])
    func aWrongFileIsToldWithWhatToName(option: String, file: String, error: String, hint: String) throws {
        var values = ["--cert": "user-svc/cert.pem", "--key": "user-svc/key.pem", "--ca": "ca.pem"]
        values[option] = file
        let result = try Program.run(
            ["token", "fetch", "--issuer", "https://127.0.0.1:1", "--audience", "search-svc"]
                + values.flatMap { [$0.key, $0.value] }, in: files)
        #expect(result.exitCode == 78, "\(result)")
        #expect(result.error.contains(file) && result.error.contains(error) && result.hint.contains(hint), "\(result)")
    }

    @Test func aKeyThatOthersMayReadIsStillToBeClosed() throws {
        try files.write(try files.read("user-svc/key.pem"), to: "open.pem", mode: 0o644)
        let result = try Program.run(
            "token", "fetch", "--issuer", "https://127.0.0.1:1", "--audience", "search-svc", "--cert", "user-svc/cert.pem",
            "--ca",
            "ca.pem", "--key", "open.pem", in: files)
        #expect(result.exitCode == 78 && result.hint == "chmod 600 open.pem", "\(result)")
    }

    @Test func aDirectoryIsCalledOne() throws {
        let result = try Program.run("pki", "verify", "user-svc", "--ca", "ca.pem", in: files)
        #expect(result.exitCode == 78 && result.error == "user-svc is a directory", "\(result)")
    }
}
