import CountersignHummingbird
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

/// Who sends a body where none is read.
@Suite struct BodyCutoffTests {
    private let channel = EmbeddedChannel(handler: BodyCutoff())

    init() throws {
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func read(_ fields: HTTPFields) throws {
        let head = HTTPRequest(method: .get, scheme: "http", authority: "a", path: "/livez", headerFields: fields)
        try channel.writeInbound(HTTPRequestPart.head(head))
    }

    /// How many requests have come whole.
    private func requests() throws -> Int {
        var ends = 0
        while let part = try channel.readInbound(as: HTTPRequestPart.self) {
            switch part {
            case .head: break
            case .body: Issue.record("a body was let through")
            case .end: ends += 1
            }
        }
        return ends
    }

    /// Answers a request, and tells whether the answer says that it is the last.
    private func answer() throws -> Bool? {
        try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
        var isLast: Bool?
        while let part = try channel.readOutbound(as: HTTPResponsePart.self) {
            if case .head(let response) = part { isLast = response.headerFields[.connection] == "close" }
        }
        return isLast
    }

    @Test(arguments: [[.contentLength: "10"], [.transferEncoding: "chunked"]] as [HTTPFields])
    func isAnsweredAtOnceAndForTheLastTime(fields: HTTPFields) throws {
        try read(fields)
        #expect(try requests() == 1)
        try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(string: "a")))
        #expect(channel.isActive)
        #expect(try answer() == true)
        #expect(!channel.isActive)
    }

    @Test(arguments: [[:], [.contentLength: "0"]] as [HTTPFields])
    func whoSendsNoneIsServedAsOftenAsItLikes(fields: HTTPFields) throws {
        for _ in 0..<2 {
            try read(fields)
            try channel.writeInbound(HTTPRequestPart.end(nil))
            #expect(try requests() == 1)
            #expect(try answer() == false)
        }
        #expect(channel.isActive)
        _ = try? channel.finish()
    }

    @Test func requestsBeforeItAreAnsweredFirst() throws {
        try read([:])
        try channel.writeInbound(HTTPRequestPart.end(nil))
        try read([.contentLength: "10"])
        try read([:])
        #expect(try requests() == 2)
        #expect(try answer() == false)
        #expect(channel.isActive)
        #expect(try answer() == true)
        #expect(!channel.isActive)
    }
}
