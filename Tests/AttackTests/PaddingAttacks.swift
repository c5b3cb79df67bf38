import Countersign
import CountersignTesting
import Testing

/// Forgeries of RSASSA-PKCS1-v1_5 (RFC 8017 9.2), each made with the real private key by a raw RSA operation, so that only the
/// padding is wrong. With a public exponent of 3 some of these need no private key at all (Bleichenbacher, 2006).
@Suite struct PaddingAttacks {
    /// DigestInfo of SHA-256, before the 32 bytes of the digest.
    static let digestInfo: [UInt8] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
    ]

    let receiver: Receiver
    let input: String
    let digest: [UInt8]

    init() throws {
        receiver = try Receiver.shared.get()
        input = String(decoding: try CompactJWS(Array(try receiver.token().utf8)).signingInput, as: UTF8.self)
        digest = SHA256.digest(of: Array(input.utf8)).bytes
    }

    /// The verdict about a token whose signature decrypts to exactly this block of 256 bytes.
    func verdict(block: [UInt8]) async throws -> String {
        try #require(block.count == 256)
        let files = try TestDirectory()
        let key = try files.write(try receiver.issuer.key.pem().withBytes { $0 }, to: "key.pem", mode: 0o600)
        let made = try Shell.run(
            "openssl", "pkeyutl", "-decrypt", "-inkey", key, "-pkeyopt", "rsa_padding_mode:none", "-in",
            try files.write(block, to: "block")
        )
        try #require(made.output.count == 256, "\(made.standardError)")
        return await verdict(signature: made.output)
    }

    func verdict(signature: [UInt8]) async -> String {
        await receiver.verdict("\(input).\(Base64URL.encode(signature))")
    }

    /// `00 01 FF... 00`, the content, and perhaps something behind it; as much padding as there is room for, unless told otherwise.
    func block(_ content: [UInt8], padding: Int? = nil, behind: [UInt8] = [], type: UInt8 = 1, fill: UInt8 = 0xff) -> [UInt8] {
        let room = 256 - 3 - content.count - behind.count
        return [0, type] + [UInt8](repeating: fill, count: padding ?? room) + [0] + content + behind
    }

    @Test func acceptsTheOneRightPadding() async throws {
        #expect(try await verdict(block: block(Self.digestInfo + digest)) == "accepted")
    }

    @Test(arguments: [8, 32, 100]) func refusesGarbageBehindTheDigest(padding: Int) async throws {
        let content = Self.digestInfo + digest
        let garbage = [UInt8](repeating: 0x5a, count: 256 - 3 - padding - content.count)
        #expect(try await verdict(block: block(content, padding: padding, behind: garbage)) == "signature-invalid")
        let zeroes = [UInt8](repeating: 0, count: garbage.count)
        #expect(try await verdict(block: block(content, padding: padding, behind: zeroes)) == "signature-invalid")
    }

    @Test func refusesGarbageInsideTheDigestInfo() async throws {
        // The parameters are an octet string of garbage instead of NULL (CVE-2006-4339 and its many returns).
        for garbage in [1, 20, 90] {
            let parameters: [UInt8] = [0x04, UInt8(garbage)] + [UInt8](repeating: 0x5a, count: garbage)
            let algorithm = Self.digestInfo[4..<15] + parameters
            let body = [0x30, UInt8(algorithm.count)] + algorithm + [0x04, 0x20] + digest
            let info: [UInt8] = body.count < 128 ? [0x30, UInt8(body.count)] + body : [0x30, 0x81, UInt8(body.count)] + body
            #expect(try await verdict(block: block(info)) == "signature-invalid")
        }
    }

    @Test func refusesADigestInfoWithoutNULL() async throws {
        let info: [UInt8] = [0x30, 0x2f, 0x30, 0x0b] + Self.digestInfo[4..<15] + [0x04, 0x20] + digest
        #expect(try await verdict(block: block(info)) == "signature-invalid")
    }

    @Test func refusesADigestInfoThatIsNotDER() async throws {
        // Lengths in the long form, which a lax parser skips (BERserk, CVE-2014-1568).
        let long: [UInt8] = [0x30, 0x81, 0x31] + Self.digestInfo[2...] + digest
        #expect(try await verdict(block: block(long)) == "signature-invalid")
        let longer: [UInt8] = [0x30, 0x84, 0x00, 0x00, 0x00, 0x31] + Self.digestInfo[2...] + digest
        #expect(try await verdict(block: block(longer)) == "signature-invalid")
        let trailing: [UInt8] = [0x30, 0x33] + Self.digestInfo[2...] + digest + [0x05, 0x00]
        #expect(try await verdict(block: block(trailing)) == "signature-invalid")
    }

    @Test func refusesADigestWithoutItsInfo() async throws {
        #expect(try await verdict(block: block(digest)) == "signature-invalid")
        #expect(try await verdict(block: block([0x04, 0x20] + digest)) == "signature-invalid")
    }

    @Test func refusesOtherBlockTypesAndPaddings() async throws {
        let content = Self.digestInfo + digest
        #expect(try await verdict(block: block(content, type: 0)) == "signature-invalid")
        #expect(try await verdict(block: block(content, type: 2)) == "signature-invalid")
        #expect(try await verdict(block: block(content, fill: 0xfe)) == "signature-invalid")
        for position in [2, 100, 203] {
            var spoilt = block(content)
            try #require(spoilt[position] == 0xff)
            spoilt[position] = 0xfe
            #expect(try await verdict(block: spoilt) == "signature-invalid")
        }
        // No separator, and no first zero.
        #expect(
            try await verdict(block: [0, 1] + [UInt8](repeating: 0xff, count: 203) + content) == "signature-invalid")
        #expect(
            try await verdict(block: [1] + [UInt8](repeating: 0xff, count: 203) + [0] + content) == "signature-invalid")
    }

    @Test func refusesOtherDigestsUnderRS256() async throws {
        // The DigestInfo of SHA-1, SHA-384 and SHA-512, correctly signed.
        let files = try TestDirectory()
        let key = try files.write(try receiver.issuer.key.pem().withBytes { $0 }, to: "key.pem", mode: 0o600)
        let message = try files.write(input, to: "message")
        func verdict(_ options: String...) async throws -> String {
            let made = try Shell.run("openssl", ["dgst"] + options + ["-sign", key, message])
            try #require(made.output.count == 256, "\(made.standardError)")
            return await self.verdict(signature: made.output)
        }
        #expect(try await verdict("-sha256") == "accepted")
        for digest in ["-sha1", "-sha224", "-sha384", "-sha512"] {
            #expect(try await verdict(digest) == "signature-invalid")
        }
        // RSASSA-PSS (PS256) under a header that says RS256.
        #expect(
            try await verdict("-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")
                == "signature-invalid")
    }

    @Test func refusesTheSameSignatureWrittenAsALargerNumber() async throws {
        // s and s + n are the same to the RSA operation (RFC 8017 5.2.2 step 1).
        let modulus = receiver.issuer.key.publicKey.modulus
        for number in 0..<4000 {
            let token = try receiver.token { $0.tokenID = "\(number)" }
            let jws = try CompactJWS(Array(token.utf8))
            guard let larger = Self.sum(jws.signature, modulus) else { continue }
            let input = String(decoding: jws.signingInput, as: UTF8.self)
            #expect(await receiver.verdict(token) == "accepted")
            #expect(await receiver.verdict("\(input).\(Base64URL.encode(larger))") == "signature-invalid")
            return
        }
        #expect(modulus.first == 0xff, "with a smaller modulus one of 4000 signatures has room for it")
    }

    @Test func refusesASignatureStrippedOfItsFirstZero() async throws {
        for number in 0..<4000 {
            let token = try receiver.token { $0.tokenID = "\(number)" }
            let jws = try CompactJWS(Array(token.utf8))
            guard jws.signature.first == 0 else { continue }
            let input = String(decoding: jws.signingInput, as: UTF8.self)
            #expect(await receiver.verdict(token) == "accepted")
            let stripped = Array(jws.signature.dropFirst())
            #expect(await receiver.verdict("\(input).\(Base64URL.encode(stripped))") == "signature-invalid")
            return
        }
        Issue.record("none of 4000 signatures begins with a zero byte")
    }

    @Test func refusesKeysWithASmallExponent() throws {
        // With e = 3 a cube root forges suffix garbage. Such a key never gets into a set, whoever publishes it.
        let modulus = receiver.issuer.key.publicKey.modulus
        #expect(throws: Never.self) { try RSAPublicKey(modulus: modulus, exponent: [1, 0, 1]) }
        for exponent: [UInt8] in [[3], [17], [1], [1, 0, 0], [1, 0, 3], [0, 1, 0, 1], []] {
            #expect(throws: CryptoError(.weakKey, "")) { try RSAPublicKey(modulus: modulus, exponent: exponent) }
        }
        let good = receiver.issuer.keySet()
        #expect(throws: Never.self) { try JWKSet(json: Array(good.utf8)) }
        let small = #expect(throws: JOSEError.self) { try JWKSet(json: Array(receiver.issuer.keySet(exponent: [3]).utf8)) }
        #expect(small?.code == .keyWeak)
    }

    /// The sum of two numbers of 256 bytes, if it is one.
    private static func sum(_ left: [UInt8], _ right: [UInt8]) -> [UInt8]? {
        var (sum, carry) = ([UInt8](), 0)
        for (a, b) in zip(left, right).reversed() {
            let digit = Int(a) + Int(b) + carry
            sum.append(UInt8(digit & 0xff))
            carry = digit >> 8
        }
        return carry == 0 ? sum.reversed() : nil
    }
}
