import CountersignCrypto
import CountersignTesting
import Foundation
import Testing

/// Keys and signatures between us and the `openssl` command.
@Suite struct KeyInteroperationTests {
    let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    func openSSL(_ arguments: String...) throws -> Shell.Result {
        let result = try Shell.run("openssl", arguments)
        #expect(result.succeeded, "openssl \(arguments.joined(separator: " ")): \(result)")
        return result
    }

    @Test(arguments: KeyKind.allCases)
    func openSSLReadsTheKeysWeWrite(kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let file = try directory.write(try key.pem().withBytes { $0 }, to: "key.pem", mode: 0o600)
        _ = try openSSL("pkey", "-in", file, "-noout", "-check")
        #expect(try openSSL("pkey", "-in", file, "-pubout", "-outform", "DER").output == key.publicKey.subjectPublicKeyInfo)
        #expect(try PrivateKey(pem: directory.read("key.pem")).publicKey == key.publicKey)
    }

    @Test(arguments: [
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout"],
        ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        ["genrsa", "-traditional"],
        ["genpkey", "-algorithm", "ED25519"],
    ])
    func weReadTheKeysOpenSSLWrites(command: [String]) throws {
        let written = try Shell.run("openssl", [command[0], "-out", directory.path("key.pem")] + command.dropFirst())
        #expect(written.succeeded, "\(written)")
        let key = try PrivateKey(pem: directory.read("key.pem"))
        let publicKey = try openSSL("pkey", "-in", directory.path("key.pem"), "-pubout", "-outform", "DER").output
        #expect(key.publicKey.subjectPublicKeyInfo == publicKey)
    }

    @Test func encryptedKeysGoBothWays() throws {
        let key = try RSAPrivateKey.generate()
        let ours = try directory.write(try key.pem(passphrase: Array("correct horse".utf8)).withBytes { $0 }, to: "ours.pem")
        _ = try openSSL("pkey", "-in", ours, "-passin", "pass:correct horse", "-noout")
        let form = try openSSL("asn1parse", "-in", ours).standardOutput
        #expect(form.contains("PBKDF2") && form.contains("hmacWithSHA256") && form.contains("aes-256-cbc"))
        // 600,000 rounds.
        #expect(form.contains("INTEGER           :0927C0"), "\(form)")
        #expect(try !Shell.run("openssl", "pkey", "-in", ours, "-passin", "pass:wrong", "-noout").succeeded)
        _ = try openSSL(
            "genpkey", "-algorithm", "RSA", "-aes-256-cbc", "-pass", "pass:battery staple", "-out", directory.path("theirs.pem")
        )
        let theirs = try directory.read("theirs.pem")
        #expect(try RSAPrivateKey(pem: theirs, passphrase: Array("battery staple".utf8)).publicKey.bitCount == 2048)
        #expect(throws: CryptoError(.wrongPassphrase, "")) { try RSAPrivateKey(pem: theirs) }
        #expect(throws: CryptoError(.wrongPassphrase, "")) { try RSAPrivateKey(pem: theirs, passphrase: Array("guess".utf8)) }
        _ = try openSSL(
            "genrsa", "-traditional", "-aes128", "-passout", "pass:old", "-out", directory.path("traditional.pem"), "2048"
        )
        let traditional = try directory.read("traditional.pem")
        #expect(try RSAPrivateKey(pem: traditional, passphrase: Array("old".utf8)).publicKey.bitCount == 2048)
        #expect(throws: CryptoError(.wrongPassphrase, "")) { try RSAPrivateKey(pem: traditional) }
    }

    @Test func passphrasesThatWouldBeCutShortAreRefused() throws {
        let key = try RSAPrivateKey.generate()
        for passphrase in [[], Array("a\u{0}b".utf8), [UInt8](repeating: 0x61, count: 1001)] as [[UInt8]] {
            #expect(throws: CryptoError(.wrongPassphrase, "")) { _ = try key.pem(passphrase: passphrase) }
        }
        let longest = [UInt8](repeating: 0x61, count: 1000)
        let pem = try key.pem(passphrase: longest).withBytes { $0 }
        #expect(try RSAPrivateKey(pem: pem, passphrase: longest).publicKey == key.publicKey)
        #expect(throws: CryptoError(.wrongPassphrase, "")) { try RSAPrivateKey(pem: pem, passphrase: Array(longest.dropLast())) }
    }

    @Test func signaturesGoBothWays() throws {
        let key = try RSAPrivateKey.generate(bitCount: 3072)
        let message = Array("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0".utf8)
        let privateKey = try directory.write(try key.pem().withBytes { $0 }, to: "key.pem", mode: 0o600)
        let publicKey = try directory.write(try key.publicKey.pem(), to: "public.pem")
        let input = try directory.write(message, to: "message")
        let signature = try directory.write(try key.signature(for: message), to: "signature")
        #expect(
            try openSSL("dgst", "-sha256", "-verify", publicKey, "-signature", signature, input).standardOutput == "Verified OK"
        )
        let theirs = try openSSL("dgst", "-sha256", "-sign", privateKey, input).output
        #expect(try key.publicKey.isValidSignature(theirs, for: message))
        #expect(try theirs == key.signature(for: message), "PKCS #1 v1.5 is deterministic")
        // The right key and padding with the wrong digest, and PSS, are not RS256.
        let sha512 = try openSSL("dgst", "-sha512", "-sign", privateKey, input).output
        #expect(try !key.publicKey.isValidSignature(sha512, for: message))
        let pss = try openSSL("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sign", privateKey, input).output
        #expect(try !key.publicKey.isValidSignature(pss, for: message))
    }

    @Test func refusesKeysThatAreTooWeakOrOfAnotherKind() throws {
        func key(_ command: String...) throws -> [UInt8] {
            let result = try Shell.run("openssl", command)
            #expect(result.succeeded, "\(result)")
            return result.output
        }
        let short = try key("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
        #expect(throws: CryptoError(.weakKey, "")) { try RSAPrivateKey(pem: short) }
        let three = try key("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:3")
        #expect(throws: CryptoError(.weakKey, "")) { try RSAPrivateKey(pem: three) }
        for other in [["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], ["ED25519"], ["RSA-PSS"]] {
            let pem = try Shell.run("openssl", ["genpkey", "-algorithm"] + other).output
            #expect(throws: CryptoError(.unsupportedKey, ""), "\(other)") { try RSAPrivateKey(pem: pem) }
            let publicPEM = try Shell.run("openssl", ["pkey", "-pubout"], input: pem).output
            #expect(throws: CryptoError(.unsupportedKey, ""), "\(other)") { try RSAPublicKey(pem: publicPEM) }
        }
    }

    @Test(arguments: ["", "gibberish", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "\u{0}"])
    func refusesTextThatIsNoKey(text: String) {
        let error = CryptoError(text.isEmpty ? .malformedPEM : .malformedKey, "")
        #expect(throws: error) { try PrivateKey(pem: Array(text.utf8)) }
        #expect(throws: error) { try RSAPrivateKey(pem: Array(text.utf8)) }
        #expect(throws: error) { try RSAPublicKey(pem: Array(text.utf8)) }
    }

    @Test func aPublicKeyIsNotAPrivateKey() throws {
        let key = try RSAPrivateKey.generate()
        #expect(throws: CryptoError(.malformedKey, "")) { try RSAPrivateKey(pem: Array(key.publicKey.pem().utf8)) }
        let privatePEM = try key.pem().withBytes { $0 }
        #expect(throws: CryptoError(.malformedKey, "")) { try RSAPublicKey(pem: privatePEM) }
    }

    @Test func aKeyMatchesItsCertificateOnly() throws {
        let authority = try TestAuthority()
        let (one, other) = (try authority.issue("a"), try authority.issue("a"))
        #expect(one.key.matches(one.certificate))
        #expect(!one.key.matches(other.certificate))
    }

    @Test func aPrivateKeyWhoseNumbersAreNotThoseOfItsPublicKeyIsRefused() throws {
        func numbers(_ name: String) throws -> [[UInt8]] {
            _ = try openSSL("genrsa", "-traditional", "-out", directory.path(name), "2048")
            let der = try openSSL("rsa", "-in", directory.path(name), "-traditional", "-outform", "DER").output
            // Past the outer tag and its length of two bytes; then nine integers.
            var (numbers, at): ([[UInt8]], Int) = ([], 4)
            while at < der.count {
                let long = Int(der[at + 1]) - 128
                let (start, count) =
                    long < 0
                    ? (at + 2, long + 128) : (at + 2 + long, der[(at + 2)..<(at + 2 + long)].reduce(0) { $0 << 8 | Int($1) })
                numbers.append(Array(der[at..<(start + count)]))
                at = start + count
            }
            return numbers
        }
        func pem(_ numbers: [[UInt8]]) -> [UInt8] {
            let body = numbers.flatMap { $0 }
            let der = [0x30, 0x82, UInt8(body.count >> 8), UInt8(body.count & 0xff)] + body
            let text = Data(der).base64EncodedString(options: .lineLength64Characters)
            return Array("-----BEGIN RSA PRIVATE KEY-----\n\(text)\n-----END RSA PRIVATE KEY-----\n".utf8)
        }
        let (first, second) = (try numbers("first.pem"), try numbers("second.pem"))
        #expect(first.count == 9)
        #expect(try RSAPrivateKey(pem: pem(first)).publicKey.bitCount == 2048)
        #expect(throws: CryptoError(.malformedKey, "")) { try RSAPrivateKey(pem: pem(Array(first[..<3] + second[3...]))) }
        #expect(throws: CryptoError(.malformedKey, "")) { try PrivateKey(pem: pem(Array(first[..<3] + second[3...]))) }
    }

    @Test func anEllipticKeyWithThePublicHalfOfAnotherIsRefused() throws {
        func der(_ name: String) throws -> [UInt8] {
            _ = try openSSL("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", directory.path(name))
            return try openSSL("ec", "-in", directory.path(name), "-outform", "DER").output
        }
        let (first, second) = (try der("first.pem"), try der("second.pem"))
        func pem(_ der: [UInt8]) -> [UInt8] {
            let text = Data(der).base64EncodedString(options: .lineLength64Characters)
            return Array("-----BEGIN EC PRIVATE KEY-----\n\(text)\n-----END EC PRIVATE KEY-----\n".utf8)
        }
        // The public half, 65 bytes of a point, comes last.
        #expect(throws: Never.self) { try PrivateKey(pem: pem(first)) }
        #expect(throws: CryptoError(.malformedKey, "")) { try PrivateKey(pem: pem(first.dropLast(65) + second.suffix(65))) }
    }
}
