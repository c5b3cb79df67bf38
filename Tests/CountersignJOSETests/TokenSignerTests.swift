import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import Foundation
import Testing

@Suite("Token signer")
struct TokenSignerTests {
    @Test("a token has the issuer's header, the claims and a signature that matches under this key alone")
    func signs() throws {
        let key = try TestKeys.first.get()
        let signer = TokenSigner(key: key)
        let claims = try claims()
        let token = try CompactJWS(Array(try signer.token(for: claims).utf8))
        #expect(signer.kid == KeyID(of: key.publicKey))
        #expect(Array(token.headerSegment) == TokenHeader.encodedSegment(kid: signer.kid))
        #expect(try TokenHeader(json: token.header).kid == signer.kid)
        #expect(try TokenClaims(json: token.payload) == claims)
        #expect(try key.publicKey.isValidSignature(token.signature, for: token.signingInput))
        #expect(try !TestKeys.second.get().publicKey.isValidSignature(token.signature, for: token.signingInput))
        #expect(try JWKSet(json: JWKSet([JWK(key.publicKey)]).json)[signer.kid]?.key == key.publicKey)
    }

    @Test("claims that a verifier would refuse are not signed")
    func refuses() throws {
        let signer = TokenSigner(key: try TestKeys.first.get())
        var claims = try claims()
        claims.issuer = ""
        let error = failure { () throws(JOSEError) in try signer.token(for: claims) }
        #expect(error?.code == .claimType)
        #expect(error?.member == "iss")
    }

    @Test("the openssl command agrees with the signature, and not with a changed one")
    func secondOpinion() throws {
        let key = try TestKeys.first.get()
        let token = try CompactJWS(Array(try TokenSigner(key: key).token(for: claims()).utf8))
        let folder = FileManager.default.temporaryDirectory.appending(path: "countersign-jose-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(try key.publicKey.pem().utf8).write(to: folder.appending(path: "key.pem"))
        try Data(token.signingInput).write(to: folder.appending(path: "input"))
        try Data(token.signature).write(to: folder.appending(path: "signature"))
        #expect(try opensslAccepts(folder))
        try Data(token.signingInput.dropLast()).write(to: folder.appending(path: "input"))
        #expect(try !opensslAccepts(folder))
    }

    private func opensslAccepts(_ folder: URL) throws -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "input"]
        process.currentDirectoryURL = folder
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    private func claims() throws -> TokenClaims {
        TokenClaims(
            issuer: "https://issuer.example",
            serviceID: "user-svc",
            audience: "search-svc",
            roles: ["reader"],
            issuedAt: Timestamp(secondsSince1970: 1_700_000_000),
            expiresAt: Timestamp(secondsSince1970: 1_700_000_300),
            tokenID: "AAAAAAAAAAAAAAAAAAAAAA",
            confirmation: Confirmation(certificateSHA256: SHA256.digest(of: [1, 2, 3]))
        )
    }
}
