internal import CountersignJSON

/// The issuer's public keys as a receiver uses them: looked up by what a token's header says, and by nothing looser.
///
/// One value is one state of the set; a new set is a new value. For the tokens of a known key the whole header is compared
/// with the bytes the issuer writes, so that no header has to be parsed on the usual path. Any other header is parsed
/// strictly and its `kid` looked up exactly.
public final class KeySet: Sendable {
    public let keys: JWKSet
    private let headers: [(segment: [UInt8], key: JWK)]

    public init(_ keys: JWKSet) {
        self.keys = keys
        headers = keys.keys.map { (TokenHeader.encodedSegment(kid: $0.kid), $0) }
    }

    /// The key of a token with exactly this header segment, if the issuer would have written it so.
    func key(forHeaderSegment segment: ArraySlice<UInt8>) -> JWK? {
        // A set has a handful of keys: comparing with each costs less than hashing once.
        headers.indices.first { segment.hasSameBytes(as: headers[$0].segment) }.map { headers[$0].key }
    }

    /// The key with this identifier; there is no default key and no trying of others.
    func key(_ kid: KeyID) -> JWK? {
        keys[kid]
    }
}
