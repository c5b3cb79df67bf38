import AsyncHTTPClient
import CountersignTLS
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// Sends requests to the receiver with one client certificate, or with none.
final class DemoBrowser: Sendable {
    private let client: HTTPClient
    private let url: String

    /// - Parameter material: the certificate to present; `nil`: none.
    init(port: Int, material: TLSMaterial?, ca: String) throws {
        var configuration = HTTPClient.Configuration()
        if let material {
            configuration.tlsConfiguration = material.configuration
        } else {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(ca))
            configuration.tlsConfiguration = tls
        }
        configuration.timeout.connect = .seconds(10)
        // One connection, kept alive: what happens to it when its certificate is revoked is part of the story.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        url = "https://localhost:\(port)/search"
    }

    struct Answer {
        let status: Int
        let body: String
    }

    /// `nil` when the connection was refused in the handshake.
    func get(token: String?) async throws -> Answer? {
        var request = HTTPClientRequest(url: url)
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        do {
            let response = try await client.execute(request, timeout: .seconds(10))
            let body = try await response.body.collect(upTo: 64 * 1024)
            return Answer(status: Int(response.status.code), body: String(buffer: body))
        } catch {
            // With TLS 1.3 a client hears of its refusal in many ways: an alert, a reset, a connection that ends. What the
            // refusal was is in the receiver's log, and is read there.
            return nil
        }
    }

    deinit {
        client.shutdown { _ in }
    }
}
