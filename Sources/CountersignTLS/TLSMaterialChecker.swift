internal import CountersignCrypto

/// The checks between bytes and ``TLSMaterial``, each with its own error.
struct TLSMaterialChecker {
    let files: TLSFiles
    let role: TLSMaterial.Role
    let now: Timestamp

    func identity(_ contents: TLSIdentityContents) throws(TLSError) -> TLSIdentity {
        let chain = try chain(contents.certificate)
        let certificate = try ownCertificate(chain)
        let key = try privateKey(contents, of: certificate)
        return TLSIdentity(chain: chain, certificate: certificate, key: key, digest: contents.digest)
    }

    /// Whatever can be parsed: ``problem(of:chain:)`` tells whether it is of use.
    func trust(_ contents: TLSTrustContents) throws(TLSError) -> TLSTrust {
        let anchors = try anchors(contents.ca)
        let lists = try revocationLists(contents.crl)
        do {
            let validator = try PathValidator(anchors: anchors, revocationLists: lists)
            return TLSTrust(validator: validator, revocationLists: lists ?? [], digest: contents.digest)
        } catch {
            throw TLSError(.malformedCA, "\(files.ca) cannot be used as trust: \(error)")
        }
    }

    /// What shuts out clients that have done nothing wrong: no CA certificate that is still valid, a list that has ended or
    /// has not begun, lists that do not answer for the CA of the own certificate.
    func problem(of trust: TLSTrust, chain: [Certificate]) -> TLSError? {
        if !trust.validator.anchors.contains(where: { now <= $0.notAfter }) {
            return TLSError(.certificateExpired, "every CA certificate in \(files.ca) has expired")
        }
        guard let source = files.crl else { return nil }
        if let untimely = trust.revocationLists.lazy.compactMap({ untimely($0, source) }).first { return untimely }
        guard trust.validator.isAnswered else {
            return TLSError(
                .crlInvalid,
                "\(source) does not answer for the CA in \(files.ca): no list in it is signed by one of its certificates")
        }
        return unanswered(trust.validator, chain, source)
    }

    private static let certificateHint =
        "it has to be PEM text with BEGIN CERTIFICATE; openssl x509 -inform der converts a binary one"
    private static let keyHint = "it has to be PEM text with BEGIN PRIVATE KEY; openssl pkey -inform der converts a binary one"

    private func chain(_ pem: [UInt8]) throws(TLSError) -> [Certificate] {
        do {
            return try Certificate.parsePEM(pem)
        } catch {
            throw TLSError(
                .malformedCertificate, "\(files.certificate) is not a certificate in PEM: \(error)", hint: Self.certificateHint)
        }
    }

    /// The first of the chain, valid now and for this role.
    private func ownCertificate(_ chain: [Certificate]) throws(TLSError) -> Certificate {
        guard let certificate = chain.first else {
            throw TLSError(.malformedCertificate, "\(files.certificate) holds no certificate")
        }
        guard now <= certificate.notAfter else {
            throw TLSError(
                .certificateExpired,
                "the certificate in \(files.certificate) expired at \(certificate.notAfter)",
                hint: "renew it, for instance with: countersign pki issue"
            )
        }
        guard now >= certificate.notBefore else {
            throw TLSError(
                .certificateNotYetValid,
                "the certificate in \(files.certificate) is not valid before \(certificate.notBefore)"
            )
        }
        guard !certificate.isCertificateAuthority else {
            throw TLSError(
                .certificatePurpose,
                "the first certificate in \(files.certificate) is a CA's",
                hint: "put the \(role.rawValue)'s own certificate first and the intermediates after it"
            )
        }
        let usages = certificate.extendedKeyUsages
        guard usages.isEmpty || usages.contains(role.extendedKeyUsage) else {
            throw TLSError(
                .certificatePurpose,
                "the certificate in \(files.certificate) is not for TLS \(role.rawValue)s (extended key usage)",
                hint: "have one issued for \(role.rawValue) authentication"
            )
        }
        return certificate
    }

    private func privateKey(_ contents: TLSIdentityContents, of certificate: Certificate) throws(TLSError) -> PrivateKey {
        let key: PrivateKey
        do {
            let passphrase = contents.passphrase?.withBytes { Self.withoutLineEnd($0) }
            key = try contents.privateKey.withBytes { pem throws(CryptoError) in
                try PrivateKey(pem: pem, passphrase: passphrase)
            }
        } catch {
            throw unusableKey(error)
        }
        guard key.matches(certificate) else {
            throw TLSError(
                .keyMismatch,
                "the private key in \(files.privateKey) is not the key of the first certificate in \(files.certificate)",
                hint: "name the key that this certificate was issued for"
            )
        }
        return key
    }

    private func unusableKey(_ error: CryptoError) -> TLSError {
        guard error.code == .wrongPassphrase else {
            return TLSError(
                .malformedKey, "\(files.privateKey) is not a private key that can be used: \(error)", hint: Self.keyHint)
        }
        guard let source = files.privateKeyPassphrase else {
            return TLSError(
                .wrongPassphrase,
                "\(files.privateKey) is encrypted and no passphrase is configured",
                hint: "decrypt it with: openssl pkey -in \(files.privateKey)"
            )
        }
        return TLSError(.wrongPassphrase, "the passphrase from \(source) does not open \(files.privateKey)")
    }

    private func anchors(_ pem: [UInt8]) throws(TLSError) -> [Certificate] {
        do {
            return try Certificate.parsePEM(pem)
        } catch {
            throw TLSError(.malformedCA, "\(files.ca) is not a CA certificate in PEM: \(error)", hint: Self.certificateHint)
        }
    }

    /// `nil` when none are configured, which turns revocation checks off.
    private func revocationLists(_ pem: [UInt8]?) throws(TLSError) -> [CertificateRevocationList]? {
        guard let pem, let source = files.crl else { return nil }
        do {
            return try CertificateRevocationList.parsePEM(pem)
        } catch {
            throw TLSError(.malformedCRL, "\(source) is not a revocation list in PEM: \(error)")
        }
    }

    private func untimely(_ list: CertificateRevocationList, _ source: PEMSource) -> TLSError? {
        guard now < list.nextUpdate else {
            return TLSError(
                .crlExpired,
                "the revocation list of \(list.issuer) in \(source) was to be replaced by \(list.nextUpdate)",
                hint: "publish a fresh one, for instance with: countersign pki crl --dir certs"
            )
        }
        guard now >= list.thisUpdate else {
            return TLSError(.crlNotYetValid, "the revocation list of \(list.issuer) in \(source) starts at \(list.thisUpdate)")
        }
        return nil
    }

    /// Where the own chain is under the same CA, it serves as the proof that the lists are the CA's: lists that are not shut
    /// everybody out.
    private func unanswered(_ validator: PathValidator, _ chain: [Certificate], _ source: PEMSource) -> TLSError? {
        guard let leaf = chain.first else { return nil }
        let intermediates = Array(chain.dropFirst())
        let verdict = validator.validate(leaf, intermediates: intermediates, purpose: role.purpose, at: now)
        guard case .failure(let failure) = verdict, Self.listFailures.contains(failure.code) else { return nil }
        return TLSError(.crlInvalid, "\(source) does not answer for the CA in \(files.ca): \(failure.message)")
    }

    private static let listFailures: [PathFailure.Code] = [
        .revocationListMissing, .revocationListInvalid, .revocationListExpired,
    ]

    private static func withoutLineEnd(_ passphrase: [UInt8]) -> [UInt8] {
        var passphrase = passphrase
        while let last = passphrase.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") {
            passphrase.removeLast()
        }
        return passphrase
    }
}

extension TLSMaterial.Role {
    fileprivate var purpose: PathValidator.Purpose {
        switch self {
        case .server: .server
        case .client: .client
        }
    }

    fileprivate var extendedKeyUsage: String {
        switch self {
        case .server: "1.3.6.1.5.5.7.3.1"
        case .client: "1.3.6.1.5.5.7.3.2"
        }
    }
}
