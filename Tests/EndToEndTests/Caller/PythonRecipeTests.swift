import CountersignTesting
import Foundation
import Testing

/// The system's Python, with the Debian package python3-requests.
private enum PythonRequests {
    static let path = "/usr/bin/python3"
    static let isInstalled = (try? Shell.run(path, "-c", "import requests").succeeded) ?? false
}

/// The Python program of docs/guide/other-languages.md, word for word, over many tokens and an issuer that goes away.
@Suite(.serialized, .enabled(if: PythonRequests.isInstalled, "install python3-requests to run this"))
struct PythonRecipeTests {
    /// Asks twenty times a second until there is a file `stop`, and writes down what it gets: `token` for each new one,
    /// `expired` for one that has ended, `none`.
    private static let driver = """
        import base64, json, os, sys, time, tokens
        source = tokens.Tokens(sys.argv[1], "search-svc", ("certs/user-svc/cert.pem", "certs/user-svc/key.pem"), "certs/ca.pem")
        ends, deadline = {}, time.monotonic() + 240
        with open("got", "a") as got:
            while time.monotonic() < deadline and not os.path.exists("stop"):
                time.sleep(0.05)
                try:
                    token = source.get()
                except RuntimeError:
                    print("none", file=got, flush=True)
                    continue
                if token not in ends:
                    payload = token.split(".")[1]
                    ends[token] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
                    print("token", file=got, flush=True)
                if ends[token] <= time.time():
                    print("expired", file=got, flush=True)

        """

    @Test(.timeLimit(.minutes(5))) func getsATokenAndKeepsItFresh() async throws {
        let page = try DocumentationPage.source("docs/guide/other-languages.md")
        let recipe = try #require(page.firstRange(of: "cat > tokens.py <<'EOF'\n").map { page[$0.upperBound...] })
        let program = try #require(recipe.firstRange(of: "\nEOF\n").map { recipe[..<$0.lowerBound] })
        let folder = try IssuerFolder()
        let files = folder.files
        try files.write(String(program), to: "tokens.py")
        try files.write(Self.driver, to: "driver.py")
        try files.write("", to: "got")
        let port = try await RawConnection.freePort()
        let configuration = try folder.configuration(
            "python", replacing: ("search:write], lifetime: 5m", "search:write], lifetime: 8s"),
            ("listen: 127.0.0.1:0", "listen: 127.0.0.1:\(port)")
        )
        var issuer = try await RunningIssuer.start(folder, configuration: configuration)
        let python = Task.detached {
            try Shell.run(
                PythonRequests.path, ["driver.py", "https://127.0.0.1:\(port)"], directory: files.path)
        }
        func got() throws -> [Substring] {
            String(decoding: try files.read("got"), as: UTF8.self).split(separator: "\n")
        }
        try await eventually("three tokens, one after the other", within: .seconds(60)) {
            try got().count { $0 == "token" } >= 3
        }
        // Away until the last token has ended: nothing that has ended is given out, and it begins again by itself.
        #expect(try await issuer.stop() == 0)
        try await eventually("no token any more", within: .seconds(60)) { try got().last == "none" }
        issuer = try await RunningIssuer.start(folder, configuration: configuration)
        try await eventually("a token again", within: .seconds(60)) { try got().last == "token" }
        try files.write("", to: "stop")
        let result = try await python.value
        #expect(result.succeeded, "\(result)")
        #expect(try !got().contains("expired"))
        #expect(try await issuer.stop() == 0)
    }
}
