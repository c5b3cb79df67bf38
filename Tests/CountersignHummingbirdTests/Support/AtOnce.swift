import CountersignCrypto
import CountersignHummingbird
import HTTPTypes
import NIOCore
import Synchronization

/// Answers `POST /immediate` with the client's subject and the length of what it sent, and `POST /ample` with a mebibyte.
final class AtOnce: ImmediateResponder {
    let maximumBodyBytes = 1000
    private let count = Mutex(0)

    /// How many requests have been answered.
    var answered: Int { count.withLock { $0 } }

    func answers(_ request: HTTPRequest) -> Bool {
        request.method == .post && ["/immediate", "/ample"].contains(request.path)
    }

    func answer(to request: HTTPRequest, body: ByteBuffer?, from peer: Peer?) -> ImmediateAnswer {
        count.withLock { $0 += 1 }
        if request.path == "/ample" {
            return ImmediateAnswer(HTTPResponse(status: .ok), ByteBuffer(repeating: 0x61, count: 1 << 20))
        }
        let text = "\(peer.map { "\($0.certificate.subject)" } ?? "nobody") \(body.map { "\($0.readableBytes)" } ?? "too large")."
        return ImmediateAnswer(HTTPResponse(status: body == nil ? .contentTooLarge : .ok), ByteBuffer(string: text))
    }
}
