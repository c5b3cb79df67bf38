internal import COpenSSL

/// Owns one `X509`.
@safe
final class CertificateHandle: Sendable {
    // Not changed after it is adopted; OpenSSL counts references atomically and locks its extension cache.
    private nonisolated(unsafe) let pointer: OpaquePointer

    init(adopting pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe X509_free(pointer)
    }

    @safe
    func withPointer<R: ~Copyable, E: Error>(_ body: (OpaquePointer) throws(E) -> R) throws(E) -> R {
        defer { withExtendedLifetime(self) {} }
        return try unsafe body(pointer)
    }
}

extension Timestamp {
    /// Reads an ASN.1 time of either kind.
    init(borrowing time: UnsafePointer<ASN1_TIME>?, _ code: CryptoError.Code, _ what: String) throws(CryptoError) {
        let epoch = unsafe ASN1_TIME_set(nil, 0)
        defer { unsafe ASN1_TIME_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        try OpenSSL.check(code, "\(what) is not a valid time") { unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) }
        self.init(secondsSince1970: Int64(days) * 86_400 + Int64(seconds))
    }
}
