internal import CountersignCrypto
internal import CountersignTLS
internal import HTTPTypes
internal import Hummingbird

extension IssuerState {
    /// The certificate of a connection, if it is good at this moment. Asked with every request: a connection outlives certificates
    /// and lists.
    ///
    /// - Throws: What to answer. Fails closed: 503 when nobody can know, 401 otherwise.
    func acceptedCertificate(of peer: Peer?, at now: Timestamp) throws(Problem) -> Certificate {
        guard let peer else {
            throw Problem(status: .unauthorized, detail: "The connection has no client certificate.", code: "no-certificate")
        }
        if case .failure(let failure) = peer.standing(under: tls.current.validator, purpose: .client, at: now) {
            let code = failure.code.rawValue
            guard !failure.isUnknowable else {
                throw Problem(
                    status: .serviceUnavailable, detail: "The issuer cannot check certificates at the moment.", code: code,
                    headers: [.retryAfter: "5"])
            }
            throw Problem(status: .unauthorized, detail: "The client certificate is not accepted.", code: code)
        }
        return peer.certificate
    }

    /// The answer of a problem, with the challenge that a 401 must have.
    func response(to problem: Problem) -> Response {
        var problem = problem
        if problem.status == .unauthorized { problem.headers[.wwwAuthenticate] = challenge }
        return problem.response
    }
}
