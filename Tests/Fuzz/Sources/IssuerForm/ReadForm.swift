/// What the token endpoint does with a body.
package enum IssuerForm {
    /// - Returns: whether it is a request that can be decided about.
    package static func read(_ bytes: [UInt8]) -> Bool {
        (try? TokenRequest(form: bytes)) != nil
    }
}
