internal import COpenSSL

/// How strong a revocation list's signature is: path validation asks for 112 bits of every certificate's signature, but not of a
/// list's.
enum SignatureStrength {
    /// Whether it is made with a digest of 112 bits or more.
    static func suffices(of crl: OpaquePointer) -> Bool {
        OpenSSL.clear()
        defer { OpenSSL.clear() }
        var algorithm: UnsafePointer<X509_ALGOR>?
        unsafe X509_CRL_get0_signature(crl, nil, &algorithm)
        guard let algorithm = unsafe algorithm else { return false }
        switch unsafe OBJ_obj2nid(algorithm.pointee.algorithm) {
        case NID_ED25519, NID_ED448:
            return true
        case NID_rsassaPss:
            return strong.contains(unsafe pssDigest(algorithm))
        case let signature:
            var digest = NID_undef
            return unsafe OBJ_find_sigid_algs(signature, &digest, nil) == 1 && strong.contains(digest)
        }
    }

    private static let strong = [NID_sha224, NID_sha256, NID_sha384, NID_sha512, NID_sha3_256, NID_sha3_384, NID_sha3_512]

    /// The digest is a parameter of RSASSA-PSS, and SHA-1 where it is left out (RFC 4055, section 3.1).
    private static func pssDigest(_ algorithm: UnsafePointer<X509_ALGOR>) -> Int32 {
        guard let parameter = unsafe algorithm.pointee.parameter, unsafe ASN1_TYPE_get(parameter) == V_ASN1_SEQUENCE,
            let text = unsafe parameter.pointee.value.sequence
        else { return NID_undef }
        var cursor = unsafe ASN1_STRING_get0_data(text)
        guard let parameters = unsafe d2i_RSA_PSS_PARAMS(nil, &cursor, Int(ASN1_STRING_length(text))) else { return NID_undef }
        defer { unsafe RSA_PSS_PARAMS_free(parameters) }
        guard let digest = unsafe parameters.pointee.hashAlgorithm else { return NID_sha1 }
        return unsafe OBJ_obj2nid(digest.pointee.algorithm)
    }
}
