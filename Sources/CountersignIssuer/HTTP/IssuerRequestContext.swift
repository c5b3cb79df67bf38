internal import CountersignCrypto
internal import CountersignTLS
internal import Hummingbird
internal import Logging
internal import NIOCore

/// What a request's handler knows besides the request: its connection and its number.
struct IssuerRequestContext: InitializableFromSource, Sendable {
    private let channel: any Channel
    /// Names the request in the log.
    let requestID: String

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
        requestID = source.logger[metadataKey: "hb.request.id"]?.description ?? "-"
    }

    /// Who is at the other end of the connection.
    func peer() async -> Peer? {
        await channel.mutualTLSPeer()
    }
}
