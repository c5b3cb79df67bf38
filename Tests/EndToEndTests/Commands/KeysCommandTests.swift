import CountersignJSON
import CountersignTesting
import Testing

/// `countersign keys ...` on a directory without an issuer.
@Suite(.serialized) struct KeysCommandTests {
    let files: TestDirectory

    init() throws {
        files = try TestDirectory()
    }

    private func keys(_ verb: String, _ more: String...) throws -> Shell.Result {
        try Program.run(["keys", verb, "--keys", "keys"] + more, in: files)
    }

    private func states() throws -> [String: String] {
        let list = try JSONReader.parseObject(try keys("list", "--json").output)
        return Dictionary(
            uniqueKeysWithValues: (list["keys"]?.array ?? []).compactMap { key in
                key.object.flatMap { object in object.string("state").map { ($0, object.string("kid") ?? "") } }
            }
        )
    }

    private func published() throws -> [String] {
        let set = try JSONReader.parseObject(try keys("jwks").output)
        return (set["keys"]?.array ?? []).compactMap { $0.object?.string("kid") }
    }

    @Test func makesAFirstKeyThatOnlyItsOwnerMayRead() throws {
        let made = try keys("init")
        #expect(made.succeeded, "\(made)")
        let kid = try #require(try states()["signing"])
        #expect(made.standardOutput == "made \(kid), which signs, in keys")
        #expect(try files.mode("keys") == 0o700)
        for file in try files.contents(of: "keys") { #expect(try files.mode("keys/\(file)") == 0o600, "\(file)") }
        let check = try Shell.run("openssl", "rsa", "-in", files.path("keys/\(kid).pem"), "-check", "-noout")
        #expect(check.standardOutput == "RSA key ok")

        let before = try files.read("keys/keyring.json")
        let again = try keys("init")
        #expect(again.exitCode == 1)
        #expect(!again.error.isEmpty)
        #expect(try files.read("keys/keyring.json") == before)
    }

    @Test func rotatesOneKeyAtATime() throws {
        #expect(try keys("init").succeeded)
        let first = try #require(try states()["signing"])
        let rotated = try keys("rotate")
        #expect(rotated.succeeded, "\(rotated)")
        let second = try #require(try states()["announced"])
        #expect(rotated.standardOutput.hasPrefix("announced \(second), which signs from "))
        #expect(try states()["signing"] == first)
        #expect(Set(try published()) == [first, second])

        let again = try keys("rotate")
        #expect(again.exitCode == 1)
        #expect(again.error.contains("a rotation is under way"))
        #expect(again.hint.contains("keys rotate --now"))

        let now = try keys("rotate", "--now")
        #expect(now.succeeded)
        #expect(now.standardOutput == "\(second) signs now")
        #expect(now.standardError.contains("warning: receivers that fetched the key set before refuse its tokens"))
        #expect(try states() == ["signing": second, "retiring": first])
    }

    @Test func revokesAKeyAtOnceAndReplacesIt() throws {
        #expect(try keys("init").succeeded)
        let first = try #require(try states()["signing"])
        for (kid, code) in [("nonsense", 1), ("abc", 64)] as [(String, Int32)] {
            let refused = try Program.run("keys", "revoke", "--keys", "keys", "--", kid, in: files)
            #expect(refused.exitCode == code, "\(refused)")
            #expect(!refused.error.isEmpty)
        }
        let revoked = try Program.run("keys", "revoke", "--keys", "keys", "--", String(first.prefix(8)), in: files)
        #expect(revoked.succeeded, "\(revoked)")
        let second = try #require(try states()["signing"])
        #expect(second != first)
        #expect(
            revoked.standardOutput.split(separator: "\n").map(String.init) == [
                "revoked \(first), which was signing", "\(second) signs now",
                "dead at receivers that poll the status within 2 min 2 s, within 17 s where they reach the issuer",
            ]
        )
        #expect(try states()["revoked"] == first)
        #expect(try published() == [second])
        let again = try Program.run("keys", "revoke", "--keys", "keys", "--", first, in: files)
        #expect(again.exitCode == 1)
        #expect(again.error.contains("is revoked since"))
    }

    @Test func sendsWhoeverHasNoKeysToInit() throws {
        for verb in ["list", "rotate", "jwks"] {
            let result = try keys(verb)
            #expect(result.exitCode == 78)
            #expect(result.error == "there is no key ring in keys")
            #expect(result.hint == "countersign keys init --keys keys")
        }
    }
}
