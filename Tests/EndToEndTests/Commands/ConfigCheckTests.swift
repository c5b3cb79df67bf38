import CountersignTesting
import Testing

/// A configuration file with mistakes: all of them are told, each with its line, by every command that reads it.
@Suite(.serialized, .issuerFolder) struct ConfigCheckTests {
    let folder: IssuerFolder

    init() throws {
        folder = try #require(IssuerFolder.current)
    }

    @Test func saysThatARightFileIsRight() throws {
        let result = try Program.run("config", "check", "countersign.yaml", in: folder.files)
        #expect(result.succeeded, "\(result)")
        #expect(result.standardError.isEmpty)
        #expect(result.standardOutput.hasPrefix("countersign.yaml is right\n"))
        #expect(result.standardOutput.contains("CN=issuer.link.internal,O=Link Service, valid until"))
    }

    @Test func saysEverythingThatIsWrongWithItsLine() throws {
        let configuration = try folder.configuration(
            "wrong",
            replacing: [
                ("issuer: https://issuer.link.internal:8443", "issuer: http://issuer.link.internal:8443/"),
                ("listen: 127.0.0.1:0", "lisen: 127.0.0.1:0"),
                ("operations: 127.0.0.1:0", "operations: 127.0.0.1"),
                ("announceFor: 10m", "announceFor: soon"),
                ("  lifetime: 5m\n  maxLifetime: 15m", "  lifetime: 20m\n  maxLifetime: 15m"),
                ("spiffe://link.internal/service/user-svc", "spiffe://other.internal/service/user-svc"),
                ("roles: [writer, reader]", "role: [writer, reader]"),
                ("subject: CN=search-svc.link.internal,O=Link Service", "subject: search-svc"),
            ]
        )
        for command in [["config", "check", configuration], ["serve", "--config", configuration]] {
            let result = try Program.run(command, in: folder.files)
            #expect(result.exitCode == 78)
            let places = result.errorLines.map { $0.split(separator: " ").first ?? "" }
            // A key that is missing belongs to the file's first line.
            #expect(places == [1, 1, 2, 3, 12, 14, 18, 20, 24].map { "wrong.yaml:\($0):" }, "\(result)")
            for text in [
                "issuer must start with https://", "missing key 'listen'", "unknown key 'lisen' (did you mean 'listen'?)",
                "operations must be host:port", "keys.announceFor must be a duration", "tokens.lifetime must not be more",
                "is not in the trustDomain link.internal", "unknown key 'role' in audience search-svc (did you mean 'roles'?)",
                "services[1].subject",
            ] {
                #expect(result.errorLines.contains { $0.contains(text) }, "\(text): \(result)")
            }
        }
    }

    @Test func refusesServicesThatOverlapWithBothLines() throws {
        let configuration = try folder.configuration(
            "overlap",
            replacing: (
                "    subject: CN=search-svc.link.internal,O=Link Service", "    spiffeID: spiffe://link.internal/service/user-svc"
            )
        )
        let result = try Program.run("serve", "--config", configuration, in: folder.files)
        #expect(result.exitCode == 78)
        #expect(
            result.error
                == "overlap.yaml:23: services 'user-svc' and 'search-svc' could both claim a certificate with SPIFFE ID "
                + "spiffe://link.internal/service/user-svc; the first is on line 17"
        )
    }

    @Test(arguments: [
        ("a tab", "issuer:\thttps://x\n\tlisten: x\n"), ("a list", "- issuer\n"),
        ("a key twice", "issuer: https://x\nissuer: https://x\n"),
        ("an alias", "issuer: &a https://x\nlisten: *a\n"), ("nothing", ""), ("a NUL", "issuer: \u{0}\n"),
        ("an open bracket", "services: [\n"),
    ])
    func refusesWhatIsNotOnePlainDocument(name: String, text: String) throws {
        try folder.files.write(text, to: "plain.yaml")
        for command in [["config", "check", "plain.yaml"], ["serve", "--config", "plain.yaml"]] {
            let result = try Program.run(command, in: folder.files)
            #expect(result.exitCode == 78, "\(result)")
            #expect(result.error.hasPrefix("plain.yaml:"), "\(result)")
        }
    }

    @Test func namesAFileThatIsNotThere() throws {
        for command in [
            ["config", "check", "gone.yaml"], ["serve", "--config", "gone.yaml"],
            ["policy", "explain", "certs/user-svc/cert.pem", "--config", "gone.yaml"],
        ] {
            let result = try Program.run(command, in: folder.files)
            #expect(result.exitCode == 78)
            #expect(result.error == "gone.yaml: cannot be read: there is no such file")
        }
    }
}
