internal import AsyncHTTPClient
public import HTTPTypes
public import NIOCore
internal import NIOHTTP1

extension ServiceClient {
    /// The same in the vocabulary of Hummingbird, which is that of swift-http-types, with whole bodies.
    ///
    /// ```swift
    /// router.get("/profile") { request, context in
    ///     let search = HTTPRequest(method: .get, scheme: "https", authority: "search.link.internal", path: "/search")
    ///     let (answer, body) = try await client.send(search, timeout: .seconds(5))
    ///     return Response(status: answer.status, body: ResponseBody(byteBuffer: body))
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - request: with scheme, authority and path.
    ///   - maxAnswerBytes: a longer answer is an error (`NIOTooManyBytesError`), and not read to its end.
    /// - Throws: as ``execute(_:scope:bodyIsReplayable:timeout:)``.
    public func send(
        _ request: HTTPRequest, body: ByteBuffer? = nil, scope: [String] = [], maxAnswerBytes: Int = 1 << 20, timeout: TimeAmount
    ) async throws -> (HTTPResponse, ByteBuffer) {
        var message = HTTPClientRequest(url: "\(request.scheme ?? "")://\(request.authority ?? "")\(request.path ?? "/")")
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        message.headers = HTTPHeaders(request.headerFields.map { ($0.name.rawName, $0.value) })
        if let body { message.body = .bytes(body) }
        let answer = try await execute(message, scope: scope, bodyIsReplayable: true, timeout: timeout)
        let content = try await answer.body.collect(upTo: maxAnswerBytes)
        var fields = HTTPFields()
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return (HTTPResponse(status: .init(code: Int(answer.status.code)), headerFields: fields), content)
    }
}
