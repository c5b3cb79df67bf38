internal import COpenSSL

/// A certificate revocation list (RFC 5280 section 5), parsed but not yet trusted: its signature is checked by
/// ``PathValidator`` against the authority that a chain leads through.
public struct CertificateRevocationList: Sendable {
    public let der: [UInt8]
    public let issuer: DistinguishedName
    public let thisUpdate: Timestamp
    /// After this moment the list says nothing any more. A list without it is refused (RFC 5280 5.1.2.5 requires it).
    public let nextUpdate: Timestamp
    public let revoked: [RevokedCertificate]
    /// The CRL number (RFC 5280 5.2.3), which grows from list to list; `nil` when absent or beyond `Int64`.
    public let number: Int64?

    let handle: RevocationListHandle

    /// What a list may weigh: about half a million entries.
    public static let maxBytes = 16 * 1024 * 1024
    /// How many lists one PEM file may hold.
    static let maxCount = 256

    /// One entry.
    public struct RevokedCertificate: Hashable, Sendable {
        /// Big-endian magnitude.
        public let serialNumber: [UInt8]
        public let revokedAt: Timestamp

        public init(serialNumber: [UInt8], revokedAt: Timestamp) {
            self.serialNumber = serialNumber
            self.revokedAt = revokedAt
        }

        /// Lower-case hexadecimal.
        public var serialHex: String { serialNumber.isEmpty ? "00" : Hexadecimal.text(serialNumber) }
    }

    /// - Throws: `CryptoError` with `malformed-revocation-list`.
    public init(der: [UInt8]) throws(CryptoError) {
        let pointer = try DER.decode(
            der,
            maxBytes: Self.maxBytes,
            .malformedRevocationList,
            "the revocation list",
            free: { unsafe X509_CRL_free($0) },
            { cursor, count in unsafe d2i_X509_CRL(nil, cursor, count) }
        )
        try unsafe self.init(RevocationListHandle(adopting: pointer), der: der)
    }

    /// Every `X509 CRL` block of a PEM text, in order.
    ///
    /// - Throws: `CryptoError` with `malformed-pem` when there is none, `malformed-revocation-list` when one cannot be read.
    public static func parsePEM(_ pem: [UInt8]) throws(CryptoError) -> [CertificateRevocationList] {
        var lists: [CertificateRevocationList] = []
        for der in try PEM.blocks("X509 CRL", in: pem, maxCount: maxCount, .malformedRevocationList) {
            lists.append(try CertificateRevocationList(der: der))
        }
        return lists
    }

    init(_ handle: RevocationListHandle, der: [UInt8]) throws(CryptoError) {
        self.der = der
        self.handle = handle
        issuer = try handle.withPointer { crl throws(CryptoError) in
            try unsafe DistinguishedName(borrowing: unsafe X509_CRL_get_issuer(crl))
        }
        thisUpdate = try handle.withPointer { crl throws(CryptoError) in
            try unsafe Timestamp(borrowing: unsafe X509_CRL_get0_lastUpdate(crl), .malformedRevocationList, "thisUpdate")
        }
        nextUpdate = try handle.withPointer { crl throws(CryptoError) in
            guard let time = unsafe X509_CRL_get0_nextUpdate(crl) else {
                throw CryptoError(.malformedRevocationList, "the revocation list does not say when the next one comes")
            }
            return try unsafe Timestamp(borrowing: unsafe time, .malformedRevocationList, "nextUpdate")
        }
        number = handle.withPointer { crl in unsafe Self.number(of: crl) }
        guard handle.withPointer({ crl in unsafe SignatureStrength.suffices(of: crl) }) else {
            throw CryptoError(
                .malformedRevocationList, "the revocation list is signed with a digest that is too weak, or unknown")
        }
        revoked = try handle.withPointer { crl throws(CryptoError) in
            let stack = unsafe X509_CRL_get_REVOKED(crl)
            var entries: [RevokedCertificate] = []
            for index in 0..<max(0, unsafe countersign_revoked_count(stack)) {
                let entry = unsafe countersign_revoked_at(stack, index)
                unsafe entries.append(
                    RevokedCertificate(
                        serialNumber: try SerialNumber.bytes(
                            unsafe X509_REVOKED_get0_serialNumber(entry), .malformedRevocationList
                        ),
                        revokedAt: try Timestamp(
                            borrowing: unsafe X509_REVOKED_get0_revocationDate(entry), .malformedRevocationList,
                            "a revocation date"
                        )
                    )
                )
            }
            return entries
        }
    }

    private static func number(of crl: OpaquePointer) -> Int64? {
        OpenSSL.clear()
        defer { OpenSSL.clear() }
        guard let value = unsafe X509_CRL_get_ext_d2i(crl, NID_crl_number, nil, nil) else { return nil }
        let integer = unsafe value.assumingMemoryBound(to: ASN1_INTEGER.self)
        defer { unsafe ASN1_INTEGER_free(integer) }
        var number: Int64 = 0
        return unsafe ASN1_INTEGER_get_int64(&number, integer) == 1 ? number : nil
    }

    /// Whether an authority made the list: its name and its signature are on it (RFC 5280, section 6.3.3). Costs a digest of the
    /// whole list and a verification where the names are equal.
    public func isSigned(by authority: Certificate) -> Bool {
        guard issuer == authority.subject else { return false }
        OpenSSL.clear()
        defer { OpenSSL.clear() }
        return handle.withPointer { crl in
            authority.handle.withPointer { certificate in unsafe X509_CRL_verify(crl, X509_get0_pubkey(certificate)) == 1 }
        }
    }

    /// One `X509 CRL` block.
    public var pem: String { PEM.text(label: "X509 CRL", der: der) }
}

/// Owns one `X509_CRL`.
@safe
final class RevocationListHandle: Sendable {
    // Not changed after it is adopted; OpenSSL counts references atomically.
    private nonisolated(unsafe) let pointer: OpaquePointer

    init(adopting pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe X509_CRL_free(pointer)
    }

    /// Lets OpenSSL bring the entries into order now, which it does when it is first asked for one; `X509_CRL_sort` would have the
    /// signed part written anew.
    func sort() {
        OpenSSL.clear()
        defer { OpenSSL.clear() }
        let zero = unsafe ASN1_INTEGER_new()
        defer { unsafe ASN1_INTEGER_free(zero) }
        var entry: OpaquePointer?
        _ = unsafe X509_CRL_get0_by_serial(pointer, &entry, zero)
    }

    @safe
    func withPointer<R: ~Copyable, E: Error>(_ body: (OpaquePointer) throws(E) -> R) throws(E) -> R {
        defer { withExtendedLifetime(self) {} }
        return try unsafe body(pointer)
    }
}
