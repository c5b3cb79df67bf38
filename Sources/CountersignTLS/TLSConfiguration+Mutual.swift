internal import CountersignCrypto
internal import NIOSSL

extension TLSConfiguration {
    /// The protocols a server offers, in order of preference.
    static let serverApplicationProtocols = ["h2", "http/1.1"]

    /// TLS 1.2 or newer, authenticated encryption with forward secrecy only, no SHA-1, and trust in `anchors` alone.
    ///
    /// A server demands a certificate and leaves the verdict to the callback that ``MutualTLS`` sets; its `anchors` only
    /// name the CAs it accepts, so that clients with several certificates can choose. A client verifies the server's chain
    /// and host name itself.
    static func mutual(
        _ role: TLSMaterial.Role,
        chain: [Certificate],
        key: PrivateKey,
        anchors: [Certificate]
    ) throws(TLSError) -> TLSConfiguration {
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.cipherSuiteValues = acceptedCipherSuites
            configuration.verifySignatureAlgorithms = acceptedSignatureAlgorithms
            configuration.certificateChain = try chain.map { .certificate(try NIOSSLCertificate(bytes: $0.der, format: .der)) }
            configuration.privateKey = .privateKey(try key.pem().withBytes { try NIOSSLPrivateKey(bytes: $0, format: .pem) })
            configuration.trustRoots = .certificates(try anchors.map { try NIOSSLCertificate(bytes: $0.der, format: .der) })
            switch role {
            case .server:
                configuration.certificateVerification = .noHostnameVerification
                configuration.sendCANameList = true
                configuration.applicationProtocols = serverApplicationProtocols
            case .client:
                configuration.certificateVerification = .fullVerification
            }
            return configuration
        } catch {
            throw TLSError(
                .contextFailed,
                "the TLS library refuses the certificate, its key or a CA certificate: \(ErrorWords.reason(error))")
        }
    }

    private static let acceptedCipherSuites: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    private static let acceptedSignatureAlgorithms: [SignatureAlgorithm] = [
        .ecdsaSecp256R1Sha256, .ecdsaSecp384R1Sha384, .ecdsaSecp521R1Sha512, .ed25519,
        .rsaPssRsaeSha256, .rsaPssRsaeSha384, .rsaPssRsaeSha512,
        .rsaPkcs1Sha256, .rsaPkcs1Sha384, .rsaPkcs1Sha512,
    ]
}
