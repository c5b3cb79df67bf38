package import HTTPTypes
internal import NIOCore
internal import NIOHTTP1

/// A response that is whole before its first byte is sent.
package struct WholeResponse: Sendable {
    package var status: HTTPResponse.Status
    /// Without `Content-Length`, `Date` and `Connection`, which are added when it is sent.
    package var fields: HTTPFields
    package var body: [UInt8]

    package init(_ status: HTTPResponse.Status, fields: HTTPFields = [:], body: [UInt8]) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

extension WholeResponse {
    /// The response as HTTP/1 (RFC 9112, section 2.1): it passes through the pipeline once, and is sealed in as few TLS records as can be.
    ///
    /// - Parameters:
    ///   - isLast: Whether the connection ends with it.
    ///   - isToHead: Whether it is the answer to a HEAD request, so that it has no body.
    func http1(
        _ version: HTTPVersion, isLast: Bool, isToHead: Bool, date: String?, allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        var bytes = allocator.buffer(capacity: body.count + 512)
        bytes.writeStaticString(version == .http1_0 ? "HTTP/1.0 " : "HTTP/1.1 ")
        bytes.writeString(String(status.code))
        bytes.writeStaticString(" ")
        // A status that was made of its number has no words.
        let words = status.reasonPhrase
        bytes.writeString(words.isEmpty ? HTTPResponseStatus(statusCode: status.code).reasonPhrase : words)
        for field in fields { bytes.write(field: field.name.rawName, field.value) }
        bytes.write(field: "Content-Length", String(body.count))
        if let date { bytes.write(field: "Date", date) }
        if isLast { bytes.write(field: "Connection", "close") }
        bytes.writeStaticString("\r\n\r\n")
        if !isToHead { bytes.writeBytes(body) }
        return bytes
    }
}

extension ByteBuffer {
    /// Ends the line before.
    fileprivate mutating func write(field name: String, _ value: String) {
        writeStaticString("\r\n")
        writeString(name)
        writeStaticString(": ")
        writeString(value)
    }
}
