internal import COpenSSL

/// Owns one `X509_STORE` filled with authorities and lists.
@safe
final class TrustStoreHandle: Sendable {
    // Filled before it is shared and only read afterwards; OpenSSL locks the store for its own caches.
    private nonisolated(unsafe) let pointer: OpaquePointer
    /// Of the lists in the store.
    let knownSignatures: KnownListSignatures
    /// Whether a list is that of one of the authorities; `true` where there are to be none.
    let isAnswered: Bool

    private init(adopting pointer: OpaquePointer, anchors: [Certificate], revocationLists: [CertificateRevocationList]?) {
        unsafe self.pointer = pointer
        var pairs: Set<KnownListSignatures.Pair> = []
        var isAnswered = revocationLists == nil
        for list in revocationLists ?? [] {
            for anchor in anchors where list.isSigned(by: anchor) {
                isAnswered = true
                if anchor.maySignLists { pairs.insert(.init(list: list, authority: anchor)) }
            }
        }
        self.isAnswered = isAnswered
        knownSignatures = KnownListSignatures(pairs)
    }

    convenience init(anchors: [Certificate], revocationLists: [CertificateRevocationList]?) throws(CryptoError) {
        let pointer = try OpenSSL.make("out of memory") { unsafe X509_STORE_new() }
        unsafe self.init(adopting: pointer, anchors: anchors, revocationLists: revocationLists)
        for anchor in anchors {
            try OpenSSL.check(.malformedCertificate, "OpenSSL does not take the authority \(anchor.subject)") {
                anchor.handle.withPointer { x509 in unsafe X509_STORE_add_cert(pointer, x509) }
            }
        }
        for list in revocationLists ?? [] {
            try OpenSSL.check(.malformedRevocationList, "OpenSSL does not take the list of \(list.issuer)") {
                list.handle.withPointer { crl in unsafe X509_STORE_add_crl(pointer, crl) }
            }
            list.handle.sort()
        }
        unsafe ListChecks.install(in: pointer)
    }

    deinit {
        unsafe X509_STORE_free(pointer)
    }

    @safe
    func withPointer<R>(_ body: (OpaquePointer) -> R) -> R {
        defer { withExtendedLifetime(self) {} }
        return unsafe body(pointer)
    }
}

/// The intermediates of one check, as C wants them. Borrows the certificates, which it keeps alive.
@safe
struct CertificateStack: ~Copyable {
    private let pointer: OpaquePointer
    private let certificates: [Certificate]

    private init(adopting pointer: OpaquePointer, _ certificates: [Certificate]) {
        unsafe self.pointer = pointer
        self.certificates = certificates
    }

    static func of(_ certificates: [Certificate]) throws(CryptoError) -> CertificateStack {
        let stack = unsafe CertificateStack(
            adopting: try OpenSSL.make("out of memory") { unsafe countersign_certificates_new() }, certificates
        )
        for certificate in certificates {
            let pushed = certificate.handle.withPointer { x509 in
                unsafe countersign_certificates_push(stack.pointer, x509)
            }
            guard pushed > 0 else { throw OpenSSL.failure(.operationFailed, "out of memory") }
        }
        return stack
    }

    @safe
    borrowing func withPointer<R>(_ body: (OpaquePointer) -> R) -> R {
        unsafe body(pointer)
    }

    deinit {
        unsafe countersign_certificates_free(pointer)
    }
}
