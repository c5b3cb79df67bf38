import CountersignCrypto
import CountersignTesting
import Testing

@Suite struct SHA256Tests {
    /// FIPS 180-4 examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func computesTheKnownDigests(text: String, hex: String) {
        let digest = SHA256.digest(of: Array(text.utf8))
        #expect(digest.hex == hex)
        #expect(digest.description == hex)
        #expect(SHA256Digest(bytes: digest.bytes) == digest)
    }

    @Test func isThirtyTwoBytesLong() {
        #expect(SHA256Digest(bytes: []) == nil)
        #expect(SHA256Digest(bytes: [UInt8](repeating: 0, count: 31)) == nil)
        #expect(SHA256Digest(bytes: [UInt8](repeating: 0, count: 33)) == nil)
        #expect(SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)) != SHA256.digest(of: []))
    }

    @Test(arguments: [0, 15, 31]) func differsWithEachOfItsBytes(place: Int) {
        let digest = SHA256.digest(of: [])
        var bytes = digest.bytes
        #expect(SHA256Digest(bytes: bytes) == digest)
        bytes[place] ^= 1
        #expect(SHA256Digest(bytes: bytes) != digest)
    }
}

@Suite struct SecureRandomTests {
    @Test func givesAsManyBytesAsAskedAndNeverTheSame() throws {
        #expect(try SecureRandom.bytes(0).isEmpty)
        #expect(try SecureRandom.bytes(1024).count == 1024)
        #expect(try Set((0..<1000).map { _ in try SecureRandom.bytes(16) }).count == 1000)
        #expect(throws: CryptoError(.operationFailed, "")) { try SecureRandom.bytes(1025) }
        #expect(throws: CryptoError(.operationFailed, "")) { try SecureRandom.bytes(-1) }
    }
}

@Suite struct SecretBytesTests {
    @Test func lendsItsBytes() throws {
        let secret = SecretBytes([1, 2, 3])
        #expect(secret.withBytes { $0 } == [1, 2, 3])
        #expect(secret.withBytes { $0.count } == 3)
        #expect(SecretBytes([]).withBytes { $0.isEmpty })
    }

    @Test func passesOnWhatItsBorrowerThrows() {
        struct Refused: Error, Equatable {}
        let secret = SecretBytes([1])
        #expect(throws: Refused()) { try secret.withBytes { (_) throws(Refused) -> Int in throw Refused() } }
    }

    @Test func leavesTheCopyOfItsMakerAlone() {
        let original: [UInt8] = [1, 2, 3]
        do {
            let secret = SecretBytes(original)
            #expect(secret.withBytes { $0 } == original)
        }
        #expect(original == [1, 2, 3])
    }
}

@Suite struct CryptoErrorTests {
    @Test func isComparedByItsCodeAndPrintsItsMessage() {
        let error = CryptoError(.malformedKey, "not a PEM private key")
        #expect(error == CryptoError(.malformedKey, "another message"))
        #expect(error != CryptoError(.weakKey, "not a PEM private key"))
        #expect("\(error)" == "not a PEM private key")
        #expect("\(error.code)" == "malformed-key")
        #expect("\(PathFailure(.expired, "long ago"))" == "certificate-expired: long ago")
        #expect(PathFailure(.expired, "a") == PathFailure(.expired, "b"))
    }

    /// A failure leaves nothing in OpenSSL's queue for the next caller to be blamed for.
    @Test func aFailureDoesNotSpillIntoTheNextCall() throws {
        let authority = try TestAuthority()
        for _ in 0..<50 {
            #expect(throws: CryptoError.self) { try Certificate(der: [0x30, 0x03, 1, 2, 3]) }
            #expect(throws: CryptoError.self) { try PrivateKey(pem: Array("-----BEGIN PRIVATE KEY-----\nMAA=\n".utf8)) }
            let error = #expect(throws: CryptoError.self) { try Certificate.parsePEM(Array("nothing".utf8)) }
            #expect(error?.message == "no CERTIFICATE block")
            #expect(try Certificate.parsePEM(Array(authority.certificate.pem.utf8)).count == 1)
        }
    }
}
