internal import CountersignCrypto
internal import CountersignFiles
internal import CountersignJOSE
internal import Foundation

// All private keys of a ring are under one passphrase, or under none.
extension KeyRingDirectory {
    /// Refuses to add a key under another passphrase than that of the keys that are there: the issuer could not open it.
    ///
    /// One key that opens is proof enough. Those whose files are missing or damaged prove nothing either way.
    func refuseOtherPassphrase(than ring: KeyRing) throws(KeyRingError) {
        var refusal: KeyRingError?
        for key in ring.ableToSign {
            guard let isEncrypted = try isEncrypted(key) else {
                continue
            }
            guard isEncrypted else {
                if passphrase != nil {
                    refusal = refusal ?? notEncrypted
                }
                continue
            }
            do {
                _ = try privateKey(for: key)
                return
            } catch let error where error.code == .passphrase || error.code == .permissions {
                refusal = error
            } catch {
                continue
            }
        }
        if let refusal {
            throw refusal
        }
    }

    /// Encrypts every private key under a new passphrase, those too that are kept although they can sign no more. Nil when another
    /// writer holds the lock.
    ///
    /// All are opened before one is written. When it is cut off in between, some are under the new one: the same call again goes
    /// on from there.
    func changePassphraseUnlessLocked(to new: PassphraseSource) throws(KeyRingError) -> Bool? {
        let next = KeyRingDirectory(path, passphrase: new, observer: observer)
        return try withLock {
            guard let ring = try load(unless: nil)?.ring else {
                return true
            }
            _ = try new.secret()
            var pems: [(path: String, pem: SecretText)] = []
            for key in ring.ableToSign where FileManager.default.fileExists(atPath: privateKeyPath(key.kid)) {
                let opened = try opened(orBy: next) { directory throws(KeyRingError) in try directory.privateKey(for: key) }
                pems.append((privateKeyPath(key.kid), SecretText(try next.pem(of: opened))))
            }
            let keptKeyPaths = try keptKeyPaths()
            for path in keptKeyPaths {
                let hint = "move the file away if nobody needs it"
                let opened = try opened(orBy: next) { directory throws(KeyRingError) in
                    try directory.privateKey(in: path, hint: hint)
                }
                pems.append((path, SecretText(try next.pem(of: opened))))
            }
            for (path, text) in pems {
                try text.pem.withBytes { bytes throws(SystemError) in try replace(path, with: bytes) }
            }
            try syncInForce()
            if !keptKeyPaths.isEmpty {
                try openRetired().sync()
            }
            return true
        }
    }

    private func keptKeyPaths() throws(SystemError) -> [String] {
        do throws(SystemError) {
            _ = try openRetired()
        } catch let error where error.isNotFound {
            return []
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: retiredPath)) ?? []
        return names.filter { $0.hasSuffix(".pem") }.sorted().map { "\(retiredPath)/\($0)" }
    }

    /// A private key, also when a change that was cut off has put it under the next passphrase already.
    private func opened(
        orBy next: KeyRingDirectory, _ open: (KeyRingDirectory) throws(KeyRingError) -> RSAPrivateKey
    ) throws(KeyRingError) -> RSAPrivateKey {
        do {
            return try open(self)
        } catch {
            guard error.code == .passphrase, let opened = try? open(next) else {
                throw error
            }
            return opened
        }
    }

    /// The text of a private key, encrypted if there is a passphrase.
    func pem(of key: RSAPrivateKey) throws -> SecretBytes {
        guard let passphrase else {
            return try key.pem()
        }
        return try passphrase.secret().withBytes { secret throws(CryptoError) in try key.pem(passphrase: secret) }
    }

    /// Nil when there is no such file that could be read.
    private func isEncrypted(_ key: JWK) throws(KeyRingError) -> Bool? {
        let pem: SecretBytes
        do {
            pem = try readPEM(privateKeyPath(key.kid), hint: "")
        } catch {
            return nil
        }
        return Self.isEncrypted(pem)
    }

    private var notEncrypted: KeyRingError {
        KeyRingError(
            .passphrase, "the private keys in \(path) are not encrypted, and a passphrase was given",
            hint: "countersign keys passphrase --keys \(path) --new-passphrase SOURCE encrypts them; or give none"
        )
    }

    /// Holds what cannot be copied in a list.
    private final class SecretText {
        let pem: SecretBytes

        init(_ pem: consuming SecretBytes) {
            self.pem = pem
        }
    }
}

extension KeyRing {
    /// The keys whose private keys are kept because they sign, will sign or have signed: the signing one first.
    var ableToSign: [JWK] {
        [signing.jwk] + (announced.map { [$0.jwk] } ?? []) + retiring.map(\.signing.jwk)
    }
}
