import CountersignClient
import Foundation
import NIOCore
import NIOHTTP1

/// The one request that is sent again and again: what the client library would send, in the form that each kind of load needs.
struct BenchRequest: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer

    init(_ request: IssuerRequest) {
        let url = URL(string: request.url)
        let port = url?.port.map { ":\($0)" } ?? ""
        var headers = HTTPHeaders([("Host", (url?.host() ?? "") + port)])
        headers.add(contentsOf: request.headers.map { ($0.name, $0.value) })
        headers.add(name: "Content-Length", value: "\(request.body.count)")
        let method = HTTPMethod(rawValue: request.method.rawValue)
        head = HTTPRequestHead(version: .http1_1, method: method, uri: url?.path() ?? "/", headers: headers)
        body = ByteBuffer(bytes: request.body)
    }

    /// On a connection that is to end with the answer.
    var closingBytes: [UInt8] {
        var text = "\(head.method.rawValue) \(head.uri) HTTP/1.1\r\n"
        for (name, value) in head.headers { text += "\(name): \(value)\r\n" }
        return Array((text + "Connection: close\r\n\r\n").utf8) + Array(body.readableBytesView)
    }
}
