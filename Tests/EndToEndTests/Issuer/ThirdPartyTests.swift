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
        import base64, json, sys
        import jwt
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        token, keys, certificate, issuer, audience = sys.argv[1:]
        try:
            kid = jwt.get_unverified_header(token)["kid"]
            key = next(k for k in jwt.PyJWKSet.from_json(open(keys).read()).keys if k.key_id == kid)
            required = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]
            claims = jwt.decode(
                token, key.key, algorithms=["RS256"], issuer=issuer, audience=audience, options={"require": required}
            )
            leaf = x509.load_pem_x509_certificate(open(certificate, "rb").read())
            thumbprint = base64.urlsafe_b64encode(leaf.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
            assert claims["cnf"] == {"x5t#S256": thumbprint}, "BindingMismatch"
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
        let result = try Shell.run(python, "-c", script, token, keys, certificate, issuer, audience)
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
