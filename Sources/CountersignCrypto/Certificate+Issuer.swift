internal import COpenSSL

extension Certificate {
    /// Whether an authority issued the certificate: its name and its signature are on it (RFC 5280, section 6.1.3). Says nothing
    /// of times, uses and revocation: ``PathValidator`` does. Costs a verification where the names are equal.
    public func isIssued(by authority: Certificate) -> Bool {
        guard issuer == authority.subject else { return false }
        OpenSSL.clear()
        defer { OpenSSL.clear() }
        return handle.withPointer { certificate in
            authority.handle.withPointer { authority in unsafe X509_verify(certificate, X509_get0_pubkey(authority)) == 1 }
        }
    }
}
