import CountersignCrypto
import CountersignJOSE
import Testing

@Suite("Compact serialization")
struct CompactJWSTests {
    /// RFC 7515 appendix A.2.
    static let rfcToken =
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
        + "fQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUA"
        + "r7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi1"
        + "2jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ"
        + "Ge77Rw"

    @Test("the RS256 example of RFC 7515 appendix A.2 is taken apart and its signature matches")
    func vector() throws {
        let token = try CompactJWS(Array(Self.rfcToken.utf8))
        #expect(Array(token.headerSegment) == Array("eyJhbGciOiJSUzI1NiJ9".utf8))
        #expect(token.header == Array(#"{"alg":"RS256"}"#.utf8))
        #expect(token.payload == Array("{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}".utf8))
        #expect(token.signature.count == 256)
        #expect(Self.rfcToken.utf8.starts(with: token.signingInput + [0x2E]))
        let key = try TestKeys.publicKey(modulus: TestKeys.rfc7515Modulus)
        #expect(try key.isValidSignature(token.signature, for: token.signingInput))
    }

    @Test("the signature of the example does not match anything changed, or another key")
    func changed() throws {
        let token = try CompactJWS(Array(Self.rfcToken.utf8))
        let key = try TestKeys.publicKey(modulus: TestKeys.rfc7515Modulus)
        var input = token.signingInput
        input[30] ^= 1
        #expect(try !key.isValidSignature(token.signature, for: input))
        var signature = token.signature
        signature[0] ^= 1
        #expect(try !key.isValidSignature(signature, for: token.signingInput))
        let other = try TestKeys.publicKey(modulus: TestKeys.rfc7638Modulus)
        #expect(try !other.isValidSignature(token.signature, for: token.signingInput))
    }

    @Test(
        "anything but three non-empty canonical parts is refused",
        arguments: [
            "", ".", "..", "...", "Zm9v", "Zm9v.Zm9v", "Zm9v.Zm9v.", ".Zm9v.Zm9v", "Zm9v..Zm9v", "Zm9v.Zm9v.Zm9v.Zm9v",
            "Zm9v.Zm9v.Zm9v.", "Zm9v...Zm9v", ".Zm9v.Zm9v.Zm9v", "Zm9v.Zm9v.Zm9v.Zm9v.Zm9v", "Zm9v.Zm9v.Zm9v=", "Zm9v.Zg==.Zm9v",
            "Zm9v.Zm9v.Zh",
            "Zh.Zm9v.Zm9v", "Zm9v.Zm9.Zm9v", " Zm9v.Zm9v.Zm9v", "Zm9v.Zm9v.Zm9v ", "Zm9v.Zm9v.Zm9v\n", "Zm9v.Z m9v.Zm9v",
            "Zm9v.+/+/.Zm9v", "Zm9v.Zm9v.A", "Zm9v.\u{e9}A.Zm9v", "Zm9v.Zm9v\0.Zm9v",
        ]
    )
    func malformed(text: String) throws {
        #expect(failure { () throws(JOSEError) in try CompactJWS(Array(text.utf8)) }?.code == .tokenMalformed)
        _ = try CompactJWS(Array("Zm9v.Zm9v.Zm9v".utf8))
    }

    @Test(
        "a header that is not canonical is refused, whatever is wrong with it and wherever",
        arguments: [
            "Z", "Zm9vZ", "Zm9vZm9vZ", "Zh", "Zm9vZh", "Zm9", "Zm9vZm9", "+m9v", "Z+9v", "Zm+v", "Zm9+", "Zm9vZm9/", "Zm9v+g",
            "Zm9vZ/",
            "Zm9vZm8=", "Zm9vZm=", "\u{ff}", "Zm9v\u{e9}",
        ]
    )
    func malformedHeader(text: String) {
        let error = failure { () throws(JOSEError) in try CompactJWS(Array("\(text).Zm9v.Zm9v".utf8)) }
        #expect(error?.code == .tokenMalformed)
        #expect(error?.message.contains("header") == true)
        #expect(Base64URL.decode(text) == nil)
    }

    @Test(
        "a canonical header of any length is read when it is asked for", arguments: ["f", "fo", "foo", "foof", "foofo", "foofoo"])
    func header(text: String) throws {
        let token = try CompactJWS(Array("\(Base64URL.encode(Array(text.utf8))).Zm9v.Zm9v".utf8))
        #expect(token.header == Array(text.utf8))
    }

    @Test("a token of exactly the allowed size is accepted and one byte more refused, before it is looked at")
    func size() {
        let token = Array("Zm9v.Zm9v.Zm9v".utf8)
        #expect(failure { () throws(JOSEError) in try CompactJWS(token, maxBytes: 14) } == nil)
        #expect(failure { () throws(JOSEError) in try CompactJWS(token, maxBytes: 13) }?.code == .tokenTooLarge)
        let dots = [UInt8](repeating: 0x2E, count: 8193)
        #expect(failure { () throws(JOSEError) in try CompactJWS(dots) }?.code == .tokenTooLarge)
        #expect(failure { () throws(JOSEError) in try CompactJWS(Array(dots.dropLast())) }?.code == .tokenMalformed)
    }

    @Test("no error holds any of the token")
    func errorsDoNotQuote() {
        let error = failure { () throws(JOSEError) in try CompactJWS(Array("c2VjcmV0.c2VjcmV0".utf8)) }
        #expect(error?.description.contains("c2Vj") == false)
        #expect(error?.message.isEmpty == false)
    }
}
