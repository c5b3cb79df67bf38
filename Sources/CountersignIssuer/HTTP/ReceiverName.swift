internal import Countersign
internal import CountersignCrypto
internal import HTTPTypes
internal import Hummingbird

/// Who fetches the key set and the status: what a rotation waits for.
struct ReceiverName {
    let name: String
    let instance: String

    /// The field by which processes that share a name tell themselves apart.
    static let instanceField = HTTPField.Name("Countersign-Instance")

    /// Nil for those that are not receivers: whoever is no service of the configuration, among them admins, who look at the key set
    /// with their own eyes and do not come back; a certificate or service that is denied; and a request that takes nothing home.
    ///
    /// - Parameter certificate: One that was accepted with this request.
    init?(_ certificate: Certificate, _ request: Request, _ state: IssuerState) {
        guard request.method == .get,
            case .success(let service) = state.snapshot.configuration.policy.service(for: certificate)
        else {
            return nil
        }
        let revocations = state.keys.snapshot.revocations
        guard !revocations.deny(certificate), !revocations.services.contains(service.id) else {
            return nil
        }
        name = service.id
        instance = Self.instanceField.flatMap { request.headers[$0] }.flatMap { Self.isInstance($0) ? $0 : nil } ?? ""
    }

    private static func isInstance(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && ConfigurationSyntax.isServiceID(text)
    }
}
