internal import Countersign
internal import CountersignCrypto
internal import CountersignHummingbird
internal import CountersignJOSE
internal import CountersignTLS
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// `POST /oauth2/token`: certificate in, token out.
struct TokenEndpoint: Sendable {
    private let state: IssuerState

    init(_ state: IssuerState) {
        self.state = state
    }

    /// Answers one request and logs what became of it. Never logs a token.
    ///
    /// - Parameter body: `nil` when it is larger than ``FormBody/maximumBytes``.
    func answer(
        to header: TokenRequestHeader, body: ByteBuffer?, from peer: Peer?, requestID: String
    ) -> WholeResponse {
        var record = TokenRecord(requestID: requestID)
        do throws(TokenRefusal) {
            let (now, snapshot) = (state.clock(), state.snapshot)
            // Nobody's form is parsed who would get no token anyway.
            let caller = try caller(peer, snapshot, at: now, &record)
            try header.check()
            guard let body else {
                record.log(.bodyTooLarge, in: state)
                return Self.response(.contentTooLarge, body: OAuthError.bodyTooLarge.body)
            }
            let tokenRequest = try TokenRequest(form: body.readableBytesView)
            record.target = tokenRequest.target.name
            let answer = try token(for: tokenRequest, caller, snapshot, at: now, &record)
            record.logIssued(to: state.logger)
            return Self.response(.ok, body: answer)
        } catch {
            record.log(error, in: state)
            return response(to: error.error)
        }
    }

    /// The same for the requests that the application serves: those over HTTP/2, and those that follow others on a connection.
    func respond(to request: Request, context: IssuerRequestContext) async throws -> Response {
        let peer = await context.peer()
        // Before the body, so that nobody else's is read at all. A body may take seconds to come; what counts is who may have a
        // token when it is made.
        let header = TokenRequestHeader(request.headers)
        if let refusal = refusal(of: header, from: peer, requestID: context.requestID) { return Response(refusal) }
        let body: ByteBuffer?
        do {
            body = try await request.body.collect(upTo: FormBody.maximumBytes)
        } catch is NIOTooManyBytesError {
            body = nil
        }
        return Response(answer(to: header, body: body, from: peer, requestID: context.requestID))
    }

    /// What there is to refuse before the body is known, logged; `nil` when there is nothing.
    private func refusal(of header: TokenRequestHeader, from peer: Peer?, requestID: String) -> WholeResponse? {
        var record = TokenRecord(requestID: requestID)
        do throws(TokenRefusal) {
            _ = try caller(peer, state.snapshot, at: state.clock(), &record)
            try header.check()
            return nil
        } catch {
            record.log(error, in: state)
            return response(to: error.error)
        }
    }
}

extension TokenEndpoint {
    /// Everything about the connection is decided before the request is looked at.
    private func caller(
        _ peer: Peer?, _ snapshot: IssuerSnapshot, at now: Timestamp, _ record: inout TokenRecord
    ) throws(TokenRefusal) -> TokenCaller {
        guard let peer else {
            throw TokenRefusal(.noCertificate, OAuthError(.invalidClient, "the connection has no client certificate"))
        }
        record.certificate = peer.certificate
        let standing = peer.standing(under: state.tls.current.validator, purpose: .client, at: now)
        let caller = try snapshot.tokenIssuer.caller(of: peer, standing: standing).get()
        record.service = caller.service.id
        try caller.check(state.keys.snapshot.revocations)
        return caller
    }

    private func token(
        for request: TokenRequest, _ caller: TokenCaller, _ snapshot: IssuerSnapshot, at now: Timestamp,
        _ record: inout TokenRecord
    ) throws(TokenRefusal) -> [UInt8] {
        guard let signer = state.keys.snapshot.signer else {
            throw TokenRefusal(
                .keysUnavailable, OAuthError(.temporarilyUnavailable, "no key can sign at the moment; try again later")
            )
        }
        do {
            let random = try SecureRandom.bytes(16)
            let tokenID = Base64URL.encode(random)
            let claims = try snapshot.tokenIssuer.claims(for: request, from: caller, tokenID: tokenID, at: now).get()
            // Only what would be a token counts: a refusal for another reason keeps its reason.
            try checkRate(of: caller.service, snapshot)
            let token = try signer.token(for: claims)
            record.keyID = signer.kid
            record.tokenID = tokenID
            let life = claims.expiresAt.seconds(since: now)
            return TokenAnswer.body(
                token: token, expiresIn: life,
                refreshIn: RefreshSpread.seconds(of: life, chance: RefreshSpread.chance(of: random)), scope: claims.scope
            )
        } catch let refusal as TokenRefusal {
            throw refusal
        } catch {
            throw TokenRefusal(
                .checkFailed, OAuthError(.temporarilyUnavailable, "the token could not be signed; try again later"),
                log: "\(error)"
            )
        }
    }

    private func checkRate(of service: ServiceEntry, _ snapshot: IssuerSnapshot) throws(TokenRefusal) {
        guard let bucket = snapshot.rates[service.id], case .limited(let wait) = bucket.take(at: state.elapsed()) else { return }
        let rate = bucket.rate
        throw TokenRefusal(
            .rateLimited,
            .rateLimited(
                "\(service.id) may have \(rate.perSecond) tokens a second, \(rate.burst) at once: try again in \(wait) s",
                retryAfter: wait
            )
        )
    }

    private func response(to error: OAuthError) -> WholeResponse {
        var response = Self.response(HTTPResponse.Status(code: error.status), body: error.body)
        if error.status == 401 {
            response.fields[.wwwAuthenticate] = state.challenge
        }
        if let retryAfter = error.retryAfter {
            response.fields[.retryAfter] = "\(retryAfter)"
        }
        return response
    }

    private static func response(_ status: HTTPResponse.Status, body: [UInt8]) -> WholeResponse {
        WholeResponse(status, fields: fields, body: body)
    }

    /// RFC 6749, section 5.1.
    private static let fields: HTTPFields = {
        var fields: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        if let pragma = HTTPField.Name("Pragma") {
            fields[pragma] = "no-cache"
        }
        return fields
    }()
}

extension Response {
    fileprivate init(_ response: WholeResponse) {
        self.init(
            status: response.status, headers: response.fields,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: response.body)))
    }
}

extension OAuthError {
    static let bodyTooLarge = OAuthError(.invalidRequest, "the body is larger than \(FormBody.maximumBytes / 1024) KiB")
}

extension TokenRefusal {
    static let bodyTooLarge = TokenRefusal(.requestMalformed, .bodyTooLarge)
}
