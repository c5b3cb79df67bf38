import Countersign
import CountersignTesting

extension Workload {
    static let certificates = [
        // What a token's cnf claim says of a certificate (RFC 8705 section 3.1).
        Workload("thumbprint", isShort: true) {
            let certificate = try Fixture.shared.get().caller.certificate
            return { for _ in 0..<$0 { _ = Base64URL.encode(SHA256.digest(of: certificate.der).bytes) } }
        },
        pathValidation("path validation", withLists: false),
        pathValidation("path validation with revocation lists", withLists: true),
    ]

    /// Leaf, intermediate and root, with nothing remembered.
    private static func pathValidation(_ name: String, withLists: Bool) -> Workload {
        Workload(name) {
            let root = try TestAuthority()
            let intermediate = try root.intermediate()
            let leaf = try intermediate.issue("user-svc")
            let lists = withLists ? [try root.revocationList(), try intermediate.revocationList()] : nil
            let validator = try PathValidator(anchors: [root.certificate], revocationLists: lists)
            return { count in
                for _ in 0..<count {
                    _ = try validator.validate(
                        leaf.certificate, intermediates: leaf.intermediates, purpose: .client, at: TestClock.now
                    ).get()
                }
            }
        }
    }
}
