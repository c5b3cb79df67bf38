import CountersignHummingbird
import CountersignTLS
import Foundation
import Testing

/// The bound on requests in progress. Requests wait at a gate that the test opens, on one event loop.
@Suite(.timeLimit(.minutes(10))) struct OverloadTests {
    private static let subject = "CN=user-svc.link.internal,O=Link Service"
    private static let problem = #"{"type":"about:blank","title":"Service Unavailable","status":503}"#
    private static let get = "GET /peer HTTP/1.1\r\nHost: localhost\r\n\r\n"
    /// The header first: `curl` before 7.84 cannot write out single fields of it.
    private static let report = ["--dump-header", "-", "--write-out", " %{http_code} %{content_type}"]

    private typealias Client = (certificate: String, key: String)

    /// Whether that was reported of an answer.
    private static func isTooLate(_ answer: Command) -> Bool {
        answer.output.lowercased().contains("\r\nretry-after: 1\r\n")
            && answer.output.hasSuffix("\r\n\r\n\(problem) 503 application/problem+json")
    }

    /// A server on one event loop with `bound` places, and clients of these names.
    private func run(
        _ bound: Int, clients names: [String] = ["user-svc.link.internal"],
        _ body: @escaping @Sendable (TestServer, ServerFiles, [Client]) async throws -> Void
    ) async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let clients = try names.enumerated().map { index, name in
            try files.authority.issue(name).write(to: files.directory, as: "client\(index)")
        }
        let configuration = MutualTLSServerConfiguration.patient { $0.maxRequestsInProgress = bound }
        try await TestServer.run(files.load(), configuration: configuration, eventLoops: 1) { server in
            // Whatever fails, no request is left waiting.
            defer { server.gate.open() }
            try await body(server, files, clients)
        }
    }

    // MARK: The bound

    @Test(arguments: ["--http1.1", "--http2"])
    func beyondTheBoundARequestIsAnswered503WithoutReachingTheApplication(version: String) async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            async let held = server.curl("/held", as: client, [version], in: files)
            try await server.gate.untilArrived(1)
            let late = try await server.curl("/held", as: client, [version] + Self.report, in: files)
            #expect(Self.isTooLate(late), "\(late)")
            let body = ["--data-binary", String(repeating: "a", count: 5000)]
            let post = try await server.curl("/read", as: client, [version] + body + Self.report, in: files)
            #expect(Self.isTooLate(post), "\(post)")
            let head = try await server.curl("/peer", as: client, [version, "--head"], in: files)
            #expect(head.output.contains(" 503") && head.output.lowercased().contains("\r\nretry-after: 1\r\n"))
            #expect(server.gate.arrived == 1)
            server.gate.open()
            #expect(try await held.output == "held")
            #expect(try await server.curl("/held", as: client, [version], in: files).output == "held")
            try await eventually("all three are told, not \(server.overload.refused)") { server.overload.refused == 3 }
            #expect(server.overload.names == [Self.subject])
        }
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func theConnectionOfARequestThatComesTooLateGoesOn(version: String) async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            async let held = server.curl("/held", as: client, [version], in: files)
            try await server.gate.untilArrived(1)
            let options = [version, "--data-binary", "abc", "--write-out", " %{http_code} %{num_connects}\n"]
            let first = ["https://127.0.0.1:\(server.port)/read"] + options
            let second = [
                "--next", "--noproxy", "*", "--silent", "--show-error", "--cacert", files.directory.path + "/ca.pem", "--cert",
                client.certificate, "--key", client.key,
            ]
            let result = try await server.curl("/read", as: client, first + second + options, in: files)
            #expect(result.output == "\(Self.problem) 503 1\n\(Self.problem) 503 0\n", "\(result.errors)")
            server.gate.open()
            _ = try await held
        }
    }

    @Test func onTheSameConnectionTheNextRequestIsServedWhenThereIsAPlace() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            let raw = try files.client()
            let held = Task { try await server.curl("/held", as: client, in: files) }
            try await server.gate.untilArrived(1)
            try await Talk.with(server, as: raw) { talk in
                try await talk.say(Self.get)
                let late = try await talk.hear(until: Self.problem)
                #expect(late.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
                #expect(late.contains("\r\nRetry-After: 1\r\n"))
                #expect(!late.lowercased().contains("connection:"))
                // A body is read before the answer is given, whether or not the client asked first.
                try await talk.say("POST /read HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                _ = try await talk.hear(until: "HTTP/1.1 100 Continue\r\n\r\n")
                try await talk.say("abc")
                #expect(try await talk.hear(until: Self.problem).hasPrefix("HTTP/1.1 503 "))
                try await talk.say("HEAD /peer HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try await talk.hear(until: "\r\n\r\n").hasPrefix("HTTP/1.1 503 "))
                server.gate.open()
                _ = try await held.value
                try await talk.say(Self.get)
                #expect(try await talk.hear(until: Self.subject).hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    @Test func aLastRequestThatComesTooLateIsAnsweredAndClosed() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            let raw = try files.client()
            async let held = server.curl("/held", as: client, in: files)
            try await server.gate.untilArrived(1)
            for request in ["GET /peer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "GET /peer HTTP/1.0\r\n\r\n"] {
                let answer = try await RawClient.exchange(request.utf8, with: server.port, tls: raw)
                #expect(answer.hasPrefix("HTTP/1.\(request.contains("1.1") ? 1 : 0) 503 "), "\(answer)")
                #expect(answer.contains("\r\nConnection: close\r\n"))
                #expect(answer.hasSuffix(Self.problem))
            }
            server.gate.open()
            _ = try await held
        }
    }

    @Test func aBodyWithoutEndOfARequestThatComesTooLateIsNotListenedTo() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            let raw = try files.client()
            async let held = server.curl("/held", as: client, in: files)
            try await server.gate.untilArrived(1)
            let head = "POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
            let piece = String(repeating: "a", count: 10_000)
            let answer = try await RawClient.exchange(
                head.utf8, then: Array(repeating: piece, count: 20), with: server.port, tls: raw)
            #expect(answer.isEmpty || answer.contains("Connection: close\r\n"), "\(answer)")
            #expect(server.gate.arrived == 1)
            server.gate.open()
            _ = try await held
        }
    }

    @Test func requestsSentAheadBeyondTheBoundAreAnsweredInOrderAndEndTheConnection() async throws {
        try await run(2) { server, files, _ in
            let raw = try files.client()
            // In one piece: all of them are read before the first is served. One caller gets half of the places.
            let answer = try await RawClient.exchange(String(repeating: Self.get, count: 3).utf8, with: server.port, tls: raw)
            #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
            #expect(answer.components(separatedBy: Self.subject).count == 2)
            #expect(answer.components(separatedBy: "HTTP/1.1 503 ").count == 2)
            #expect(answer.hasSuffix(Self.problem))
        }
    }

    @Test func aClientThatLeavesGivesItsPlaceBack() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            let raw = try files.client()
            try await Talk.with(server, as: raw) { talk in
                try await talk.say("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try await server.gate.untilArrived(1)
                let late = try await server.curl("/peer", as: client, in: files)
                #expect(late.output == Self.problem)
            }
            try await eventually("a place") { try await server.curl("/peer", as: client, in: files).output == Self.subject }
        }
    }

    // MARK: Fairness

    @Test(arguments: ["--http1.1", "--http2"])
    func aCallerThatFloodsLeavesRoomForTheOthers(version: String) async throws {
        // The second certificate is another one of the first caller.
        try await run(4, clients: ["a", "a", "b", "c", "d"]) { server, files, clients in
            try await withThrowingTaskGroup(of: String.self) { group in
                @Sendable func ask(_ client: Client) async throws -> String {
                    // Whoever is let in where it should not be waits no longer than this.
                    try await server.curl("/held", as: client, [version, "--max-time", "60"], in: files).output
                }
                // Alone, up to half.
                for (index, client) in clients[...1].enumerated() {
                    group.addTask { try await ask(client) }
                    try await server.gate.untilArrived(index + 1)
                }
                for client in clients[...1] { #expect(try await ask(client) == Self.problem) }
                // Others come in, each up to its share.
                for (index, client) in clients[2...3].enumerated() {
                    group.addTask { try await ask(client) }
                    try await server.gate.untilArrived(index + 3)
                    #expect(try await ask(client) == Self.problem)
                }
                // And then it is full, for everybody.
                #expect(try await ask(clients[4]) == Self.problem)
                server.gate.open()
                for try await answer in group { #expect(answer == "held") }
                #expect(try await ask(clients[4]) == "held")
            }
        }
    }

    // MARK: Peers that are slow

    private static let beginning = "POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na"

    @Test func aBodyThatDoesNotComeOccupiesNoPlace() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            let raw = try files.client()
            try await Talk.with(server, as: raw) { slow in
                try await slow.say(Self.beginning)
                try await server.gate.untilArrived(1)
                try await eventually("a place") {
                    try await server.curl("/peer", as: client, in: files).output == Self.subject
                }
                // Its end comes late, and there is a place.
                try await slow.say("bc")
                #expect(try await slow.hear(until: "\r\n\r\n3").hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    @Test func aBodyThatEndsWhenAllPlacesAreTakenIsAnswered503() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            let raw = try files.client()
            try await Talk.with(server, as: raw) { slow in
                try await slow.say(Self.beginning)
                try await server.gate.untilArrived(1)
                try await eventually("a place") {
                    try await server.curl("/peer", as: client, in: files).output == Self.subject
                }
                let held = Task { try await server.curl("/held", as: client, in: files) }
                try await server.gate.untilArrived(2)
                try await slow.say("bc")
                let answer = try await slow.hear(until: "\r\n\r\n")
                try #require(answer.hasPrefix("HTTP/1.1 503 "), "\(answer)")
                #expect(answer.contains("\r\nConnection: close\r\n"))
                #expect(await slow.hearAll() == Self.problem)
                server.gate.open()
                #expect(try await held.value.output == "held")
            }
        }
    }

    @Test func anHTTP2BodyThatDoesNotComeOccupiesNoPlaceAndIsRefusedIfItEndsTooLate() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            // A pipe is a body that comes when the test lets it.
            let pipe = files.directory.path + "/pipe"
            #expect(try await Command.run("mkfifo", [pipe], in: files.directory).status == 0)
            let slow = Task {
                try await server.curl(
                    "/read", as: client, ["--http2", "--request", "POST", "--upload-file", pipe] + Self.report, in: files)
            }
            let writer = Task {
                let wait = "for _ in $(seq 1200); do [ -e go ] && break; sleep 0.05; done; printf bc"
                return try await Command.run(
                    "sh", ["-c", "cd '\(files.directory.path)' && (printf a; \(wait)) > pipe"], in: files.directory)
            }
            try await server.gate.untilArrived(1)
            try await eventually("a place") {
                try await server.curl("/peer", as: client, in: files).output == Self.subject
            }
            let held = Task { try await server.curl("/held", as: client, in: files) }
            try await server.gate.untilArrived(2)
            _ = try files.directory.write([], to: "go")
            let answer = try await slow.value
            #expect(Self.isTooLate(answer), "\(answer)")
            server.gate.open()
            #expect(try await held.value.output == "held")
            _ = try await writer.value
        }
    }

    @Test func aClientThatDoesNotTakeItsAnswerOccupiesNoPlace() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            let raw = try files.client()
            try await Talk.with(server, as: raw) { slow in
                try await slow.say("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try await server.gate.untilArrived(1)
                try await eventually("a place") {
                    try await server.curl("/peer", as: client, in: files).output == Self.subject
                }
                // Neither does what it asks for after that.
                try await slow.say("GET /peer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                for _ in 0..<10 {
                    #expect(try await server.curl("/peer", as: client, in: files).output == Self.subject)
                }
                // Later than others, but it gets all of it.
                #expect(await slow.hearAll().utf8.count > 32 << 20)
            }
        }
    }

    @Test func answersAreNotPiledUpForAClientThatOnlyAsks() async throws {
        try await run(1) { server, files, clients in
            let client = clients[0]
            let raw = try files.client()
            async let held = server.curl("/held", as: client, in: files)
            try await server.gate.untilArrived(1)
            try await Talk.with(server, as: raw) { flood in
                // A server that would answer them all closes after the last, and is caught by their number.
                let last = "GET /peer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                try await flood.say(String(repeating: Self.get, count: 400) + last)
                let answers = await flood.hearAll().components(separatedBy: "HTTP/1.1 503").count - 1
                #expect((1...40).contains(answers), "\(answers)")
            }
            server.gate.open()
            #expect(try await held.output == "held")
        }
    }
}
