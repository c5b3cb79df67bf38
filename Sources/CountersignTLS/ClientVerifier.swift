internal import CountersignCrypto

/// Judges what a client presented, by the CA and revocation lists in use at this moment.
struct ClientVerifier {
    /// The leaf and as many as the validator reads. Longer chains are refused unread; real ones have two to four certificates.
    static let maxCertificates = 9
    /// Of all certificates together; heavier chains are refused unread. Real certificates have one to three thousand bytes, those
    /// with post-quantum keys and signatures up to eight. To parse one takes many times its weight, and anybody can send some.
    static let maxBytes = 32 * 1024

    struct Refusal: Error {
        let code: HandshakeRefusal.Code
        let message: String
        var certificate: Certificate?
    }

    let tls: ReloadableTLS
    /// What the connection was opened with; the only material whose sessions it can resume.
    let opened: TLSMaterial
    let clock: @Sendable () -> Timestamp

    /// A full handshake: leaf first, then whatever else the client sent.
    ///
    /// The result is for the handshake's owner to hold back until the handshake is complete: only then has the client proved
    /// possession of the key.
    func judge(chain der: [[UInt8]]) throws(Refusal) -> Peer {
        guard der.count <= Self.maxCertificates else {
            throw Refusal(
                code: .certificateMalformed,
                message: "the client sent \(der.count) certificates; \(Self.maxCertificates) are read")
        }
        let bytes = der.reduce(0) { $0 + $1.count }
        guard bytes <= Self.maxBytes else {
            throw Refusal(
                code: .certificateMalformed,
                message: "the certificates the client sent have \(bytes) bytes; \(Self.maxBytes) are read")
        }
        let material = tls.current
        if let leaf = der.first, let chain = known(leaf, material), chain.isSent(in: der) {
            let certificates = try certificates(der.dropFirst(), after: chain, material)
            return peer(chain, intermediates: certificates, material)
        }
        return try judgeInFull(chain: der, material)
    }

    /// A resumed session: nothing but the leaf is known, and nobody has judged it on this connection.
    func judge(resumed der: [UInt8]?) throws(Refusal) -> Peer {
        guard let der else { throw Refusal(code: .noCertificate, message: "the session has no client certificate") }
        let material = tls.current
        if let chain = known(der, material) { return peer(chain, intermediates: chain.intermediates, material) }
        let leaf: Certificate
        do {
            leaf = try Certificate(der: der)
        } catch {
            throw Refusal(code: .certificateMalformed, message: error.message)
        }
        return try judge(leaf, intermediates: opened.knownIntermediates.candidates(for: leaf), material)
    }

    private func known(_ leaf: [UInt8], _ material: TLSMaterial) -> KnownChains.Chain? {
        material.trust.knownChains.chain(of: SHA256.digest(of: leaf), at: clock())
    }

    private func peer(_ chain: KnownChains.Chain, intermediates: [Certificate], _ material: TLSMaterial) -> Peer {
        opened.knownIntermediates.remember(chain.path)
        return Peer(
            provedPossessionOf: chain.leaf, intermediates: intermediates, standing: chain.path, under: material.validator,
            purpose: .client
        )
    }

    /// What was sent behind the leaf. What the path does not lead through now may be what it leads through under another CA, in the
    /// time in which one takes the place of the other.
    private func certificates(
        _ sent: ArraySlice<[UInt8]>, after chain: KnownChains.Chain, _ material: TLSMaterial
    ) throws(Refusal) -> [Certificate] {
        let known = chain.intermediates + material.validator.anchors
        var certificates: [Certificate] = []
        for der in sent {
            if let known = known.first(where: { $0.der == der }) {
                certificates.append(known)
                continue
            }
            do {
                certificates.append(try Certificate(der: der))
            } catch {
                throw Refusal(code: .certificateMalformed, message: error.message, certificate: chain.leaf)
            }
        }
        return certificates
    }

    private func judgeInFull(chain der: [[UInt8]], _ material: TLSMaterial) throws(Refusal) -> Peer {
        var certificates: [Certificate] = []
        for der in der {
            do {
                certificates.append(try Certificate(der: der))
            } catch {
                throw Refusal(code: .certificateMalformed, message: error.message, certificate: certificates.first)
            }
        }
        guard let leaf = certificates.first else {
            throw Refusal(code: .noCertificate, message: "the client presented no certificate")
        }
        return try judge(leaf, intermediates: Array(certificates.dropFirst()), material)
    }

    private func judge(
        _ leaf: Certificate, intermediates: [Certificate], _ material: TLSMaterial
    ) throws(Refusal) -> Peer {
        let peer = Peer(provedPossessionOf: leaf, intermediates: intermediates)
        switch peer.standing(under: material.validator, purpose: .client, at: clock()) {
        case .success(let path):
            opened.knownIntermediates.remember(path)
            let chain = KnownChains.Chain(leaf: leaf, path: path, anchors: material.validator.anchors)
            material.trust.knownChains.remember(chain, of: leaf.sha256)
            return peer
        case .failure(let failure):
            throw Refusal(
                code: HandshakeRefusal.Code(rawValue: failure.code.rawValue),
                message: failure.message,
                certificate: leaf
            )
        }
    }
}
