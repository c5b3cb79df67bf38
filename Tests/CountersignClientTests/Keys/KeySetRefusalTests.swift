import Countersign
import CountersignClient
import CountersignTesting
import Testing

/// Whatever the issuer answers instead of a good set, the good set in hand stays in force.
struct KeySetRefusalTests {
    struct Answer: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let script: ScriptedTransport.Script
    }

    static let answers: [Answer] = [
        refused("500") { World.plain(500, "out of order") },
        refused("404") { World.plain(404, "not found") },
        refused("redirect") { World.plain(302, "", [("Location", "https://elsewhere.example")]) },
        refused("304 to a request without a tag") { World.plain(304, "") },
        refused("nothing") { set("") },
        refused("truncated") { set(String(try good().dropLast(10))) },
        refused("other JSON") { set(#"{"title":"hello"}"#) },
        refused("an array") { set("[]") },
        refused("an empty set") { set(#"{"keys":[]}"#) },
        refused("a set of other kinds of keys only") { set(#"{"keys":[{"kty":"EC","kid":"x"}]}"#) },
        refused("another content type") { World.plain(200, try good(), [("Content-Type", "text/html")]) },
        refused("no content type") { World.plain(200, try good()) },
        refused("a private key in the set") { set(try good().replacing(#"{"kty""#, with: #"{"d":"AQAB","kty""#)) },
        refused("the same key twice") {
            let key = try good().dropFirst(#"{"keys":["#.count).dropLast(2)
            return set(#"{"keys":[\#(key),\#(key)]}"#)
        },
        refused("a member twice") { set(try good().replacing(#"{"kty""#, with: #"{"kty":"RSA","kty""#)) },
        refused("a kid that is not the thumbprint") {
            let kid = try World.issuer.get().keyID.rawValue
            return set(try good().replacing(kid, with: String(kid.reversed())))
        },
        refused("a weak key") {
            let issuer = try World.issuer.get()
            return set(issuer.keySet(modulus: issuer.shortModulus))
        },
        refused("a key with exponent 3") { set(try World.issuer.get().keySet(exponent: [3])) },
        Answer(testDescription: "an answer that is too large") { _, _ throws(TokenError) in
            throw TokenError(.answerTooLarge, "10 MiB")
        },
        Answer(testDescription: "no connection") { _, _ throws(TokenError) in throw TokenError(.unreachable, "down") },
    ]

    @Test(arguments: answers)
    func aGoodSetIsNeverReplacedBy(_ answer: Answer) async throws {
        let keySet = try World.issuer.get().keys
        let receiver = try Receiver(script: Receiver.good(keySet))
        try await receiver.running {
            let first = try receiver.keys.keySet(at: receiver.time.wallClock)
            receiver.transport.answer(answer.script)
            await receiver.time.tick(200)
            await eventually("asked again") { receiver.transport.count > 1 }
            #expect(try receiver.keys.keySet(at: receiver.time.wallClock) === first)
        }
    }

    @Test(arguments: answers)
    func noSetIsEverMadeOf(_ answer: Answer) async throws {
        let receiver = try Receiver(script: answer.script)
        let waiting = Task { try await receiver.keys.waitUntilReady() }
        await eventually("asked twice") {
            receiver.time.advance(by: .milliseconds(100))
            return receiver.transport.count > 1
        }
        #expect(!receiver.keys.isReady)
        // The issuer is in order again.
        receiver.transport.answer(Receiver.good(try World.issuer.get().keys))
        try await receiver.time.passing { try await waiting.value }
        #expect(receiver.keys.isReady)
    }

    private static func refused(_ name: String, _ answer: @escaping @Sendable () throws -> IssuerAnswer) -> Answer {
        Answer(testDescription: name) { _, _ throws(TokenError) in
            do { return try answer() } catch { throw TokenError(.unreachable, "the test could not make an answer: \(error)") }
        }
    }

    private static func set(_ json: String) -> IssuerAnswer {
        World.plain(200, json, [("Content-Type", "application/jwk-set+json")])
    }

    private static func good() throws -> String {
        String(decoding: try World.issuer.get().keys.json, as: UTF8.self)
    }
}
