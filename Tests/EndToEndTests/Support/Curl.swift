import CountersignTesting

/// `curl` as a service of the folder: an HTTP and TLS client that is none of ours.
struct Curl {
    let issuer: RunningIssuer
    /// Whose certificate it presents; `nil` for none.
    var service: String? = "user-svc"

    /// Runs curl and returns what became of it, whatever that is. Its bound keeps a stalled server from stalling the test.
    func run(_ path: String, _ arguments: [String] = []) throws -> Shell.Result {
        try Shell.run("curl", common + arguments + ["https://\(IssuerFolder.host):\(issuer.port)\(path)"])
    }

    /// The one response that comes.
    func answer(_ path: String, _ arguments: [String] = []) throws -> HTTPAnswer {
        let result = try run(path, ["--include"] + arguments)
        guard result.succeeded, let (answer, _) = HTTPAnswer.read(result.output, toTheEnd: true) else {
            throw NotInTime(description: "curl got no answer: \(result)")
        }
        return answer
    }

    /// A token request with exactly this body.
    func token(
        _ form: String = "grant_type=client_credentials&audience=search-svc", _ arguments: [String] = []
    ) throws -> HTTPAnswer {
        try answer("/oauth2/token", ["--data-raw", form] + arguments)
    }

    var common: [String] {
        let files = issuer.folder.files
        var arguments = [
            "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert", files.path("certs/ca.pem"),
            "--resolve", "\(IssuerFolder.host):\(issuer.port):127.0.0.1",
        ]
        if let service {
            arguments += ["--cert", files.path("certs/\(service)/cert.pem"), "--key", files.path("certs/\(service)/key.pem")]
        }
        return arguments
    }
}
