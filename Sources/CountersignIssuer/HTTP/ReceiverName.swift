internal import Countersign
internal import CountersignCrypto
internal import CountersignTLS
internal import HTTPTypes
internal import Hummingbird

/// Who fetches the key set and the status: what a rotation waits for.
struct ReceiverName {
    let name: String
    let instance: String

    /// The field by which processes that share a name tell themselves apart.
    static let instanceField = HTTPField.Name("Countersign-Instance")

    /// Nil for those that are not receivers: a connection whose certificate is not good now, and admins, who look at the key set
    /// with their own eyes and do not come back.
    init?(_ peer: Peer?, _ request: Request, _ state: IssuerState, at now: Timestamp) {
        guard let peer, case .success = peer.standing(under: state.tls.current.validator, purpose: .client, at: now) else {
            return nil
        }
        let policy = state.snapshot.configuration.policy
        switch policy.service(for: peer.certificate) {
        case .success(let service):
            name = service.id
        case .failure:
            guard let identity = try? CertificateIdentity(peer.certificate),
                !policy.admins.contains(where: { $0.matches(identity) })
            else {
                return nil
            }
            name = LogText.escaped("\(identity.subject)")
        }
        instance = Self.instanceField.flatMap { request.headers[$0] }.flatMap { Self.isInstance($0) ? $0 : nil } ?? ""
    }

    private static func isInstance(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && ConfigurationSyntax.isServiceID(text)
    }
}
