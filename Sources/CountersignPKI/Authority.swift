internal import CountersignCrypto

/// One authority of a directory: the root or the intermediate.
struct Authority: Sendable {
    let files: Files
    let certificate: Certificate

    /// Where an authority's certificate and key are.
    struct Files: Sendable, Hashable {
        let certificate: String
        let key: String

        static let root = Files(certificate: "ca.pem", key: "ca-key.pem")
        static let intermediate = Files(certificate: "intermediate.pem", key: "intermediate-key.pem")
    }

    /// `nil` when there is no such authority.
    static func load(_ files: Files, in folder: Folder) throws(PKIError) -> Authority? {
        guard let pem = try folder.read(files.certificate) else { return nil }
        let path = folder.path(files.certificate)
        let certificates = try PKIError.reading(path) { () throws(CryptoError) in try Certificate.parsePEM(pem) }
        guard let certificate = certificates.first, certificates.count == 1, certificate.isCertificateAuthority else {
            throw PKIError(.malformed, "\(path) must hold one certificate, an authority's")
        }
        return Authority(files: files, certificate: certificate)
    }

    /// The private key; `nil` when somebody keeps it elsewhere.
    ///
    /// - Throws: ``PKIError`` with `permissions`, `malformed`, or `key-unavailable` when it belongs to another certificate.
    func key(in folder: Folder) throws(PKIError) -> PrivateKey? {
        guard let pem = try folder.readPrivate(files.key) else { return nil }
        let path = folder.path(files.key)
        let key = try PKIError.reading(path) { () throws(CryptoError) in try PrivateKey(pem: pem) }
        guard key.matches(certificate) else {
            throw PKIError(.keyUnavailable, "\(path) is not the key of \(folder.path(files.certificate))")
        }
        return key
    }

    /// The same where nothing can be done without it.
    func requiredKey(in folder: Folder) throws(PKIError) -> PrivateKey {
        guard let key = try key(in: folder) else {
            throw PKIError(
                .keyUnavailable, "\(folder.path(files.key)) is not there",
                hint: "put back the private key of \(certificate.subject) for this command"
            )
        }
        return key
    }
}

/// What the authorities are called beside their services.
enum AuthorityName {
    static let root = "root"
    static let intermediate = "intermediate"

    static let all = [root, intermediate]
}

/// The authorities of a directory, root first.
struct Authorities: Sendable {
    let root: Authority
    let intermediate: Authority?

    static func load(in folder: Folder) throws(PKIError) -> Authorities {
        guard let root = try Authority.load(.root, in: folder) else {
            throw PKIError(
                .notInitialised, "there is no certificate authority in \(folder.path) (no \(Authority.Files.root.certificate))",
                hint: "countersign pki init --dir \(folder.path) --trust-domain link.internal makes one"
            )
        }
        return Authorities(root: root, intermediate: try Authority.load(.intermediate, in: folder))
    }

    var all: [Authority] { [root, intermediate].compactMap(\.self) }

    /// The one that issues services' certificates.
    var issuing: Authority { intermediate ?? root }

    /// What stands after a service's certificate in its file: everything between it and the root.
    var chain: [Certificate] { [intermediate?.certificate].compactMap(\.self) }

    /// The trust domain that the root's certificate names (SPIFFE X509-SVID, section 4.1).
    func trustDomain() throws(PKIError) -> TrustDomain {
        guard let id = root.certificate.spiffeID, id.path.isEmpty else {
            throw PKIError(.malformed, "\(root.files.certificate) does not name a trust domain as its only URI, spiffe://DOMAIN")
        }
        return try TrustDomain(id.trustDomain)
    }

    /// The organisation that the root's certificate names, for its services' names.
    func organization() throws(PKIError) -> DistinguishedName.Attribute {
        guard let organization = root.certificate.subject.values(of: .organization).first else {
            throw PKIError(.malformed, "the subject of \(root.files.certificate) has no organisation (O)")
        }
        return organization
    }
}

extension PKIError {
    /// Turns an error about bytes into one about the file they are from.
    static func reading<Value>(_ path: String, _ read: () throws(CryptoError) -> Value) throws(PKIError) -> Value {
        do throws(CryptoError) {
            return try read()
        } catch {
            throw PKIError(.malformed, "\(path): \(error.message)")
        }
    }

    /// Turns OpenSSL's refusal to issue something into ours.
    static func issuing<Value>(_ issue: () throws(CryptoError) -> Value) throws(PKIError) -> Value {
        do throws(CryptoError) {
            return try issue()
        } catch {
            throw PKIError(error.code == .malformedName ? .invalidName : .operationFailed, error.message)
        }
    }
}
