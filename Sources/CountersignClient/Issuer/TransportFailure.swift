internal import AsyncHTTPClient
internal import CountersignCrypto
internal import CountersignTLS
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Puts the network's errors into words: what happened, on which address, whose refusal it was and what is likely behind it.
struct TransportFailure {
    let url: String
    /// The own certificate that the connection was made with.
    let certificate: Certificate
    let now: Timestamp

    func reading(_ error: any Error) -> TokenError {
        // An error that only follows from being cancelled tells nothing about the issuer.
        if Task.isCancelled { return .cancelled }
        switch error {
        case is NIOTooManyBytesError:
            return TokenError(.answerTooLarge, "the answer of \(url) is too large")
        case let error as HTTPClientError:
            return reading(error)
        case let error as PinnedKeyCheck.Mismatch:
            return TokenError(
                .issuerNotTrusted,
                "the certificate of \(url) is good, and its key is not one of those that are pinned"
                    + (error.found.map { " but \($0)" } ?? ""),
                hint: "if the issuer has a new key, and whoever runs it says that it is this one, pin it"
            )
        case is NIOSSLExtraError, is NIOSSLError, is BoringSSLError:
            return reading(tls: "\(error)")
        case let error as NIOConnectionError:
            let reason = error.connectionErrors.first.map { ErrorWords.reason($0.error) } ?? ErrorWords.reason(error)
            let isNameUnknown = error.connectionErrors.isEmpty
            return TokenError(
                .unreachable,
                isNameUnknown ? "the host name of \(url) cannot be resolved" : "no connection to \(url): \(reason)",
                hint: addressHint
            )
        case let error as IOError:
            return TokenError(
                .unreachable,
                "no connection to \(url): \(ErrorWords.reason(error))",
                hint: Self.resets.contains(error.errnoCode) ? lateRefusalHint : addressHint
            )
        default:
            return TokenError(.unreachable, "the connection to \(url) failed: \(ErrorWords.reason(error))")
        }
    }

    private func reading(_ error: HTTPClientError) -> TokenError {
        switch error {
        case .connectTimeout, .tlsHandshakeTimeout, .deadlineExceeded, .readTimeout, .writeTimeout, .getConnectionFromPoolTimeout:
            TokenError(.timedOut, "\(url) did not answer in time")
        case .remoteConnectionClosed:
            TokenError(.unreachable, "the connection to \(url) was closed before there was an answer", hint: lateRefusalHint)
        default:
            TokenError(.unreachable, "the request to \(url) failed: \(error.shortDescription)")
        }
    }

    /// The TLS library tells its reasons only in words.
    private func reading(tls words: String) -> TokenError {
        if let alert = Self.alerts.first(where: { words.contains($0.word) }) {
            let isExpired = now > certificate.notAfter
            return TokenError(
                .certificateRefused,
                "the issuer at \(url) refused our certificate \(certificate.subject) (serial \(certificate.serialHex), "
                    + "valid until \(certificate.notAfter)): \(isExpired ? "it has expired" : alert.meaning)",
                hint: isExpired ? "renew the certificate" : alert.hint
            )
        }
        if words.contains("CERTIFICATE_VERIFY_FAILED") {
            return TokenError(
                .issuerNotTrusted,
                "we do not trust the certificate of \(url): it does not lead to our CA, has expired or is not for a server",
                hint: "check that the CA file is the one the issuer's certificate was issued by, and the clock"
            )
        }
        if words.contains("ailedToValidateHostname") || words.contains("failed to validate hostname") {
            return TokenError(
                .issuerNotTrusted,
                "the certificate of \(url) is for another host name",
                hint: "use a name that is in the issuer's certificate"
            )
        }
        if words.contains("WRONG_VERSION_NUMBER") || words.contains("HTTP_REQUEST") {
            return TokenError(.handshakeFailed, "\(url) does not speak TLS", hint: "check the port")
        }
        if words.contains("EOF during handshake") || words.contains("uncleanShutdown") {
            return TokenError(.unreachable, "\(url) closed the connection during the handshake", hint: lateRefusalHint)
        }
        return TokenError(.handshakeFailed, "the TLS handshake with \(url) failed: \(ErrorWords.tls(in: words))")
    }

    private var addressHint: String { "check the address, and whether the issuer is running" }

    /// With TLS 1.3 the server judges the client after the handshake is complete for the client, so a refusal can look like a
    /// connection that was lost.
    private var lateRefusalHint: String {
        "if this goes on, the issuer may be refusing our certificate \(certificate.subject) "
            + "(valid until \(certificate.notAfter)); its log says why"
    }
}
