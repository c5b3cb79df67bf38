import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import CountersignTesting
import Testing

/// A rotation by the command line while services fetch tokens all the time.
@Suite(.serialized) struct RotationTests {
    @Test func losesNoRequestOfOneIssuer() async throws {
        let folder = try IssuerFolder(announceFor: "3s")
        let issuer = try await RunningIssuer.start(folder)
        try await rotate(folder, under: [Traffic(from: issuer), Traffic(from: issuer), Traffic(from: issuer)])
        #expect(try await issuer.stop() == 0)
    }

    @Test func losesNoRequestOfTwoIssuersOnOneDirectory() async throws {
        let folder = try IssuerFolder(announceFor: "3s")
        let first = try await RunningIssuer.start(folder)
        let second = try await RunningIssuer.start(folder)
        // A token by either, a key set by either: they agree all the time.
        try await rotate(
            folder,
            under: [
                Traffic(from: first), Traffic(from: second), Traffic(from: first, keysFrom: second),
                Traffic(from: second, keysFrom: first),
            ]
        )
        #expect(
            try Curl(issuer: first).answer("/.well-known/jwks.json").body
                == Curl(issuer: second).answer("/.well-known/jwks.json").body)
        #expect(try await first.stop() == 0)
        #expect(try await second.stop() == 0)
    }

    private func rotate(_ folder: IssuerFolder, under traffic: [Traffic]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer { tasks.cancelAll() }
            for client in traffic { tasks.addTask { try await client.run() } }
            try await eventually("some tokens by the first key") { traffic.allSatisfy { $0.tokens.count >= 2 } }

            let rotated = try Program.run("keys", "rotate", "--keys", "keys", in: folder.files)
            // The second line says who has fetched the key set.
            let words = (rotated.standardOutput.split(separator: "\n").first ?? "").split(separator: " ").map(String.init)
            try #require(rotated.succeeded && words.count == 6, "\(rotated)")
            let new = words[1].dropLast()
            let signsFrom = try #require(Timestamp(text: words[5]))

            try await eventually("as many by the new one") {
                traffic.allSatisfy { client in client.tokens.count { $0.kid == new } >= 3 }
            }
            for client in traffic { client.stop() }
            try await tasks.waitForAll()

            for client in traffic {
                #expect(client.failures.isEmpty, "\(client.failures.first ?? "")")
                let kids = client.tokens.map(\.kid)
                #expect(Set(kids).count == 2)
                // From the first token by the new key on, none is by the old one.
                for token in client.tokens where token.kid == new {
                    #expect(
                        (token.claims.integer("iat") ?? 0) >= signsFrom.secondsSince1970, "signed before its announcement had run"
                    )
                }
                #expect(kids.firstIndex(of: String(new)).map { kids[$0...].allSatisfy { $0 == new } } == true)
            }
        }
    }
}
