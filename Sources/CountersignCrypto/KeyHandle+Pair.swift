internal import COpenSSL

extension KeyHandle {
    /// Proves that the private part of a key that was read belongs to the public one: what would be published, or certified, is
    /// another key otherwise. An RSA key makes a signature, which also covers the numbers that only make it faster.
    func requirePair() throws(CryptoError) {
        guard isRSA ? provesItself() : try passesCheck() else {
            throw CryptoError(.malformedKey, "the private part of the key does not belong to its public one")
        }
    }

    private func provesItself() -> Bool {
        let message = Array("countersign".utf8)
        do {
            let signers = SignatureContextPool(key: self, use: .sign)
            let signature = try signers.signature(for: message, byteCount: (bitCount + 7) / 8)
            return try SignatureContextPool(key: self, use: .verify).isValid(signature, for: message)
        } catch {
            return false
        }
    }

    private func passesCheck() throws(CryptoError) -> Bool {
        let context = try OpenSSL.make("out of memory") {
            withPointer { key in unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) }
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        let isPair = unsafe EVP_PKEY_pairwise_check(context) == 1
        OpenSSL.clear()
        return isPair
    }
}
