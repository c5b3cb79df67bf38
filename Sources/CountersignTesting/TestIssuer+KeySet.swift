internal import CountersignCrypto
internal import CountersignJOSE

extension TestIssuer {
    /// Its key set with other numbers in the key, under the thumbprint that belongs to them (RFC 7638), so that nothing else is
    /// wrong with it.
    package func keySet(modulus: [UInt8]? = nil, exponent: [UInt8] = [1, 0, 1]) -> String {
        let (e, n) = (Base64URL.encode(exponent), Base64URL.encode(modulus ?? key.publicKey.modulus))
        let kid = Base64URL.encode(SHA256.digest(of: Array(#"{"e":"\#(e)","kty":"RSA","n":"\#(n)"}"#.utf8)).bytes)
        return #"{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"\#(kid)","n":"\#(n)","e":"\#(e)"}]}"#
    }

    /// An odd number of 1024 bits, for a key that is too short.
    package var shortModulus: [UInt8] { key.publicKey.modulus.prefix(127) + [1] }
}
