import CountersignJSON

/// What became of one request.
enum BenchOutcome: Equatable, Sendable {
    case token
    /// The issuer answered, with something else.
    case refused(String)
    /// The issuer answered that it has too much to do: 429 or 503.
    case shed(String)
    /// No answer.
    case lost(String)

    static let tooLarge = BenchOutcome.refused("an answer of more than \(maxBytes) bytes")
    static let timedOut = BenchOutcome.lost("no answer in time")
    static let closed = BenchOutcome.lost("connection closed by the other side")

    /// Larger answers are not read.
    static let maxBytes = 64 * 1024
    /// How long a request may take, in seconds.
    static let timeout: Int64 = 10

    /// Judges a whole answer. The tokens themselves were looked at once, before the load began.
    init(status: Int, body: some Collection<UInt8>) {
        guard status != 200 else {
            self = body.contains("\"access_token\"".utf8) ? .token : .refused("200 without a token")
            return
        }
        let code = (try? JSONReader.parseObject(Array(body)))?.string("error") ?? ""
        // Written by the other side: printed only as far as an error code may go (RFC 6749 section 5.2).
        let printable = code.utf8.filter { 0x21...0x7E ~= $0 }.prefix(64)
        let reason = printable.isEmpty ? "\(status)" : "\(status) \(String(decoding: printable, as: UTF8.self))"
        self = status == 429 || status == 503 ? .shed(reason) : .refused(reason)
    }
}
