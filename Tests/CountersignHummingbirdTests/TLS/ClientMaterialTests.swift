import AsyncHTTPClient
import CountersignCrypto
import CountersignHummingbird
import CountersignTLS
import NIOCore
import NIOSSL
import Testing

/// The caller's end of a connection, made with our client material.
@Suite(.timeLimit(.minutes(5))) struct ClientMaterialTests {
    @Test func anHTTPClientReachesTheServerOfTheCAOverHTTP2() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let configuration = HTTPClient.Configuration(tlsConfiguration: try files.client().configuration)
        try await TestServer.run(files.load()) { server in
            try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                let request = HTTPClientRequest(url: "https://127.0.0.1:\(server.port)/peer")
                let response = try await client.execute(request, timeout: .seconds(240))
                #expect("\(response.version)" == "HTTP/2.0")
                let body = String(buffer: try await response.body.collect(upTo: 4096))
                #expect(body == "CN=user-svc.link.internal,O=Link Service")
            }
        }
    }

    /// What the TLS handshake as `client` with the server of `files` fails with.
    private func failure(of client: TLSMaterial, with files: ServerFiles) async throws -> String {
        try await TestServer.run(files.load()) { server in
            let error = await #expect(throws: (any Error).self) {
                try await RawClient.withConnection(to: server.port, tls: client) { inbound, _ in
                    for try await _ in inbound {}
                }
            }
            return "\(error, default: "")"
        }
    }

    @Test func aServerOfAnotherAuthorityIsNotTalkedTo() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let stranger = try ServerFiles(ThrowAwayAuthority())
        #expect(try await failure(of: stranger.client(), with: files).contains("CERTIFICATE_VERIFY_FAILED"))
    }

    @Test func aServerWithAnotherNameIsNotTalkedTo() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let elsewhere = try files.authority.issue("server.link.internal", at: [.dns("elsewhere.link.internal")])
        _ = try elsewhere.write(to: files.directory, as: "server")
        #expect(try await failure(of: files.client(), with: files).contains("failedToValidateHostname"))
    }
}
