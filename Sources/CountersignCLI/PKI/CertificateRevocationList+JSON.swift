import CountersignCrypto
import CountersignJSON

extension CertificateRevocationList {
    /// What a list says about itself, for a script to read.
    var json: JSONObject {
        [
            "issuer": .string("\(issuer)"),
            "number": number.map { .integer($0) } ?? .null,
            "revoked": .integer(Int64(revoked.count)),
            "thisUpdate": .string("\(thisUpdate)"),
            "nextUpdate": .string("\(nextUpdate)"),
        ]
    }
}

extension JSONValue {
    /// The lists of a directory.
    static func lists(_ lists: [CertificateRevocationList]) -> JSONValue {
        .array(lists.map { .object($0.json) })
    }
}
