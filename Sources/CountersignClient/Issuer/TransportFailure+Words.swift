#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension TransportFailure {
    /// A server's verdict on our certificate, as TLS tells it (RFC 8446 section 6.2).
    struct Alert: Sendable {
        /// As it stands in the TLS library's words.
        let word: String
        let meaning: String
        let hint: String
    }

    private static let likeliestReasons =
        "the likeliest reasons: expired, revoked, of another CA, not for client authentication; the issuer's log names it"

    static let alerts = [
        Alert(
            word: "ALERT_UNKNOWN_CA",
            meaning: "its CA is not known there",
            hint: "use a certificate of the CA that the issuer trusts for clients, with its intermediates"
        ),
        Alert(
            word: "ALERT_CERTIFICATE_EXPIRED",
            meaning: "it has expired, or is not yet valid there",
            hint: "renew the certificate, and check both clocks"
        ),
        Alert(
            word: "ALERT_CERTIFICATE_REVOKED",
            meaning: "it is revoked",
            hint: "have a new certificate issued"
        ),
        Alert(
            word: "ALERT_UNSUPPORTED_CERTIFICATE",
            meaning: "it is not for client authentication",
            hint: "have it issued for client authentication (extended key usage)"
        ),
        Alert(
            word: "CERTIFICATE_REQUIRED",
            meaning: "none arrived there",
            hint: "check that the certificate file holds the certificate of the key"
        ),
        Alert(
            word: "ALERT_CERTIFICATE_UNKNOWN",
            meaning: "the issuer does not say why",
            hint: likeliestReasons
        ),
        Alert(
            word: "ALERT_BAD_CERTIFICATE",
            meaning: "the issuer does not say why",
            hint: likeliestReasons
        ),
        Alert(
            word: "ALERT_ACCESS_DENIED",
            meaning: "it is valid and not allowed there",
            hint: "ask whoever runs the issuer"
        ),
    ]

    /// How a connection looks that the other side gave up.
    static let resets: Set<CInt> = [ECONNRESET, EPIPE]
}
