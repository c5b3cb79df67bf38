import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Testing

/// Keys made once for all tests of this target.
enum TestKeys {
    static let first = Result { try RSAPrivateKey.generate() }
    static let second = Result { try RSAPrivateKey.generate() }

    /// The key of RFC 7638 section 3.1.
    static let rfc7638Modulus =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        + "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        + "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        + "nqDKgw"
    static let rfc7638Thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

    /// The key of RFC 7515 appendix A.2.
    static let rfc7515Modulus =
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pC"
        + "gNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg6"
        + "65xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW"
        + "yuXpoQ"

    static func publicKey(modulus: String) throws -> RSAPublicKey {
        try RSAPublicKey(modulus: #require(Base64URL.decode(modulus)), exponent: [1, 0, 1])
    }
}

/// The error that a piece of work ends with, or nil when it succeeds.
func failure<T>(_ work: () throws(JOSEError) -> T) -> JOSEError? {
    do {
        _ = try work()
        return nil
    } catch {
        return error
    }
}

extension JSONObject {
    /// The same object with a member changed, or added at the end.
    func with(_ name: String, _ value: JSONValue) -> JSONObject {
        var changed = JSONObject(members.map { ($0.name, $0.name == name ? value : $0.value) })
        if self[name] == nil {
            changed.append(name, value)
        }
        return changed
    }

    /// The same object without a member.
    func without(_ name: String) -> JSONObject {
        JSONObject(members.filter { $0.name != name }.map { ($0.name, $0.value) })
    }

    func bytes() throws -> [UInt8] {
        try JSONWriter.bytes(.object(self))
    }
}
