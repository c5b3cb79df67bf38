import CountersignCrypto
import Testing

@Suite struct RSAKeyTests {
    let key: RSAPrivateKey

    init() throws {
        key = try RSAPrivateKey.generate()
    }

    @Test func verifiesItsOwnSignatureAndNoOther() throws {
        let message = Array("header.payload".utf8)
        let signature = try key.signature(for: message)
        #expect(try key.publicKey.isValidSignature(signature, for: message))
        #expect(try !key.publicKey.isValidSignature(signature, for: message + [0]))
        #expect(try !key.publicKey.isValidSignature(Array(signature.dropLast()), for: message))
        #expect(try !key.publicKey.isValidSignature(signature + [0], for: message))
        #expect(try !key.publicKey.isValidSignature([], for: message))
        for bit in [0, 7, 1000, 2047] {
            var flipped = signature
            flipped[bit / 8] ^= 1 << (bit % 8)
            #expect(try !key.publicKey.isValidSignature(flipped, for: message))
        }
        // Numbers that are no signature at all are wrong signatures, not failures to check.
        #expect(try !key.publicKey.isValidSignature([UInt8](repeating: 0xff, count: 256), for: message))
        #expect(try !key.publicKey.isValidSignature([UInt8](repeating: 0, count: 256), for: message))
        #expect(try !key.publicKey.isValidSignature([UInt8](repeating: 0, count: 255) + [1], for: message))
        #expect(try !key.publicKey.isValidSignature(key.publicKey.modulus, for: message))
        #expect(try key.publicKey.isValidSignature(signature, for: message))
        #expect(try !RSAPrivateKey.generate().publicKey.isValidSignature(signature, for: message))
    }

    @Test func keepsAPublicKeyThroughItsNumbersAndThroughPEM() throws {
        let numbers = try RSAPublicKey(modulus: key.publicKey.modulus, exponent: key.publicKey.exponent)
        let pem = try RSAPublicKey(pem: Array(key.publicKey.pem().utf8))
        #expect(numbers == key.publicKey)
        #expect(pem == key.publicKey)
        let message = [UInt8]("m".utf8)
        #expect(try numbers.isValidSignature(key.signature(for: message), for: message))
    }

    @Test func refusesWeakAndMalformedNumbers() throws {
        let modulus = key.publicKey.modulus
        #expect(throws: CryptoError(.weakKey, "")) { try RSAPublicKey(modulus: modulus, exponent: [3]) }
        #expect(throws: CryptoError(.weakKey, "")) { try RSAPublicKey(modulus: modulus, exponent: [0, 1, 0, 1]) }
        // Of 2040 bits, whatever the bits are.
        let short = [0x80 | modulus[1]] + modulus.dropFirst(2)
        #expect(throws: CryptoError(.weakKey, "")) { try RSAPublicKey(modulus: short, exponent: [1, 0, 1]) }
        #expect(throws: CryptoError(.malformedKey, "")) { try RSAPublicKey(modulus: [0] + modulus, exponent: [1, 0, 1]) }
        #expect(throws: CryptoError(.malformedKey, "")) { try RSAPublicKey(modulus: [], exponent: [1, 0, 1]) }
        #expect(throws: CryptoError(.weakKey, "")) { try RSAPrivateKey.generate(bitCount: 1024) }
    }

    @Test func readsEncryptedKeysOnlyWithTheirPassphrase() throws {
        let secret = Array("correct horse".utf8)
        let encrypted = try key.pem(passphrase: secret)
        let text = encrypted.withBytes { String(decoding: $0, as: UTF8.self) }
        #expect(text.contains("BEGIN ENCRYPTED PRIVATE KEY"))
        #expect(try RSAPrivateKey(pem: Array(text.utf8), passphrase: secret).publicKey == key.publicKey)
        #expect(throws: CryptoError(.wrongPassphrase, "")) { try RSAPrivateKey(pem: Array(text.utf8)) }
        #expect(throws: CryptoError(.wrongPassphrase, "")) { try RSAPrivateKey(pem: Array(text.utf8), passphrase: [1]) }
        let plain = try key.pem().withBytes { $0.map { $0 } }
        #expect(try RSAPrivateKey(pem: plain).publicKey == key.publicKey)
        #expect(throws: CryptoError(.malformedKey, "")) { try RSAPrivateKey(pem: Array("gibberish".utf8)) }
        let elliptic = try PrivateKey.generate(.ecP256).pem().withBytes { $0.map { $0 } }
        #expect(throws: CryptoError(.unsupportedKey, "")) { try RSAPrivateKey(pem: elliptic) }
    }

    @Test func signsAndVerifiesFromManyTasksAtOnce() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask { [key] in
                    let message = Array("message \(number)".utf8)
                    let signature = try key.signature(for: message)
                    return try key.publicKey.isValidSignature(signature, for: message)
                        && !key.publicKey.isValidSignature(signature, for: message + [1])
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }
}
