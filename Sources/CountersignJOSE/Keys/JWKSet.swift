internal import CountersignJSON

/// The public keys of an issuer (RFC 7517 section 5): never empty, each key once, looked up by exact identifier.
public struct JWKSet: Sendable {
    /// The most keys a set may have.
    public static let maxKeys = 64
    /// The most bytes a published set may have.
    public static let maxBytes = 256 * 1024

    /// The keys in their order.
    public let keys: [JWK]
    /// The set as JSON text, `{"keys":[...]}`, ready to be published as `application/jwk-set+json`. Public members only.
    public let json: [UInt8]

    private let indices: [KeyID: Int]

    /// A set of these keys, in this order.
    ///
    /// - Throws: ``JOSEError``: `keySetEmpty`, `keySetTooLarge` or `keySetDuplicate`.
    public init(_ keys: [JWK]) throws(JOSEError) {
        guard !keys.isEmpty else {
            throw JOSEError(.keySetEmpty, "The key set has no RSA key for RS256.")
        }
        guard keys.count <= JWKSet.maxKeys else {
            throw JOSEError(.keySetTooLarge, "The key set has \(keys.count) keys; at most \(JWKSet.maxKeys) are accepted.")
        }
        var indices: [KeyID: Int] = [:]
        for (index, key) in keys.enumerated() {
            guard indices.updateValue(index, forKey: key.kid) == nil else {
                throw JOSEError(.keySetDuplicate, member: "kid", "The key set has the key \(key.kid) twice.")
            }
        }
        self.keys = keys
        self.indices = indices
        do {
            json = try JSONWriter.bytes(["keys": .array(keys.map { .object($0.json) })])
        } catch {
            throw JOSEError(.operationFailed, error.message)
        }
    }

    /// Reads a published set.
    ///
    /// Keys of another kind, use or algorithm are ignored (RFC 7517 section 5) and count towards the bound. A key that claims
    /// to be one of ours and is wrong spoils the whole set, and so does a private member on any key: a set is taken as it
    /// was published or not at all.
    ///
    /// - Throws: ``JOSEError``: `keySetMalformed`, `keySetTooLarge`, `keySetDuplicate`, `keySetEmpty` when nothing usable is
    ///   left, or what ``JWK/init(json:)`` throws.
    public init(json bytes: [UInt8]) throws(JOSEError) {
        let set: JSONObject
        do {
            set = try JSONReader.parseObject(bytes, limits: JSONLimits(maxBytes: JWKSet.maxBytes))
        } catch {
            throw JOSEError(.keySetMalformed, error.message)
        }
        guard let entries = set.array("keys") else {
            throw JOSEError(.keySetMalformed, member: "keys", "The key set's \"keys\" is missing or not an array.")
        }
        guard entries.count <= JWKSet.maxKeys else {
            throw JOSEError(.keySetTooLarge, "The key set has \(entries.count) keys; at most \(JWKSet.maxKeys) are accepted.")
        }
        var keys: [JWK] = []
        for entry in entries {
            guard let key = entry.object else {
                throw JOSEError(.keySetMalformed, member: "keys", "The key set's \"keys\" has an element that is not an object.")
            }
            try JWK.refusePrivateMembers(of: key)
            if !JWK.isForeign(key) {
                keys.append(try JWK(json: key))
            }
        }
        try self.init(keys)
    }

    /// The key with exactly this identifier, or nil. There is no fallback to any other key.
    public subscript(_ kid: KeyID) -> JWK? {
        indices[kid].map { keys[$0] }
    }
}
