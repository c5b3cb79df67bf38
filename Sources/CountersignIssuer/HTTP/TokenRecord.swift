internal import CountersignCrypto
internal import CountersignJOSE
internal import Logging

/// What is known about a token request so far, for the one log line that it leaves.
struct TokenRecord {
    let requestID: String
    var certificate: Certificate?
    var service: String?
    /// The audience or resource as the peer named it.
    var target: String?
    var keyID: KeyID?
    var tokenID: String?

    init(requestID: String) {
        self.requestID = requestID
    }

    func logIssued(to logger: Logger) {
        var metadata = common
        metadata["outcome"] = "issued"
        metadata["kid"] = keyID.map { .string($0.rawValue) }
        metadata["jti"] = tokenID.map { .string($0) }
        logger.info("token issued", metadata: metadata)
    }

    /// Tells of a refusal, or counts it for a later line.
    func log(_ refusal: TokenRefusal, in state: IssuerState) {
        let caller = service ?? certificate?.serialHex ?? ""
        guard let refused = state.refusedRequests.tell("\(refusal.reason)", to: caller, at: state.elapsed()) else { return }
        var metadata = common
        metadata["outcome"] = "refused"
        metadata["reason"] = "\(refusal.reason)"
        metadata["error"] = "\(refusal.error.code)"
        metadata["message"] = "\(refusal.message)"
        metadata["refused"] = Logger.Metadata.refused(refused)
        if service == nil, let certificate {
            // Nobody can tell from a reason alone which certificate an operator has to look at.
            metadata["subject"] = "\(certificate.subject)"
            metadata["issuer"] = "\(certificate.issuer)"
            metadata["serial"] = "\(certificate.serialHex)"
            metadata["names"] = "\((certificate.uris + certificate.dnsNames).prefix(8).joined(separator: " "))"
        }
        state.logger.notice("token refused", metadata: metadata)
    }

    private var common: Logger.Metadata {
        var metadata = Logger.Metadata(minimumCapacity: 8)
        metadata["request"] = .string(requestID)
        metadata["service"] = service.map { .string($0) }
        metadata["audience"] = target.map { .string($0) }
        return metadata
    }
}
