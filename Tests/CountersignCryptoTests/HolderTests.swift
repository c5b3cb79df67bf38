import CountersignCrypto
import CountersignTesting
import Testing

/// The digest under which a certificate and its successor are the same.
@Suite struct HolderTests {
    typealias Pairs = [(DistinguishedName.AttributeType, String)]

    let authority: TestAuthority
    let key: SHA256Digest

    init() throws {
        authority = try TestAuthority()
        key = authority.certificate.publicKey.sha256
    }

    func holder(_ subject: Pairs, _ names: [SubjectAlternativeName] = []) throws -> SHA256Digest {
        try authority.issue("x", subject: DistinguishedName(subject), names: names).certificate.holderSHA256(under: key)
    }

    @Test func isTheDigestOfTheDocumentedText() throws {
        let text = "2.5.4.10=4c\n2.5.4.3=61\nspiffe://link.internal/service/a\n\(key.hex)\n"
        #expect(
            try holder([(.organization, "L"), (.commonName, "a")], [.uri("spiffe://link.internal/service/a")])
                == SHA256.digest(of: Array(text.utf8)))
        let bare = "2.5.4.3=61\n\n\(key.hex)\n"
        #expect(try holder([(.commonName, "a")]) == SHA256.digest(of: Array(bare.utf8)))
    }

    @Test func isTheSameForEveryCertificateOfAHolder() throws {
        let (first, second) = (try authority.issue("a"), try authority.issue("a", from: 60, keyKind: .rsa2048))
        #expect(first.certificate.publicKey != second.certificate.publicKey)
        #expect(first.certificate.holderSHA256(under: key) == second.certificate.holderSHA256(under: key))
    }

    @Test func isAnotherForEveryOtherHolder() throws {
        let id = SubjectAlternativeName.uri("spiffe://link.internal/service/a")
        let holders = try [
            holder([(.organization, "L"), (.commonName, "a")], [id]), holder([(.organization, "L"), (.commonName, "a")]),
            holder([(.commonName, "a"), (.organization, "L")], [id]), holder([(.commonName, "a")], [id]),
            holder([(.organization, "L"), (.commonName, "A")], [id]),
            holder([(.organization, "L\n2.5.4.3=61")], [id]), holder([(.organization, "L"), (.organizationalUnit, "a")], [id]),
            authority.issue("x", subject: DistinguishedName([(.organization, "L"), (.commonName, "a")]), names: [id]).certificate
                .holderSHA256(under: TestAuthority().certificate.publicKey.sha256),
        ]
        #expect(Set(holders).count == holders.count)
    }

    @Test func theAuthorityOfAPathIsTheOneThatSigned() throws {
        let middle = try authority.intermediate()
        let validator = try PathValidator(anchors: [authority.certificate], revocationLists: nil)
        func signer(_ identity: TestIdentity) throws -> SHA256Digest {
            let path = try validator.validate(
                identity.certificate, intermediates: identity.intermediates, purpose: .client, at: TestClock.now
            ).get()
            #expect(path.holderSHA256 == identity.certificate.holderSHA256(under: path.authorityKeySHA256))
            return path.authorityKeySHA256
        }
        #expect(try signer(authority.issue("a")) == key)
        #expect(try signer(middle.issue("a")) == middle.certificate.publicKey.sha256)
    }
}
