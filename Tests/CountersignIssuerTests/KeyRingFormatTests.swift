import CountersignCrypto
import CountersignIssuer
import CountersignJOSE
import CountersignJSON
import Foundation
import Testing

@Suite("keyring.json: what is refused")
struct KeyRingFormatTests {
    /// Saves a ring with keys in four states, changes its text, and reads it.
    private func load(changing change: (inout String, KeyRing) throws -> Void) async throws -> KeyRingError? {
        try await withTemporaryFolder { folder -> KeyRingError? in
            let store = FileKeyRingStore(directory: "\(folder)/keys")
            var ring = try KeyRing.first().applying(.announce(RingKeys.jwk(1)), at: ringStart).settled(at: ringStart + 600)
            ring = try ring.applying(.announce(RingKeys.jwk(2)), at: ringStart + 600)
                .applying(.revoke(RingKeys.jwk(2).kid, replacement: nil), at: ringStart + 600)
                .applying(.announce(RingKeys.jwk(3)), at: ringStart + 600)
            _ = try await store.save(ring, adding: (0...3).map(RingKeys.privateKey), replacing: nil)
            let path = "\(folder)/keys/keyring.json"
            let before = try text(of: path)
            var after = before
            try change(&after, ring)
            #expect(after != before)
            try write(after, to: path)
            do throws(KeyRingError) {
                _ = try await store.load()
                return nil
            } catch {
                #expect(error.message.hasPrefix(path))
                #expect(error.hint != nil)
                return error
            }
        }
    }

    private func replace(_ old: String, by new: String) -> (inout String, KeyRing) -> Void {
        { text, _ in
            if let range = text.range(of: old) {
                text.replaceSubrange(range, with: new)
            }
        }
    }

    @Test("The unchanged text with other white space is accepted")
    func acceptsWhiteSpace() async throws {
        #expect(try await load(changing: replace("\n", by: "\n\n")) == nil)
    }

    @Test("A text cut short anywhere is refused", arguments: [0, 1, 20, 200, 1000])
    func truncated(length: Int) async throws {
        let error = try await load { text, _ in text = String(text.prefix(length)) }
        #expect(error?.code == .malformed)
    }

    @Test(
        "Members that are unknown, missing, of another type or out of range are refused",
        arguments: [
            ("\"revision\": 1", "\"revision\": 1, \"note\": \"x\""),
            ("\"revision\": 1", "\"revision\": \"1\""),
            ("\"revision\": 1", "\"revision\": 0"),
            ("\"revision\": 1", "\"revision\": 1, \"revision\": 1"),
            ("\"revision\": 1,", ""),
            ("\"announceFor\": 600,", ""),
            ("\"announceFor\": 600,", "\"announceFor\": 600.5,"),
            ("\"rotateEvery\": 0", "\"rotateEvery\": 0, \"every\": 1"),
            ("\"retiredKeys\": \"destroyed\"", "\"retiredKeys\": \"burnt\""),
            ("\"statusNumber\": 1", "\"statusNumber\": -1"),
            ("\"denied\": []", "\"denied\": [{}]"),
            ("\"state\": \"signing\"", "\"state\": \"Signing\""),
            ("\"state\": \"announced\"", "\"state\": \"retiring\""),
            ("\"state\": \"retiring\"", "\"state\": \"retired\""),
            ("\"promotion\": \"planned\"", "\"promotion\": \"soon\""),
            ("\"retireAfter\": 965,\n      \"jwk\"", "\"retireAfter\": 0,\n      \"jwk\""),
            ("\"signsFrom\"", "\"signsfrom\""),
            ("\"retiresFrom\": \"2027", "\"retiresFrom\": \"27"),
            ("\"kty\": \"RSA\",", "\"kty\": \"RSA\", \"x5u\": \"https://elsewhere\","),
            ("\"keys\": [", "\"keys\": [1, "),
        ]
    )
    func malformed(old: String, new: String) async throws {
        #expect(try await load(changing: replace(old, by: new))?.code == .malformed)
    }

    @Test("Another version is refused before anything else is looked at")
    func unknownVersion() async throws {
        let error = try await load(changing: replace("\"version\": 2", by: "\"version\": 3, \"what\": \"new\""))
        #expect(error?.code == .unsupportedVersion)
    }

    @Test("Two signing keys are refused")
    func twoSigning() async throws {
        let error = try await load { text, _ in
            // The retiring key of the ring says it signs: without the members of a retiring key.
            text = text.replacingOccurrences(of: "\"state\": \"retiring\"", with: "\"state\": \"signing\"")
            text = text.split(separator: "\n").filter {
                !$0.contains("\"retir") || $0.contains("retireAfter") || $0.contains("retiredKeys")
            }
            .joined(separator: "\n")
        }
        #expect(error?.code == .inconsistent)
        #expect(error?.message.contains("2 of its keys are signing") == true)
    }

    @Test("No signing key, and no keys at all, are refused")
    func noneSigning() async throws {
        let none = try await load { text, _ in
            text = text.replacingOccurrences(
                of: "\"state\": \"signing\"",
                with: "\"state\": \"retiring\", \"retiring\": \"2027-01-15T08:00:00Z\", \"retiresFrom\": \"2027-01-15T08:00:00Z\""
            )
        }
        #expect(none?.code == .inconsistent)
        let empty = try await load { text, _ in
            text = """
                {"version": 1, "revision": 1, "keys": [],
                 "parameters": {"announceFor": 600, "retireAfter": 965, "rotateEvery": 0}}
                """
        }
        #expect(empty?.code == .inconsistent)
    }

    @Test("A kid that is not the thumbprint of its key is refused")
    func wrongThumbprint() async throws {
        let both = try await load { text, ring in
            let other = try RingKeys.jwk(4).kid.rawValue
            text = text.replacingOccurrences(of: ring.signing.jwk.kid.rawValue, with: other)
        }
        #expect(both?.code == .inconsistent)
        let outer = try await load { text, ring in
            let other = try RingKeys.jwk(4).kid.rawValue
            if let range = text.range(of: ring.signing.jwk.kid.rawValue) {
                text.replaceSubrange(range, with: other)
            }
        }
        #expect(outer?.code == .inconsistent)
    }

    @Test("A key that is in the ring twice is refused")
    func duplicateKey() async throws {
        let error = try await load { text, _ in
            let object = try JSONReader.parseObject(Array(text.utf8), limits: JSONLimits(maxBytes: 100_000, maxDepth: 8))
            let keys = try #require(object.array("keys"))
            let revoked = try #require(keys.last)
            let members = object.members.map { ($0.name, $0.name == "keys" ? .array(keys + [revoked]) : $0.value) }
            text = String(decoding: try JSONWriter.bytes(.object(JSONObject(members))), as: UTF8.self)
        }
        #expect(error?.code == .inconsistent)
    }

    @Test("A ring with a private member in a public key is refused")
    func privateMember() async throws {
        let error = try await load(changing: replace("\"kty\": \"RSA\",", by: "\"kty\": \"RSA\", \"d\": \"AQAB\","))
        #expect(error?.code == .inconsistent)
    }

    @Test("Durations that contradict each other are refused")
    func parameters() async throws {
        #expect(try await load(changing: replace("\"rotateEvery\": 0", by: "\"rotateEvery\": 1"))?.code == .parameters)
    }

    @Test("A time that cannot be written as a date is not saved; the ring before stays")
    func unwritableTime() async throws {
        try await withTemporaryFolder { folder in
            let store = FileKeyRingStore(directory: "\(folder)/keys")
            let first = try await store.save(KeyRing.first(), adding: [RingKeys.privateKey(0)], replacing: nil)
            let ring = try first.ring.applying(.announce(RingKeys.jwk(1)), at: Timestamp(secondsSince1970: .max))
            let error = await #expect(throws: KeyRingError.self) {
                try await store.save(ring, adding: [RingKeys.privateKey(1)], replacing: first.revision)
            }
            #expect(error != nil)
            #expect(try await store.load().ring == first.ring)
        }
    }
}
