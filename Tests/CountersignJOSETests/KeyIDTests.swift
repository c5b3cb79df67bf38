import CountersignCrypto
import CountersignJOSE
import Testing

@Suite("Key identifier")
struct KeyIDTests {
    @Test("the thumbprint of the key in RFC 7638 section 3.1")
    func vector() throws {
        let key = try TestKeys.publicKey(modulus: TestKeys.rfc7638Modulus)
        #expect(KeyID(of: key).rawValue == TestKeys.rfc7638Thumbprint)
        #expect(KeyID(of: key) == KeyID(TestKeys.rfc7638Thumbprint))
        #expect(KeyID(of: key) != KeyID(of: try TestKeys.publicKey(modulus: TestKeys.rfc7515Modulus)))
    }

    @Test(
        "what cannot be a thumbprint is refused",
        arguments: [
            "", "key-1", "../../etc/passwd", String(repeating: "A", count: 42), String(repeating: "A", count: 44),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xt", "NzbLsXh8uDCcd+6MNwXF4W/7noWXFZAfHkxZsRGC9Xs",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X=", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X ",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9\u{e9}",
        ]
    )
    func refuses(text: String) {
        #expect(KeyID(text) == nil)
    }

    @Test("43 characters of canonical base64url are accepted")
    func accepts() {
        #expect(KeyID(String(repeating: "A", count: 43))?.description == String(repeating: "A", count: 43))
    }
}
