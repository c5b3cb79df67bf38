public import CountersignCrypto
internal import CountersignJOSE
internal import CountersignJSON

/// What an issuer says is revoked and denied, for how long that holds, and how often to ask again: the payload of the status
/// document.
///
/// The document is a compact JWS by RS256 with the `typ` ``type``. Claims: `iss`, `iat` and `exp` (RFC 7519), `ttl` (how often
/// to fetch, in seconds, as in Token Status Lists), and `number`, `keys`, `services`, `certificates`, `public_keys`, which are
/// described in docs/reference/http.md. It holds the whole state each time, so a receiver that missed one has missed nothing.
public struct RevocationStatus: Sendable, Hashable {
    /// The `typ` of the document.
    public static let type = "countersign-status+jwt"
    /// The most bytes a document may have.
    public static let maxBytes = 512 * 1024

    /// The issuer, exactly as in tokens.
    public let issuer: String
    /// When it was signed.
    public let issuedAt: Timestamp
    /// Until when it holds.
    public let expiresAt: Timestamp
    /// How often to fetch, in seconds.
    public let poll: Int64
    /// Grows with every change. A receiver never goes back.
    public let number: Int64
    /// What is revoked and denied.
    public let revocations: Revocations

    public init(
        issuer: String, issuedAt: Timestamp, expiresAt: Timestamp, poll: Int64, number: Int64, revocations: Revocations
    ) {
        self.issuer = issuer
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.poll = poll
        self.number = number
        self.revocations = revocations
    }

    /// How long it holds from when it was signed, in seconds.
    public var lifetime: Int64 { max(0, expiresAt.seconds(since: issuedAt)) }
}

extension RevocationStatus {
    /// The payload as JSON text. Lists are sorted, so that the same state is the same text.
    ///
    /// - Throws: ``StatusError`` with code `malformed`.
    public func json() throws(StatusError) -> [UInt8] {
        let services = revocations.services.map { ($0, Timestamp?.none) } + revocations.servicesNotBefore.map { ($0, $1) }
        let members: JSONObject = [
            "iss": .string(issuer), "iat": .integer(issuedAt.secondsSince1970), "exp": .integer(expiresAt.secondsSince1970),
            "ttl": .integer(poll), "number": .integer(number),
            "keys": .array(revocations.keyIDs.map(\.rawValue).sorted().map { .string($0) }),
            "services": .array(
                services.sorted { $0.0 < $1.0 }.map { name, notBefore in
                    var object: JSONObject = ["id": .string(name)]
                    if let notBefore { object.append("not_before", .integer(notBefore.secondsSince1970)) }
                    return .object(object)
                }
            ),
            "certificates": .array(revocations.certificateSerials.sorted().map { .string($0) }),
            "public_keys": .array(revocations.publicKeys.map(\.hex).sorted().map { .string($0) }),
        ]
        do {
            return try JSONWriter.bytes(.object(members))
        } catch {
            throw StatusError(.malformed, error.message)
        }
    }

    /// Reads a payload. Members that are not known are ignored: a later issuer may say more, but never less.
    ///
    /// - Throws: ``StatusError`` with code `malformed`.
    public init(json bytes: [UInt8]) throws(StatusError) {
        let object: JSONObject
        do {
            object = try JSONReader.parseObject(bytes, limits: JSONLimits(maxBytes: Self.maxBytes))
        } catch {
            throw StatusError(.malformed, error.message)
        }
        func required<Value>(_ name: String, _ read: (String) -> Value?) throws(StatusError) -> Value {
            guard let value = read(name) else { throw StatusError(.malformed, "\(name) is missing or of another type") }
            return value
        }
        issuer = try required("iss", object.string)
        issuedAt = Timestamp(secondsSince1970: try required("iat", object.integer))
        expiresAt = Timestamp(secondsSince1970: try required("exp", object.integer))
        poll = try required("ttl", object.integer)
        number = try required("number", object.integer)
        guard poll > 0, number >= 0, expiresAt > issuedAt else {
            throw StatusError(.malformed, "iat, exp, ttl or number is out of range")
        }
        var revocations = Revocations()
        for text in try required("keys", object.strings) {
            guard let kid = KeyID(text) else { throw StatusError(.malformed, "keys has an element that is no kid") }
            revocations.keyIDs.insert(kid)
        }
        for element in try required("services", object.array) {
            guard let service = element.object, let id = service.string("id") else {
                throw StatusError(.malformed, "services has an element without id")
            }
            guard service["not_before"] != nil else {
                revocations.services.insert(id)
                continue
            }
            guard let seconds = service.integer("not_before") else {
                throw StatusError(.malformed, "services has a not_before that is no time")
            }
            revocations.servicesNotBefore[id] = Timestamp(secondsSince1970: seconds)
        }
        revocations.certificateSerials = Set(try required("certificates", object.strings))
        for text in try required("public_keys", object.strings) {
            guard let digest = SHA256Digest(hex: text) else { throw StatusError(.malformed, "public_keys has no digest") }
            revocations.publicKeys.insert(digest)
        }
        self.revocations = revocations
    }
}
