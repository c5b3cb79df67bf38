public import CountersignCrypto

/// A request to the issuer, complete and bounded.
public struct IssuerRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    public var method: Method
    /// The whole address.
    public var url: String
    /// Names and values of the fields to send.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// An answer with a larger body is refused, with `answer-too-large`, before it is read to its end.
    public var maxAnswerBytes: Int

    public init(
        _ method: Method,
        _ url: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        maxAnswerBytes: Int
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.maxAnswerBytes = maxAnswerBytes
    }
}

extension IssuerRequest {
    /// By which processes that share a certificate tell themselves apart: the issuer waits for each of them in a rotation.
    static let instanceField = "Countersign-Instance"
    static let maxInstanceBytes = 64

    /// Issuers ignore other names, and take all processes that have one for the same.
    static func isInstance(_ text: String) -> Bool {
        1...maxInstanceBytes ~= text.utf8.count
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default:
                    false
                }
            }
    }
}

/// What came back. Nothing in it has been judged.
public struct IssuerAnswer: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// The own certificate that the connection was made with.
    public var certificate: Certificate

    public init(status: Int, headers: [(name: String, value: String)], body: [UInt8], certificate: Certificate) {
        self.status = status
        self.headers = headers
        self.body = body
        self.certificate = certificate
    }

    /// The value of a field that appears exactly once; names are compared without regard to case.
    public func header(_ name: String) -> String? {
        let values = headers.filter { $0.name.lowercased() == name.lowercased() }
        return values.count == 1 ? values.first?.value : nil
    }
}

/// The way to the issuer: one request to one address over mutual TLS. ``MutualTLSTransport`` is the real one.
///
/// Retries, other addresses and deadlines are not its business: it is cancelled when the time is up, and must heed that.
public protocol IssuerTransport: Sendable {
    /// The own certificate that the next new connection will be made with.
    var certificate: Certificate { get }

    /// The digest of ``certificate``. Read on every use of a cached token, so it must be cheap and never block.
    var certificateSHA256: SHA256Digest { get }

    /// Sends and waits for the whole answer. Follows no redirect.
    ///
    /// - Throws: ``TokenError`` when there is no whole answer; any status that was received is an answer.
    func send(_ request: IssuerRequest) async throws(TokenError) -> IssuerAnswer
}

extension IssuerTransport {
    public var certificateSHA256: SHA256Digest { certificate.sha256 }
}
