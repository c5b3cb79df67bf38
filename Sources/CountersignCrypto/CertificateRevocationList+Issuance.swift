internal import COpenSSL

extension CertificateRevocationList {
    /// Issues an authority's list.
    ///
    /// - Parameters:
    ///   - revoked: every certificate of this issuer that is revoked and not yet expired.
    ///   - number: the CRL number, which must grow with each list (RFC 5280 5.2.3).
    /// - Throws: `CryptoError` with `key-mismatch` when `key` is not the issuer's.
    public static func issue(
        revoked: [RevokedCertificate],
        number: Int64,
        thisUpdate: Timestamp,
        nextUpdate: Timestamp,
        by issuer: Certificate,
        key: PrivateKey
    ) throws(CryptoError) -> CertificateRevocationList {
        guard key.matches(issuer) else {
            throw CryptoError(.keyMismatch, "the private key does not belong to the authority \(issuer.subject)")
        }
        let crl = try OpenSSL.make("out of memory") { unsafe X509_CRL_new() }
        let handle = unsafe RevocationListHandle(adopting: crl)
        try OpenSSL.check("could not begin a list") { unsafe X509_CRL_set_version(crl, Int(X509_CRL_VERSION_2)) }
        let name = try unsafe issuer.subject.makePointer()
        defer { unsafe X509_NAME_free(name) }
        try OpenSSL.check("could not set the list's issuer") { unsafe X509_CRL_set_issuer_name(crl, name) }
        try unsafe setTime("thisUpdate", thisUpdate) { time in unsafe X509_CRL_set1_lastUpdate(crl, time) }
        try unsafe setTime("nextUpdate", nextUpdate) { time in unsafe X509_CRL_set1_nextUpdate(crl, time) }
        for entry in revoked {
            try unsafe add(entry, to: crl)
        }
        try OpenSSL.check("could not sort the list") { unsafe X509_CRL_sort(crl) }
        try unsafe addExtensions(to: crl, issuer: issuer, number: number)
        OpenSSL.clear()
        guard key.handle.withPointer({ key in unsafe X509_CRL_sign(crl, key, EVP_sha256()) }) > 0 else {
            throw OpenSSL.failure(.operationFailed, "could not sign the list")
        }
        return try CertificateRevocationList(
            der: try DER.encode("the list") { output in handle.withPointer { crl in unsafe i2d_X509_CRL(crl, output) } }
        )
    }

    private static func setTime(
        _ what: String,
        _ moment: Timestamp,
        _ set: (UnsafeMutablePointer<ASN1_TIME>) -> Int32
    ) throws(CryptoError) {
        let time = try unsafe moment.makeTime()
        defer { unsafe ASN1_TIME_free(time) }
        try OpenSSL.check("could not set \(what)") { unsafe set(time) }
    }

    private static func add(_ entry: RevokedCertificate, to crl: OpaquePointer) throws(CryptoError) {
        let revoked = try OpenSSL.make("out of memory") { unsafe X509_REVOKED_new() }
        do throws(CryptoError) {
            let number = try unsafe SerialNumber.make(entry.serialNumber)
            defer { unsafe ASN1_INTEGER_free(number) }
            try OpenSSL.check("could not set a serial number") { unsafe X509_REVOKED_set_serialNumber(revoked, number) }
            try unsafe setTime("a revocation date", entry.revokedAt) { time in
                unsafe X509_REVOKED_set_revocationDate(revoked, time)
            }
            // From here on the list owns the entry.
            try OpenSSL.check("could not add an entry") { unsafe X509_CRL_add0_revoked(crl, revoked) }
        } catch {
            unsafe X509_REVOKED_free(revoked)
            throw error
        }
    }

    private static func addExtensions(to crl: OpaquePointer, issuer: Certificate, number: Int64) throws(CryptoError) {
        var context = unsafe X509V3_CTX()
        issuer.handle.withPointer { issuer in unsafe X509V3_set_ctx(&context, issuer, nil, nil, crl, 0) }
        let authorityKey = try OpenSSL.make("could not name the authority's key") {
            unsafe X509V3_EXT_nconf_nid(nil, &context, NID_authority_key_identifier, "keyid:always")
        }
        defer { unsafe X509_EXTENSION_free(authorityKey) }
        try OpenSSL.check("could not name the authority's key") { unsafe X509_CRL_add_ext(crl, authorityKey, -1) }
        let value = try OpenSSL.make("out of memory") { unsafe ASN1_INTEGER_new() }
        defer { unsafe ASN1_INTEGER_free(value) }
        try OpenSSL.check("could not number the list") { unsafe ASN1_INTEGER_set_int64(value, number) }
        try OpenSSL.check("could not number the list") { unsafe X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0) }
    }
}
