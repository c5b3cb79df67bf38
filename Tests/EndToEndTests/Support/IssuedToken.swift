import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Testing

/// A token taken apart by the test, and the key that it names.
struct IssuedToken {
    let text: String
    let header: JSONObject
    let claims: JSONObject
    /// The header as it was written.
    let headerText: String
    /// What is signed.
    let signingInput: String
    let signature: [UInt8]

    init(_ text: String) throws {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        try #require(parts.count == 3)
        let decoded = try parts.map { try #require(Base64URL.decode($0), "\($0.prefix(20)) is not base64url") }
        self.text = text
        header = try JSONReader.parseObject(decoded[0])
        claims = try JSONReader.parseObject(decoded[1])
        headerText = String(decoding: decoded[0], as: UTF8.self)
        signingInput = "\(parts[0]).\(parts[1])"
        signature = decoded[2]
    }

    /// The token of a success answer.
    init(_ answer: HTTPAnswer) throws {
        try #require(answer.status == 200, "\(answer)")
        try self.init(try #require(answer.json.string("access_token")))
    }

    var kid: String { header.string("kid") ?? "" }

    /// Whether one of the keys, the one that the header names, made the signature.
    func isSigned(byOneOf keys: JWKSet) throws -> Bool {
        guard let kid = KeyID(kid), let key = keys[kid] else { return false }
        return try key.key.isValidSignature(signature, for: Array(signingInput.utf8))
    }
}
