internal import COpenSSL
internal import Synchronization

/// Which revocation lists are known to be signed by which authorities, so that the digest of a whole list, which grows with its
/// entries, is made once for each list and not once for each certificate of each chain.
///
/// OpenSSL goes on to look for the list and to look into it; only its check of the list itself is spared where it passed before,
/// with the same list and the same authority, and where all that it looks at beside these two is seen to be as it was.
final class KnownListSignatures: Sendable {
    /// Lists of all authorities that a path may lead through.
    static let capacity = 1024

    struct Pair: Hashable {
        /// The address of a list that the store holds for as long as these are remembered.
        fileprivate let list: UInt
        fileprivate let authority: SHA256Digest
    }

    private let pairs: Mutex<Set<Pair>>

    init(_ pairs: Set<Pair> = []) {
        self.pairs = Mutex(pairs)
    }

    func contains(_ pair: Pair) -> Bool {
        pairs.withLock { $0.contains(pair) }
    }

    /// - Parameter new: from a chain that passed every check. Anybody can send a certificate with an authority's name and key, and
    ///   OpenSSL looks at lists before it looks at the signatures of certificates.
    func remember(_ new: [Pair]) {
        guard !new.isEmpty else { return }
        pairs.withLock { pairs in
            for pair in new where pairs.count < Self.capacity { pairs.insert(pair) }
        }
    }
}

extension KnownListSignatures.Pair {
    init(list: CertificateRevocationList, authority: Certificate) {
        self.list = list.handle.withPointer { list in UInt(bitPattern: list) }
        self.authority = authority.sha256
    }
}

extension Certificate {
    /// Whether the key may sign revocation lists, as far as the certificate says what it may do at all (RFC 5280, 4.2.1.3).
    var maySignLists: Bool {
        handle.withPointer { x509 in unsafe X509_get_key_usage(x509) & UInt32(X509v3_KU_CRL_SIGN) != 0 }
    }
}

/// The checks of lists within one check of a chain.
final class ListChecks {
    private let known: KnownListSignatures
    private let now: Timestamp
    /// What OpenSSL said yes to.
    private(set) var passed: [KnownListSignatures.Pair] = []

    init(_ known: KnownListSignatures, at now: Timestamp) {
        self.known = known
        self.now = now
    }

    /// Lets the chains that are checked with a store ask here first. Without it OpenSSL checks each list each time.
    static func install(in store: OpaquePointer) {
        guard unsafe standard != nil else { return }
        unsafe X509_STORE_set_check_crl(store) { context, list in unsafe ListChecks.check(context, list) }
    }

    /// Runs a check of a chain whose store asks here.
    func run(_ context: OpaquePointer, _ verify: () -> Int32) -> Int32 {
        // Lent until `verify` returns; nobody else uses this place.
        guard unsafe X509_STORE_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(self).toOpaque()) == 1 else { return 0 }
        defer {
            _ = unsafe X509_STORE_CTX_set_ex_data(context, 0, nil)
            withExtendedLifetime(self) {}
        }
        return verify()
    }

    /// OpenSSL's own check: of the authority's right to sign lists, of the list's scope and times, and of its signature.
    private static let standard: X509_STORE_CTX_check_crl_fn? = {
        guard let context = unsafe X509_STORE_CTX_new() else { return nil }
        defer { unsafe X509_STORE_CTX_free(context) }
        guard unsafe X509_STORE_CTX_init(context, nil, nil, nil) == 1 else { return nil }
        return unsafe X509_STORE_CTX_get_check_crl(context)
    }()

    private static func check(_ context: OpaquePointer?, _ list: OpaquePointer?) -> Int32 {
        guard let standard = unsafe standard else { return 0 }
        guard let data = unsafe X509_STORE_CTX_get_ex_data(context, 0) else { return unsafe standard(context, list) }
        let checks = unsafe Unmanaged<ListChecks>.fromOpaque(data).takeUnretainedValue()
        guard let pair = unsafe checks.pair(context, list) else { return unsafe standard(context, list) }
        if checks.known.contains(pair) { return 1 }
        let outcome = unsafe standard(context, list)
        if outcome == 1 { checks.passed.append(pair) }
        return outcome
    }

    /// `nil` where more than the list and the authority decide: a list out of its time, or one for some certificates only
    /// (RFC 5280, 5.2.5).
    private func pair(_ context: OpaquePointer?, _ list: OpaquePointer?) -> KnownListSignatures.Pair? {
        guard let list = unsafe list, let authority = unsafe X509_STORE_CTX_get0_current_issuer(context) else { return nil }
        guard unsafe X509_CRL_get_ext_by_NID(list, NID_issuing_distribution_point, -1) < 0 else { return nil }
        var moment = time_t(now.secondsSince1970)
        // As OpenSSL has it: a list counts in the second in which it begins, and not in the one in which it ends.
        guard unsafe X509_cmp_time(X509_CRL_get0_lastUpdate(list), &moment) < 0,
            unsafe X509_cmp_time(X509_CRL_get0_nextUpdate(list), &moment) > 0
        else { return nil }
        let der = try? DER.encode("an authority") { output in unsafe i2d_X509(authority, output) }
        return der.map { KnownListSignatures.Pair(list: UInt(bitPattern: list), authority: SHA256.digest(of: $0)) }
    }
}
