import CountersignCrypto
import CountersignTLS
import Foundation
import NIOCore
import NIOSSL

extension BenchOutcome {
    /// A request without an answer, by what NIO says: in few words, the same for the same reason.
    init(_ error: any Error) {
        switch error {
        case let error as IOError where error.errnoCode == ECONNREFUSED: self = .lost("connection refused")
        case let error as IOError where [ECONNRESET, EPIPE].contains(error.errnoCode): self = .closed
        case let error as IOError: self = .lost("system error \(error.errnoCode)")
        case ChannelError.connectTimeout: self = .timedOut
        case is ChannelError, NIOSSLError.uncleanShutdown: self = .closed
        default: self = .lost("TLS or HTTP failed (\(ErrorWords.reason(error)))")
        }
    }

    /// The same, by what OpenSSL's connections say.
    init(_ error: TLSClientError) {
        switch error.code {
        case .timedOut: self = .timedOut
        case .closed: self = .closed
        default: self = .lost(error.message)
        }
    }

    /// Of a failure; empty for a token.
    var reason: String {
        switch self {
        case .token: ""
        case .refused(let reason), .shed(let reason), .lost(let reason): reason
        }
    }
}
