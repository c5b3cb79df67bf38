internal import COpenSSL

/// Decides whether a certificate leads to a trusted authority (RFC 5280 section 6), with OpenSSL doing the work.
///
/// One value holds one state of the trust files: the authorities' certificates and, where revocation is checked, their
/// lists. It never changes; reading new files makes a new one. Chains are built from the leaf, the intermediates the peer
/// sent and the authorities; every certificate's validity, basic constraints, path length, name constraints and critical
/// extensions are checked, signatures and keys below 112 bits of strength are refused (so SHA-1 and RSA-1024 are), and a
/// certificate that may issue others is not accepted as a leaf. With lists, **every** issuer in the chain needs a current
/// one: no list, no trust. Fails closed.
public final class PathValidator: Sendable {
    /// What the peer uses its certificate for.
    public enum Purpose: String, Sendable, CaseIterable {
        /// TLS client authentication.
        case client
        /// TLS server authentication. The host name is the TLS library's to check.
        case server
    }

    /// The certificates a chain must end in.
    public let anchors: [Certificate]
    /// `nil` when revocation is not checked.
    public let revocationLists: [CertificateRevocationList]?

    /// Whether a list is that of one of the anchors, without which nobody is let in. `true` when revocation is not checked.
    package var isAnswered: Bool { store.isAnswered }

    let store: TrustStoreHandle
    /// Longest chain: leaf, up to this many intermediates, and an anchor.
    private static let maxIntermediates: Int32 = 8

    /// Costs a digest and a sorting of each list.
    ///
    /// - Parameters:
    ///   - anchors: at least one authority's certificate.
    ///   - revocationLists: `nil` turns revocation checking off; an empty array refuses everybody.
    /// - Throws: `CryptoError` when there are no anchors or OpenSSL does not take one.
    public init(anchors: [Certificate], revocationLists: [CertificateRevocationList]?) throws(CryptoError) {
        guard !anchors.isEmpty else { throw CryptoError(.malformedPEM, "no certificate authority to trust") }
        self.anchors = anchors
        self.revocationLists = revocationLists
        store = try TrustStoreHandle(anchors: anchors, revocationLists: revocationLists)
    }

    /// Checks one certificate for one purpose at one moment. Costs some 100 µs for a P-256 chain of two, however long the lists
    /// are, except where it is the first that leads through an authority that is not an anchor and has a list; thread-safe.
    public func validate(
        _ leaf: Certificate,
        intermediates: [Certificate],
        purpose: Purpose,
        at now: Timestamp
    ) -> Result<ValidatedPath, PathFailure> {
        guard intermediates.count <= Int(Self.maxIntermediates) else {
            return .failure(PathFailure(.invalid, "the peer sent \(intermediates.count) intermediate certificates; 8 are read"))
        }
        guard !leaf.isCertificateAuthority else {
            return .failure(
                PathFailure(.authority, "a certificate authority's certificate (\(leaf.subject)) cannot be a service's"))
        }
        do throws(CryptoError) {
            return try verify(leaf, intermediates: intermediates, purpose: purpose, at: now)
        } catch {
            return .failure(PathFailure(.checkFailed, error.message))
        }
    }

    private func verify(
        _ leaf: Certificate,
        intermediates: [Certificate],
        purpose: Purpose,
        at now: Timestamp
    ) throws(CryptoError) -> Result<ValidatedPath, PathFailure> {
        let untrusted = try CertificateStack.of(intermediates)
        let context = try OpenSSL.make("out of memory") { unsafe X509_STORE_CTX_new() }
        defer { unsafe X509_STORE_CTX_free(context) }
        try OpenSSL.check("could not begin to check the chain") {
            store.withPointer { store in
                leaf.handle.withPointer { leaf in
                    untrusted.withPointer { untrusted in unsafe X509_STORE_CTX_init(context, store, leaf, untrusted) }
                }
            }
        }
        let openSSLPurpose = purpose == .client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER
        try OpenSSL.check("could not begin to check the chain") { unsafe X509_STORE_CTX_set_purpose(context, openSSLPurpose) }
        let parameters = unsafe X509_STORE_CTX_get0_param(context)
        unsafe X509_VERIFY_PARAM_set_depth(parameters, Self.maxIntermediates)
        // Level 2 is 112 bits: RSA-2048, P-224 and SHA-224 upwards.
        unsafe X509_VERIFY_PARAM_set_auth_level(parameters, 2)
        unsafe X509_VERIFY_PARAM_set_time(parameters, Int(now.secondsSince1970))
        if revocationLists != nil {
            let flags = UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
            try OpenSSL.check("could not begin to check the chain") { unsafe X509_VERIFY_PARAM_set_flags(parameters, flags) }
        }
        OpenSSL.clear()
        // The context only borrows the intermediates: they are lent until it is done with them.
        let lists = ListChecks(store.knownSignatures, at: now)
        let outcome = untrusted.withPointer { _ in unsafe lists.run(context) { unsafe X509_verify_cert(context) } }
        OpenSSL.clear()
        guard outcome == 1, unsafe X509_STORE_CTX_get_error(context) == X509_V_OK else {
            return .failure(
                PathFailure(
                    verifyError: unsafe X509_STORE_CTX_get_error(context),
                    depth: unsafe X509_STORE_CTX_get_error_depth(context),
                    subject: unsafe try Self.subject(of: X509_STORE_CTX_get_current_cert(context)) ?? leaf.subject
                )
            )
        }
        store.knownSignatures.remember(lists.passed)
        let path = try unsafe path(from: X509_STORE_CTX_get0_chain(context), candidates: [leaf] + intermediates + anchors)
        return .success(
            ValidatedPath(
                certificates: path, leaf: leaf, authority: path.dropFirst().first ?? leaf,
                listsStand: listsStand(at: now)
            )
        )
    }

    /// The chain OpenSSL built, as the values it was built from.
    private func path(from chain: OpaquePointer?, candidates: [Certificate]) throws(CryptoError) -> [Certificate] {
        var path: [Certificate] = []
        for index in 0..<max(0, unsafe countersign_certificates_count(chain)) {
            let pointer = unsafe countersign_certificates_at(chain, index)
            let der = try DER.encode("a certificate of the chain") { output in unsafe i2d_X509(pointer, output) }
            guard let certificate = candidates.first(where: { $0.der == der }) else {
                throw CryptoError(.operationFailed, "the chain holds a certificate that nobody gave")
            }
            path.append(certificate)
        }
        guard !path.isEmpty else { throw CryptoError(.operationFailed, "an empty chain") }
        return path
    }

    /// The certificate a failure is about, which need not be one the peer put at that place.
    private static func subject(of certificate: OpaquePointer?) throws(CryptoError) -> DistinguishedName? {
        guard let certificate = unsafe certificate else { return nil }
        return try unsafe DistinguishedName(borrowing: X509_get_subject_name(certificate))
    }

    /// From the last to the next moment at which some list begins or ends: between them the lists say what they say now.
    private func listsStand(at now: Timestamp) -> ValidatedPath.Standing? {
        guard let revocationLists else { return nil }
        // All of them: OpenSSL matches the names of issuers more loosely than we compare names.
        let moments = revocationLists.flatMap { [$0.thisUpdate, $0.nextUpdate] }
        return ValidatedPath.Standing(
            from: moments.filter { $0 <= now }.max() ?? now, until: moments.filter { $0 > now }.min() ?? now)
    }
}

/// A chain that passed every check at some moment. Only ``PathValidator`` makes one. Copies are cheap; they share their contents.
public struct ValidatedPath: Sendable {
    /// Leaf first, trusted authority last.
    public var certificates: [Certificate] { storage.certificates }
    /// The latest `notBefore` in the chain.
    public var validFrom: Timestamp { storage.validFrom }
    /// The earliest `notAfter` in the chain; the chain is refused from this second on.
    public var validUntil: Timestamp { storage.validUntil }
    /// Until when the lists are known to say the same about the chain: the next moment at which one of them ends or another
    /// begins; `nil` when revocation is not checked.
    public var revocationKnownUntil: Timestamp? { storage.listsStand?.until }
    /// ``PublicKey/sha256`` of the authority that signed the leaf: who vouches for the name, whatever the authority is called.
    ///
    /// For a leaf that is itself an anchor it is the leaf's own.
    public var authorityKeySHA256: SHA256Digest { storage.authorityKeySHA256 }
    /// ``Certificate/holderSHA256(under:)`` of the leaf under that authority.
    public var holderSHA256: SHA256Digest { storage.holderSHA256 }

    private let storage: Storage

    private final class Storage: Sendable {
        let certificates: [Certificate]
        let validFrom: Timestamp
        let validUntil: Timestamp
        let listsStand: Standing?
        let authorityKeySHA256: SHA256Digest
        let holderSHA256: SHA256Digest

        init(certificates: [Certificate], leaf: Certificate, authority: Certificate, listsStand: Standing?) {
            self.certificates = certificates
            authorityKeySHA256 = authority.publicKey.sha256
            holderSHA256 = leaf.holderSHA256(under: authorityKeySHA256)
            self.listsStand = listsStand
            validFrom = certificates.map(\.notBefore).max() ?? Timestamp(secondsSince1970: .max)
            validUntil = certificates.map(\.notAfter).min() ?? Timestamp(secondsSince1970: .min)
        }
    }

    fileprivate init(certificates: [Certificate], leaf: Certificate, authority: Certificate, listsStand: Standing?) {
        storage = Storage(certificates: certificates, leaf: leaf, authority: authority, listsStand: listsStand)
    }

    /// Whether the verdict still stands at `now` without looking at anything again.
    package func stands(at now: Timestamp) -> Bool {
        standing.includes(now)
    }

    /// When the verdict stands, and nothing else of the path: to be kept where it is looked at by many.
    package var standing: Standing {
        let lists = storage.listsStand ?? Standing(from: validFrom, until: validUntil)
        return Standing(from: max(validFrom, lists.from), until: min(validUntil, lists.until))
    }

    package struct Standing: Sendable {
        let from: Timestamp
        let until: Timestamp

        package func includes(_ moment: Timestamp) -> Bool {
            moment >= from && moment < until
        }
    }
}
