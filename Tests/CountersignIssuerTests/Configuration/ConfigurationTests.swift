import Countersign
import CountersignCrypto
import CountersignTLS
import Testing

@testable import CountersignIssuer

@Suite("A configuration file")
struct ConfigurationTests {
    @Test("is read with all its values")
    func complete() throws {
        let configuration = try ConfigurationText.parse(ConfigurationText.complete)
        #expect(configuration.issuer.text == "https://tokens.link.internal:8443")
        #expect(configuration.issuer.host == "tokens.link.internal")
        #expect(configuration.listen == ListenAddress(host: "0.0.0.0", port: 8443))
        #expect(configuration.operations == ListenAddress(host: "127.0.0.1", port: 9090))
        #expect(configuration.trustDomain == "link.internal")
        #expect(configuration.keys.parameters.announceFor == 600)
        #expect(configuration.keys.parameters.rotateEvery == 30 * 86_400)
        #expect(configuration.keys.maximumAge == 300)
        #expect(configuration.policy.lifetime == 300)
        #expect(configuration.policy.maximumLifetime == 900)
        #expect(configuration.policy.requiredSubjectFields == [.commonName, .organization])
        #expect(configuration.policy.directory.services.map(\.id) == ["user-svc", "search-svc"])
        #expect(configuration.policy.admins.count == 1)
        #expect(configuration.warnings.isEmpty)
        let grant = try #require(configuration.policy.directory.services.first?.audiences["search-svc"])
        #expect(grant.roles == ["reader", "writer"])
        #expect(grant.scopes == ["search:read", "search:write"])
        #expect(grant.lifetime == 120)
    }

    private static func rates(clients: String, service: String = "") throws -> [TokenRate?] {
        let text = """
            issuer: https://tokens.link.internal
            listen: 127.0.0.1:0
            tls: { certificate: a, privateKey: b, clientCA: c }
            keys: { directory: keys }
            clients: { \(clients) }
            services:
              - { id: a, dns: a.link.internal \(service) }
              - { id: b, dns: b.link.internal }
            """
        return try ConfigurationText.parse(text).policy.directory.services.map(\.rate)
    }

    @Test("sets a rate for every service, and another or none for one")
    func rates() throws {
        let general = TokenRate(perSecond: 10, burst: 10)
        #expect(try Self.rates(clients: "") == [nil, nil])
        #expect(try Self.rates(clients: "tokensPerSecond: 10") == [general, general])
        #expect(try Self.rates(clients: "tokensPerSecond: 10, tokensBurst: 50").last == TokenRate(perSecond: 10, burst: 50))
        #expect(try Self.rates(clients: "", service: ", tokensPerSecond: 3") == [TokenRate(perSecond: 3, burst: 3), nil])
        let both = "tokensPerSecond: 10"
        #expect(try Self.rates(clients: both, service: ", tokensPerSecond: 0") == [nil, general])
        #expect(try Self.rates(clients: both, service: ", tokensBurst: 70") == [TokenRate(perSecond: 10, burst: 70), general])
        let own = ", tokensPerSecond: 3, tokensBurst: 4"
        #expect(try Self.rates(clients: both, service: own) == [TokenRate(perSecond: 3, burst: 4), general])
    }

    @Test("bounds what the listener takes at a time")
    func limits() throws {
        let standard = try ConfigurationText.parse(ConfigurationText.minimal).limits
        #expect(standard == .init(connections: 10_000, connectionsPerAddress: 1000, requestsInProgress: 100))
        let text = "\nlimits: { connections: 5, connectionsPerAddress: 0, requestsInProgress: 7 }"
        let limits = try ConfigurationText.parse(ConfigurationText.minimal + text).limits
        #expect(limits == .init(connections: 5, connectionsPerAddress: 0, requestsInProgress: 7))
    }

    @Test("has its paths resolved against its own directory")
    func relativePaths() throws {
        let tls = try ConfigurationText.parse(ConfigurationText.complete).tls
        #expect(tls.certificate == .file("etc/certs/issuer/cert.pem"))
        #expect(tls.privateKey == .environment("ISSUER_KEY"))
        #expect(tls.clientCA == .file("/etc/ca.pem"))
        #expect(tls.crl == .file("etc/certs/crl.pem"))
        #expect(try ConfigurationText.parse(ConfigurationText.complete).keys.directory == "etc/keys")
        #expect(try ConfigurationText.parse(ConfigurationText.complete, file: "/countersign.yaml").keys.directory == "/keys")
        #expect(try ConfigurationText.parse(ConfigurationText.complete, file: "countersign.yaml").keys.directory == "keys")
    }

    @Test("that leaves out what it may gets the documented defaults, and a warning without services")
    func defaults() throws {
        let configuration = try ConfigurationText.parse(ConfigurationText.minimal)
        #expect(configuration.listen == ListenAddress(host: "::1", port: 0))
        #expect(configuration.operations == nil)
        #expect(configuration.tls.crl == nil)
        #expect(configuration.keys.parameters.announceFor == 600)
        #expect(configuration.keys.parameters.rotateEvery == 30 * 86_400)
        #expect(configuration.policy.lifetime == 300)
        #expect(configuration.policy.maximumLifetime == 900)
        #expect(configuration.policy.requiredSubjectFields == [.commonName, .organization])
        #expect(configuration.policy.admins.isEmpty)
        #expect(configuration.warnings.map(\.line) == [9])
    }

    @Test("reports every fault with its line, in order")
    func allProblems() {
        let text = """
            issuer: http://tokens.link.internal
            lisen: 0.0.0.0:8443
            tls:
              certificate: cert.pem
              privateKey: [key.pem]
              clientCa: ca.pem
            keys:
              announceFor: 10 minutes
            tokens:
              lifetime: 20m
              maxLifetime: 2h
            services:
              - id: user svc
                spiffeID: spiffe://link.internal/service/user-svc
              - id: search-svc
                audiences: []
            """
        #expect(
            ConfigurationText.problems(text) == [
                "c.yaml:1: issuer must start with https://",
                "c.yaml:1: missing key 'listen'",
                "c.yaml:2: unknown key 'lisen' (did you mean 'listen'?)",
                "c.yaml:3: missing key 'tls.clientCA'",
                "c.yaml:5: tls.privateKey must be a single value, not a list",
                "c.yaml:6: unknown key 'clientCa' in tls (did you mean 'clientCA'?)",
                "c.yaml:7: missing key 'keys.directory'",
                "c.yaml:8: keys.announceFor must be a duration such as 90s, 5m, 12h or 30d, not '10 minutes'",
                "c.yaml:11: tokens.maxLifetime must be between 1s and 1h",
                "c.yaml:13: services[0].id must be 1 to 128 letters, digits, dots, hyphens or underscores, not 'user svc'",
                "c.yaml:15: services[1] needs a subject, a spiffeID or a dns name",
                "c.yaml:16: services[1].audiences must be a mapping ({} for none), not a list",
            ]
        )
    }

    @Test(
        "is refused for one wrong line, which is named",
        arguments: [
            (1, "issuer: https://tokens.link.internal/", "issuer must not end with a slash"),
            (1, "issuer: https://tokens.link.internal?x=1", "issuer must have neither a query nor a fragment"),
            (1, "issuer: https://tokens.link.internal#x", "issuer must have neither a query nor a fragment"),
            (1, "issuer: https://me@tokens.link.internal", "issuer must not name a user"),
            (1, "issuer: https://Tokens.link.internal", "issuer must have its host in lower case"),
            (1, "issuer: https://tokens.link.internal:443", "issuer must leave out the port 443"),
            (1, "issuer: https://", "issuer must name a host"),
            (1, "issuer: https://a/../b", "issuer has a path with"),
            (1, "issuer:", "issuer must be a single value, not nothing"),
            (1, "issuer: ''", "issuer must not be empty"),
            (2, "listen: 8443", "listen must be host:port"),
            (2, "listen: 0.0.0.0:65536", "listen must be host:port"),
            (2, "listen: ::1:8443", #"an IPv6 address in brackets and quotes: "[::1]:8443""#),
            (2, "listen: [::1]:8443", #"a value that begins with [ has to be in quotes: listen: "[::1]:8443""#),
            (3, "operations: 127.0.0.1:8443", "operations needs a port of its own: listen has 0.0.0.0:8443"),
            (4, "trustDomain: Link.Internal", "trustDomain must be a SPIFFE trust domain"),
            (4, "trustDomain: other.internal", nil),
            (7, "  privateKey: 'env:'", "tls.privateKey must be a path or env:NAME"),
            (9, "  crl: ", "tls.crl must be a single value, not nothing"),
            (12, "  announceFor: 0", "keys.announceFor must be between 1s and 30d"),
            (13, "  rotateEvery: 9m", "keys: rotateEvery is 540 s;"),
            (15, "  lifetime: 16m", "tokens.lifetime must not be more than tokens.maxLifetime (15m)"),
            (15, "  lifetime: 0", "tokens.lifetime must be between 1s and 1h"),
            (18, "  requiredSubjectFields: [CN, Dept]", "clients.requiredSubjectFields: 'Dept' is no known field"),
            (18, "  requiredSubjectFields: CN", "clients.requiredSubjectFields must be a list"),
            (18, "  tokensPerSecnd: 5", "unknown key 'tokensPerSecnd' in clients (did you mean 'tokensPerSecond'?)"),
            (18, "  tokensPerSecond: many", "clients.tokensPerSecond must be a whole number, not 'many'"),
            (18, "  tokensPerSecond: 0.5", "clients.tokensPerSecond must be a whole number, not '0.5'"),
            (18, "  tokensPerSecond: -1", "clients.tokensPerSecond must be a whole number, not '-1'"),
            (18, "  tokensPerSecond: 100001", "clients.tokensPerSecond must be between 0 and 100000"),
            (18, "  tokensBurst: 5", "clients.tokensBurst needs tokensPerSecond beside it or in clients"),
            (21, "    tokensBurst: 0", "services[0].tokensBurst must be between 1 and 1000000"),
            (21, "    tokensBurst: 5", "services[0].tokensBurst needs tokensPerSecond beside it or in clients"),
            (13, "limits: { connection: 5 }", "unknown key 'connection' in limits (did you mean 'connections'?)"),
            (13, "limits: { connections: 0 }", "limits.connections must be between 1 and 1000000"),
            (13, "limits: { connectionsPerAddress: 1000001 }", "limits.connectionsPerAddress must be between 0 and 1000000"),
            (13, "limits: { requestsInProgress: 0 }", "limits.requestsInProgress must be between 1 and 100000"),
            (13, "limits: { requestsInProgress: 1e3 }", "limits.requestsInProgress must be a whole number, not '1e3'"),
            (13, "limits: 5", "limits must be a mapping, not"),
            (13, "limit: {}", "unknown key 'limit' (did you mean 'limits'?)"),
            (21, "    spiffeID: https://link.internal/x", "services[0].spiffeID: "),
            (21, "    spiffeID: spiffe://other.internal/x", "services[0].spiffeID is not in the trustDomain link.internal"),
            (21, "    dns: '*.link.internal'", "services[0].dns must be a host name without wildcard"),
            (23, "      search-svc: { role: [reader] }", "unknown key 'role' in audience search-svc (did you mean 'roles'?)"),
            (23, "      search-svc: { roles: [a b] }", "audience search-svc.roles: 'a b' must be"),
            (23, "      search-svc: { scopes: ['a\"b'] }", "audience search-svc.scopes: 'a\\\"b' must be"),
            (23, "      search-svc: { lifetime: 16m }", "audience search-svc.lifetime must be between 1s and 15m"),
            (23, "      'search svc': {}", "audience 'search svc' must be"),
            (25, "  - id: user-svc", "service id 'user-svc' is given twice; the first is on line 20"),
            (26, "    subject: CN=a+OU=b,O=Link Service", "services[1].subject fits no certificate"),
            (26, "    subject: CN=a,CN=b", "services[1].subject fits no certificate"),
            (26, "    subject: search-svc", "services[1].subject: "),
            (29, "  - {}", "admins[0] needs a subject, a spiffeID or a dns name"),
            (29, "  - name: x", "unknown key 'name' in admins[0]"),
        ] as [(Int, String, String?)]
    )
    func oneProblem(line: Int, replacement: String, message: String?) throws {
        let problems = ConfigurationText.problems(ConfigurationText.replacing(line, with: replacement))
        let first = try #require(problems.first(where: { message == nil || $0.contains(message ?? "") }), "\(problems)")
        let expectedLine = message == nil ? 21 : line
        #expect(first.hasPrefix("c.yaml:\(expectedLine): "), "\(problems)")
    }

    @Test("with a required section missing names it")
    func missingSections() {
        let problems = ConfigurationText.problems("issuer: https://a")
        #expect(
            problems == [
                "c.yaml:1: missing key 'listen'", "c.yaml:1: missing key 'tls'", "c.yaml:1: missing key 'keys'",
                "c.yaml:1: missing key 'services'",
            ]
        )
    }

    @Test("may have its issuer on a path, and an IPv6 address")
    func issuers() throws {
        for text in ["https://a.example/tenant/one", "https://[::1]:8443", "https://127.0.0.1:8443", "https://issuer"] {
            #expect(try HTTPSAddress(text).text == text)
        }
        #expect(try HTTPSAddress("https://[::1]:8443").host == "::1")
        #expect(try HTTPSAddress("https://a.example/tenant/one").path == "/tenant/one")
    }

    @Test("that cannot be read says why")
    func unreadable() {
        #expect(throws: ConfigurationError(file: "/nowhere/c.yaml", "cannot be read: there is no such file")) {
            try IssuerConfiguration.load(contentsOf: "/nowhere/c.yaml")
        }
        #expect(throws: ConfigurationError(file: "/", "cannot be read: it is not a readable file")) {
            try IssuerConfiguration.load(contentsOf: "/")
        }
        #expect(ConfigurationText.problems("") == ["c.yaml: the file is empty"])
        #expect(throws: ConfigurationError(file: "x", "is not UTF-8 text")) {
            try IssuerConfiguration.parse([0x61, 0xFF], file: "x")
        }
    }

    @Test("shows names from the file without what could steer a terminal")
    func escaping() {
        let problems = ConfigurationText.problems(ConfigurationText.replacing(3, with: "\"a\\e[31m\\nb\": 1"))
        #expect(problems == ["c.yaml:3: unknown key 'a\\u{1b}[31m\\u{a}b'"])
    }
}

@Suite("A duration")
struct DurationTests {
    @Test(
        "is a number and a unit",
        arguments: [("90s", 90), ("5m", 300), ("12h", 43_200), ("30d", 2_592_000), ("0", 0), ("0s", 0)] as [(String, Int64)]
    )
    func accepted(text: String, seconds: Int64) {
        #expect(ConfigurationSyntax.duration(text) == seconds)
    }

    @Test(
        "is nothing else",
        arguments: ["", "5", "m", "-5m", "+5m", "5 m", "5M", "1.5h", "05m", "5m ", "99999d", "9999999999d", "٥m"])
    func refused(text: String) {
        #expect(ConfigurationSyntax.duration(text) == nil)
    }

    @Test("is written in its largest unit")
    func written() {
        #expect(
            [0, 59, 60, 3600, 86_400, 90].map(ConfigurationSyntax.text(ofDuration:)) == ["0", "59s", "1m", "1h", "1d", "90s"])
    }
}
