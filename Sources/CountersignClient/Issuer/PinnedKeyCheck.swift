internal import CountersignCrypto
internal import NIOCore
internal import NIOSSL

/// Closes a TLS connection whose server has another key than those that are pinned. Fails closed.
struct PinnedKeyCheck {
    struct Mismatch: Error {
        /// `nil` when the server's certificate could not be read.
        let found: KeyPin?
    }

    private let pinnedKeys: Set<KeyPin>

    init(_ pinnedKeys: Set<KeyPin>) {
        self.pinnedKeys = pinnedKeys
    }

    func run(on channel: any Channel) -> EventLoopFuture<Void> {
        let pinnedKeys = pinnedKeys
        return channel.nioSSL_peerCertificate().flatMap { certificate in
            let leaf = (try? certificate?.toDERBytes()).flatMap { try? Certificate(der: $0) }
            let found = leaf.map(KeyPin.init(of:))
            if let found, pinnedKeys.contains(found) { return channel.eventLoop.makeSucceededVoidFuture() }
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(Mismatch(found: found))
        }
    }
}
