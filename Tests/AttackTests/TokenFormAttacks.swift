import Countersign
import CountersignTesting
import Testing

/// Attacks by way of the Authorization field, the token's encoding and its signature.
@Suite struct TokenFormAttacks {
    let receiver: Receiver

    init() throws {
        receiver = try Receiver.shared.get()
    }

    @Test func acceptsOneBearerValueInAnyCaseOfTheScheme() async throws {
        let token = try receiver.token()
        for value in ["Bearer \(token)", "bearer \(token)", "BEARER  \(token)"] {
            #expect(await receiver.verdict(authorization: [value]) == "accepted")
        }
    }

    @Test func refusesNoneSeveralAndOtherCredentials() async throws {
        let token = try receiver.token()
        #expect(await receiver.verdict(authorization: []) == "no-token")
        #expect(await receiver.verdict(authorization: ["Bearer \(token)", "Bearer \(token)"]) == "authorization-repeated")
        for value in [
            "", "Bearer", "Bearer ", "Basic dTpw", "Bearer\t\(token)", "Bearer \(token), Bearer \(token)", "Bearer \(token) x",
        ] {
            #expect(await receiver.verdict(authorization: [value]) == "authorization-malformed")
        }
    }

    @Test func refusesTokensOverTheBound() async throws {
        #expect(await receiver.verdict(String(repeating: "a", count: 8193)) == "token-too-large")
        #expect(await receiver.verdict(String(repeating: "a", count: 8192)) == "token-malformed")
    }

    @Test func refusesEncodingsThatAreNotTheOneCanonicalForm() async throws {
        let token = try receiver.token()
        let parts = token.split(separator: ".").map(String.init)
        let (header, payload, signature) = (parts[0], parts[1], parts[2])
        let last = signature.utf8.last ?? 0
        let malformed = [
            "\(header).\(payload)", "\(token).", ".\(token)", "\(token).AAAA", "\(header)..\(signature)",
            ".\(payload).\(signature)",
            "\(header).\(payload).", "\(header)=.\(payload).\(signature)", "\(header).\(payload)=.\(signature)",
            "\(header).\(payload).\(signature)==", "\(header).\(payload).+\(signature.dropFirst())",
            "..", "...", ".", "\(token).AAAA.AAAA", "\(header)/.\(payload).\(signature)", "\(header).\(payload)%2e\(signature)",
            // 256 bytes end in a character of which four bits do not count: set one of them.
            "\(header).\(payload).\(signature.dropLast())\(String(UnicodeScalar(last == 0x41 ? 0x42 : last + 1)))",
        ]
        for text in malformed {
            #expect(await receiver.verdict(text) == "token-malformed", "\(text.suffix(20))")
        }
        // One more character is canonical, and 257 bytes are no signature of this key.
        #expect(await receiver.verdict("\(token)A") == "signature-invalid")
        let serialization = #"{"protected":"\#(header)","payload":"\#(payload)","signature":"\#(signature)"}"#
        #expect(await receiver.verdict(serialization) == "authorization-malformed")
    }

    @Test func refusesWhiteSpaceInsideAToken() async throws {
        let parts = try receiver.token().split(separator: ".").map(String.init)
        for space in [" ", "\t", "\n", "\r\n", "\u{b}", "\u{a0}", "\u{0}"] {
            for text in [
                "\(parts[0])\(space).\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1].dropLast())\(space).\(parts[2])",
                "\(parts[0]).\(parts[1]).\(parts[2])\(space)",
            ] {
                #expect(await receiver.verdict(text) == "authorization-malformed")
            }
        }
    }

    @Test func refusesSignaturesThatWereTouched() async throws {
        let token = try receiver.token()
        let jws = try CompactJWS(Array(token.utf8))
        let input = String(decoding: jws.signingInput, as: UTF8.self)
        func verdict(_ signature: [UInt8]) async -> String { await receiver.verdict("\(input).\(Base64URL.encode(signature))") }
        #expect(await verdict(jws.signature) == "accepted")
        for bit in stride(from: 0, to: 2048, by: 97) {
            var flipped = jws.signature
            flipped[bit / 8] ^= 1 << (bit % 8)
            #expect(await verdict(flipped) == "signature-invalid")
        }
        #expect(await verdict(Array(jws.signature.dropLast())) == "signature-invalid")
        #expect(await verdict(Array(jws.signature.dropFirst())) == "signature-invalid")
        #expect(await verdict(jws.signature + [0]) == "signature-invalid")
        #expect(await verdict([0] + jws.signature) == "signature-invalid")
        #expect(await verdict([UInt8](repeating: 0, count: 256)) == "signature-invalid")
        #expect(await verdict([UInt8](repeating: 255, count: 256)) == "signature-invalid")
        #expect(await verdict([1]) == "signature-invalid")
    }

    @Test func refusesAnotherKeyUnderOurKeyIdentifier() async throws {
        let forger = try TestIssuer()
        let forged = try forger.token(header: Array(receiver.goodHeader.utf8), payload: receiver.goodPayload())
        #expect(await receiver.verdict(forged) == "signature-invalid")
    }

    @Test func refusesAPayloadSwappedUnderAGoodSignature() async throws {
        let parts = try receiver.token().split(separator: ".")
        let other = try receiver.token { $0.roles = ["admin"] }.split(separator: ".")
        #expect(await receiver.verdict("\(parts[0]).\(other[1]).\(parts[2])") == "signature-invalid")
    }

    @Test func refusesAnHMACMadeWithThePublicKey() async throws {
        let header = Base64URL.encode(Array(#"{"alg":"HS256","kid":"\#(receiver.issuer.keyID)","typ":"at+jwt"}"#.utf8))
        let input = "\(header).\(Base64URL.encode(try receiver.goodPayload()))"
        let files = try TestDirectory()
        let key = try receiver.issuer.key.publicKey.pem().utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            .joined()
        try files.write(input, to: "input")
        let mac = try Shell.run(
            "openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:\(key)", "-binary", files.path("input"))
        try #require(mac.output.count == 32)
        #expect(await receiver.verdict("\(input).\(Base64URL.encode(mac.output))") == "header-algorithm")
    }
}
