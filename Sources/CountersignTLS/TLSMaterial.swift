public import CountersignCrypto
public import NIOSSL

/// Everything one end of a mutual TLS connection needs, read at one moment and never changed afterwards.
///
/// Making one is the proof that the files fit together: the key is the certificate's, the certificate is valid now and for
/// this role, the CA certificates can be anchors of trust, the revocation lists are fresh and theirs. Material that
/// ``ReloadableTLS`` takes over later may hold lists that are not; see there.
public final class TLSMaterial: Sendable {
    /// Which end of a connection the material is for.
    public enum Role: String, Sendable {
        case server
        case client
    }

    public let role: Role
    /// The own certificate, and after it the intermediates sent with it.
    public let chain: [Certificate]
    /// The first of ``chain``.
    public let certificate: Certificate
    /// Decides about the other end's certificate: these anchors, these revocation lists.
    public let validator: PathValidator
    /// Empty when none are configured.
    public let revocationLists: [CertificateRevocationList]
    /// Over the contents of all files: two materials with the same digest were made from the same bytes.
    public let contentDigest: SHA256Digest
    /// For libraries that make their own connections. Holds the private key.
    public let configuration: TLSConfiguration
    /// Made from ``configuration``. Session tickets are sealed with a key of this context, so a session can only be resumed
    /// with the material that began it.
    public let context: NIOSSLContext

    /// Intermediates that have been part of a validated path; see ``ClientVerifier``. Belongs to ``context``.
    let knownIntermediates: KnownIntermediates
    let identity: TLSIdentity
    let trust: TLSTrust

    /// The key of ``certificate``, for connections that are not made by NIOSSL.
    package var privateKey: PrivateKey { identity.key }

    /// Reads and checks. Blocks on the file system and costs milliseconds: never call it on an event loop.
    ///
    /// - Throws: ``TLSError``.
    public convenience init(_ files: TLSFiles, role: Role, at now: Timestamp) throws(TLSError) {
        let checker = TLSMaterialChecker(files: files, role: role, now: now)
        // Every file before any is looked into: that one is missing says more than what is wrong with another.
        let contents = (identity: try TLSIdentityContents(reading: files), trust: try TLSTrustContents(reading: files))
        let identity = try checker.identity(contents.identity)
        let trust = try checker.trust(contents.trust)
        if let problem = checker.problem(of: trust, chain: identity.chain) { throw problem }
        try self.init(identity, trust, of: files, role: role)
    }

    /// Trust is taken as it is: what has ended in it, or does not answer for an authority, lets nobody in.
    init(_ identity: TLSIdentity, _ trust: TLSTrust, of files: TLSFiles, role: Role) throws(TLSError) {
        self.role = role
        self.identity = identity
        self.trust = trust
        chain = identity.chain
        certificate = identity.certificate
        validator = trust.validator
        revocationLists = trust.revocationLists
        contentDigest = SHA256Digest.joining([identity.digest, trust.digest])
        knownIntermediates = KnownIntermediates()
        configuration = try TLSConfiguration.mutual(
            role, chain: identity.chain, key: identity.key, anchors: trust.validator.anchors
        )
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSError(
                .contextFailed, "the TLS library refuses \(files.certificate) with \(files.ca): \(ErrorWords.reason(error))")
        }
    }

    /// The certificate of `old` with other lists under the same anchors: the context, and with it the sessions, stay.
    private init(_ old: TLSMaterial, sameAnchors trust: TLSTrust) {
        role = old.role
        identity = old.identity
        self.trust = trust
        chain = old.chain
        certificate = old.certificate
        validator = trust.validator
        revocationLists = trust.revocationLists
        contentDigest = SHA256Digest.joining([old.identity.digest, trust.digest])
        knownIntermediates = old.knownIntermediates
        configuration = old.configuration
        context = old.context
    }

    /// The certificate in use with new trust.
    func replacing(_ trust: TLSTrust, of files: TLSFiles) throws(TLSError) -> TLSMaterial {
        guard trust.validator.anchors == validator.anchors else {
            return try TLSMaterial(identity, trust, of: files, role: role)
        }
        return TLSMaterial(self, sameAnchors: trust)
    }
}

/// Who this end is: a certificate with its key, checked.
struct TLSIdentity: Sendable {
    let chain: [Certificate]
    /// The first of ``chain``.
    let certificate: Certificate
    let key: PrivateKey
    let digest: SHA256Digest
}

/// Whom this end believes: CA certificates and revocation lists, parsed.
struct TLSTrust: Sendable {
    let validator: PathValidator
    /// Empty when none are configured.
    let revocationLists: [CertificateRevocationList]
    let digest: SHA256Digest
    /// Judged by ``validator``.
    let knownChains = KnownChains()
}
