public import CountersignCrypto
public import CountersignJOSE
internal import CountersignJSON

extension RevocationStatus {
    /// The status document: the payload, signed.
    ///
    /// - Throws: ``StatusError``: `malformed` when it would be longer than ``maxBytes``, `unsigned`.
    public func document(signedBy signer: TokenSigner) throws(StatusError) -> [UInt8] {
        let document: [UInt8]
        do {
            document = try signer.statement(type: Self.type, payload: try json())
        } catch let error as StatusError {
            throw error
        } catch {
            throw StatusError(.unsigned, "the status could not be signed: \(error)")
        }
        guard document.count <= Self.maxBytes else {
            throw StatusError(.malformed, "the status would have \(document.count) bytes; at most \(Self.maxBytes) are accepted")
        }
        return document
    }

    /// The key that is said to have signed a document: the one that a receiver has to have.
    ///
    /// - Throws: ``StatusError`` with code `malformed`.
    public static func keyID(of document: [UInt8]) throws(StatusError) -> KeyID {
        try statement(document).kid
    }

    /// Reads and checks a document: form, type, signature, issuer, times. A document signed by a key that it revokes itself is
    /// refused: whoever has that key could have made it.
    ///
    /// - Parameters:
    ///   - keys: a set that was fetched at or after the document, or the document could be one of a key that is no longer good.
    ///   - leeway: by how many seconds the clocks may differ.
    /// - Throws: ``StatusError``.
    public init(
        verifying document: [UInt8], with keys: JWKSet, issuer expected: String, at now: Timestamp, leeway: Int64 = 60
    ) throws(StatusError) {
        let statement = try Self.statement(document)
        guard let key = keys[statement.kid] else {
            throw StatusError(.keyUnknown, "the status is signed by \(statement.kid), which is not in the key set")
        }
        do {
            guard try statement.isSigned(by: key) else {
                throw StatusError(.unsigned, "the signature of the status is not by the key \(key.kid)")
            }
        } catch let error as StatusError {
            throw error
        } catch {
            throw StatusError(.unsigned, "\(error)")
        }
        try self.init(json: statement.payload)
        guard issuer.hasSameUTF8(as: expected) else {
            throw StatusError(.issuer, "the status is of another issuer")
        }
        guard issuedAt <= now.adding(seconds: leeway), expiresAt > now.adding(seconds: -leeway) else {
            throw StatusError(
                .stale, "the status holds from \(issuedAt) to \(expiresAt), and it is \(now)"
            )
        }
        guard !revocations.keyIDs.contains(key.kid) else {
            throw StatusError(.keyUnknown, "the status is signed by \(key.kid), which it says is revoked")
        }
    }

    private static func statement(_ document: [UInt8]) throws(StatusError) -> TypedStatement {
        do {
            return try TypedStatement(document, type: type, maxBytes: maxBytes)
        } catch {
            throw StatusError(.malformed, "the status is not a status document: \(error.message)")
        }
    }
}
