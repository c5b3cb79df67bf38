import CountersignCrypto
import CountersignHummingbird
import HTTPTypes
import NIOCore
import NIOHTTP1
import Synchronization

/// Answers `POST /immediate` with the client's subject and the length of what it sent, and `POST /ample` with a mebibyte.
final class AtOnce: ImmediateResponder {
    let maximumBodyBytes = 1000
    private let count = Mutex(0)

    /// How many requests have been answered.
    var answered: Int { count.withLock { $0 } }

    func answers(_ request: HTTPRequestHead) -> Bool {
        request.method == .POST && ["/immediate", "/ample"].contains(request.uri)
    }

    func answer(to request: HTTPRequestHead, body: ByteBuffer?, from peer: Peer?) -> WholeResponse {
        count.withLock { $0 += 1 }
        if request.uri == "/ample" {
            return WholeResponse(.ok, body: Array(repeating: 0x61, count: 1 << 20))
        }
        let text = "\(peer.map { "\($0.certificate.subject)" } ?? "nobody") \(body.map { "\($0.readableBytes)" } ?? "too large")."
        return WholeResponse(body == nil ? .contentTooLarge : .ok, body: Array(text.utf8))
    }
}
