import CountersignJSON
import CountersignTesting
import Foundation
import Testing

/// PyJWT, which shares no line with us, as a receiver of our tokens.
enum PyJWT {
    /// Debian's packages python3-jwt and python3-cryptography.
    private static let python = "/usr/bin/python3"

    /// Where tests run unattended they must not be passed over for want of a package.
    static var isExpected: Bool {
        ProcessInfo.processInfo.environment["CI"] != nil
            || (try? Shell.run(python, "-c", "import jwt, cryptography"))?.succeeded == true
    }

    /// Verifies as its documentation says, with the key set as published, and prints the claims or the name of the error.
    private static let script = """
        import base64, hashlib, json, sys
        import jwt
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        token, keys, certificate, authority, issuer, audience = sys.argv[1:]

        def encoded(digest):
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

        def key(certificate):
            der, spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            return hashlib.sha256(certificate.public_key().public_bytes(der, spki)).digest()

        # docs/reference/http.md, "holder#S256".
        def holder(leaf, authority):
            lines = ["+".join(f"{a.oid.dotted_string}={a.value.encode().hex()}" for a in name) for name in leaf.subject.rdns]
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            lines += names.get_values_for_type(x509.UniformResourceIdentifier) + [key(authority).hex()]
            return hashlib.sha256("".join(line + "\\n" for line in lines).encode()).digest()

        try:
            kid = jwt.get_unverified_header(token)["kid"]
            jwk = next(k for k in jwt.PyJWKSet.from_json(open(keys).read()).keys if k.key_id == kid)
            required = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]
            claims = jwt.decode(
                token, jwk.key, algorithms=["RS256"], issuer=issuer, audience=audience, options={"require": required}
            )
            leaf = x509.load_pem_x509_certificate(open(certificate, "rb").read())
            ca = x509.load_pem_x509_certificate(open(authority, "rb").read())
            assert claims["cnf"] == {
                "x5t#S256": encoded(leaf.fingerprint(hashes.SHA256())), "spki#S256": encoded(key(leaf)),
                "holder#S256": encoded(holder(leaf, ca)),
            }, "BindingMismatch"
            print(json.dumps(claims))
        except jwt.PyJWTError as error:
            print(type(error).__name__)
        except AssertionError as error:
            print(error)
        """

    static func verdict(
        on token: String, keys: String, certificate: String, issuer: String = IssuerFolder.issuer,
        audience: String = "search-svc"
    ) throws -> String {
        let folder = certificate.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        let result = try Shell.run(python, "-c", script, token, keys, certificate, "\(folder)/ca.pem", issuer, audience)
        try #require(result.succeeded, "\(result)")
        return result.standardOutput
    }
}

/// What others make of our tokens.
@Suite(
    .serialized, .runningIssuer,
    .enabled(if: PyJWT.isExpected, "install python3-jwt and python3-cryptography to run these")
)
struct ThirdPartyTests {
    @Test func acceptsOurTokenWithThePublishedKeySetAndRefusesWhatIsNotRight() throws {
        let issuer = try #require(RunningIssuer.current)
        let curl = Curl(issuer: issuer)
        let files = issuer.folder.files
        let keys = try files.write(try curl.answer("/.well-known/jwks.json").body, to: "jwks.json")
        let certificate = files.path("certs/user-svc/cert.pem")
        let token = try IssuedToken(try curl.token())

        let claims = try JSONReader.parseObject(
            Array(try PyJWT.verdict(on: token.text, keys: keys, certificate: certificate).utf8)
        )
        #expect(claims.string("service_id") == "user-svc")
        #expect(claims.strings("roles") == ["reader", "writer"])

        let other = try curl.token("grant_type=client_credentials&audience=billing-svc").json.string("access_token") ?? ""
        let parts = token.text.split(separator: ".")
        let mixed = "\(parts[0]).\(other.split(separator: ".")[1]).\(parts[2])"
        #expect(try PyJWT.verdict(on: other, keys: keys, certificate: certificate) == "InvalidAudienceError")
        #expect(try PyJWT.verdict(on: mixed, keys: keys, certificate: certificate) == "InvalidSignatureError")
        #expect(
            try PyJWT.verdict(on: token.text, keys: keys, certificate: certificate, issuer: "https://other.link.internal")
                == "InvalidIssuerError"
        )
        #expect(
            try PyJWT.verdict(on: token.text, keys: keys, certificate: files.path("certs/search-svc/cert.pem"))
                == "BindingMismatch"
        )
    }
}
