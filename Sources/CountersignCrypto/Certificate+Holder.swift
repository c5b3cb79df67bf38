extension Certificate {
    /// A digest that two certificates share exactly when they name the same holder under the same authority: equal subjects,
    /// equal SPIFFE IDs (or none), and authorities of one public key.
    ///
    /// It is SHA-256 over this text, so that anybody can compute it (docs/reference/http.md): one line per relative name in
    /// encoded order, each attribute as `OID=VALUE` with the UTF-8 of the value in lower-case hexadecimal, attributes of one
    /// relative name joined by `+`; then a line with the SPIFFE ID, empty when there is none; then a line with `authorityKey` in
    /// lower-case hexadecimal. Every line ends with a line feed. No part can hold a line feed, so no two holders share a text.
    ///
    /// - Parameter authorityKey: ``PublicKey/sha256`` of the authority that signed the certificate, as path validation found
    ///   it, ``ValidatedPath/authorityKeySHA256``: never what the certificate says about its issuer.
    public func holderSHA256(under authorityKey: SHA256Digest) -> SHA256Digest {
        let lineFeed = UInt8(ascii: "\n")
        var text: [UInt8] = []
        text.reserveCapacity(512)
        for name in subject.relativeDistinguishedNames {
            for (number, attribute) in name.attributes.enumerated() {
                if number > 0 { text.append(UInt8(ascii: "+")) }
                text.append(contentsOf: attribute.type.oid.utf8)
                text.append(UInt8(ascii: "="))
                Hexadecimal.append(attribute.value, to: &text)
            }
            text.append(lineFeed)
        }
        if let spiffeID { text.append(contentsOf: spiffeID.description.utf8) }
        text.append(lineFeed)
        Hexadecimal.append(authorityKey.bytes, to: &text)
        text.append(lineFeed)
        return SHA256.digest(of: text)
    }
}
