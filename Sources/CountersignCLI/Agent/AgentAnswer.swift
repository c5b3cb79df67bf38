import CountersignClient
import CountersignJSON
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The answers of an agent, all of them JSON that nobody may store.
enum AgentAnswer {
    /// As the issuer would answer (RFC 6749 section 5.1), with what is left of the life.
    static func token(_ token: AccessToken) -> Response {
        let left = token.expiresAt.seconds(since: .now())
        var object: JSONObject = [
            "access_token": .string(token.value), "token_type": "Bearer", "expires_in": .integer(max(0, left)),
            "expires_at": .integer(token.expiresAt.secondsSince1970),
        ]
        if !token.claims.scope.isEmpty { object.append("scope", .string(token.claims.scope.joined(separator: " "))) }
        return json(.ok, object)
    }

    /// 503 with `Retry-After` for what passes, 502 for an issuer that said no or cannot be understood.
    static func failure(_ failure: TokenError) -> Response {
        guard failure.isTemporary else { return error(.badGateway, failure.oauthCode ?? failure.code.rawValue, failure.message) }
        var response = error(.serviceUnavailable, failure.code.rawValue, failure.message)
        response.headers[.retryAfter] = "\(max(1, failure.retryAfter?.components.seconds ?? 1))"
        return response
    }

    static func ready(_ tokens: AgentTokens) async -> Response {
        await tokens.isReady ? json(.ok, ["status": "ready"]) : json(.serviceUnavailable, ["status": "not-ready"])
    }

    static func error(_ status: HTTPResponse.Status, _ code: String, _ message: String) -> Response {
        json(status, ["error": .string(code), "error_description": .string(message)])
    }

    static func json(_ status: HTTPResponse.Status, _ object: JSONObject) -> Response {
        // Only text that is no Unicode cannot be written, and we have none.
        let bytes = (try? JSONWriter.bytes(.object(object))) ?? []
        return Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }
}
