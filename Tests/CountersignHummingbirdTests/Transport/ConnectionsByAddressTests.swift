import CountersignTLS
import NIOCore
import Testing

@testable import CountersignHummingbird

@Suite(.timeLimit(.minutes(5))) struct ConnectionsByAddressTests {
    @Test func connectionsBeyondTheBoundAreClosedBeforeAnyTLS() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        let configuration = MutualTLSServerConfiguration.patient {
            $0.maxConnectionsPerAddress = 2
            // A connection that is not closed at once shows as one that was closed for this.
            $0.handshakeTimeout = .seconds(60)
        }
        // With several event loops it is not certain that the last one to connect is the last one to be counted.
        try await TestServer.run(files.load(), configuration: configuration, eventLoops: 1) { server in
            try await RawClient.withConnection(to: server.port, tls: nil) { _, _ in
                try await RawClient.withConnection(to: server.port, tls: nil) { _, _ in
                    // Not a byte, not even an alert, for what would be a good handshake.
                    let words = try await RawClient.exchange([], with: server.port, tls: nil)
                    let result = try await server.curl("/peer", as: client, in: files)
                    #expect(words.isEmpty)
                    #expect(result.status != 0)
                    #expect(Set(server.refusals.codes) == ["too-many-connections"])
                    #expect(server.refusals.descriptions[0].contains("remote=127.0.0.1: the address has 2 open connections"))
                }
            }
            try await eventually("room for one more") {
                try await server.curl("/peer", as: client, in: files).output == "CN=user-svc.link.internal,O=Link Service"
            }
        }
    }

    @Test func withoutABoundThereIsNone() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let client = try files.authority.issue("user-svc.link.internal").write(to: files.directory, as: "client")
        try await TestServer.run(files.load()) { server in
            try await RawClient.withConnection(to: server.port, tls: nil) { _, _ in
                let result = try await server.curl("/peer", as: client, in: files)
                #expect(result.status == 0)
            }
        }
    }

    @Test func eachAddressHasItsOwnBoundAndIsToldOncePerSecond() {
        let connections = ConnectionsByAddress(limit: 2)
        let now = NIODeadline.now()
        #expect(connections.opened("a", at: now) == .admitted)
        #expect(connections.opened("a", at: now) == .admitted)
        #expect(connections.opened("a", at: now) == .refused(tell: 1))
        #expect(connections.opened("a", at: now) == .refused(tell: nil))
        #expect(connections.opened("a", at: now + .milliseconds(999)) == .refused(tell: nil))
        #expect(connections.opened("a", at: now + .seconds(1)) == .refused(tell: 3))
        #expect(connections.opened("b", at: now) == .admitted)
        connections.closed("a")
        #expect(connections.opened("a", at: now) == .admitted)
        #expect(connections.opened("a", at: now + .seconds(1)) == .refused(tell: nil))
    }

    @Test(arguments: [
        ("10.1.2.3", "10.1.2.3"), ("::ffff:10.1.2.3", "10.1.2.3"), ("::1", "0:0:0:0::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8::1", "2001:db8:0:0::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"), ("fe80::1:2:3:4", "fe80:0:0:0::/64"),
        ("2001:db8:1::4:5:6:7", "2001:db8:1:0::/64"), ("::", "0:0:0:0::/64"),
    ])
    func anIPv6AddressCountsByItsFirst64Bits(text: String, key: String) throws {
        #expect(ConnectionsByAddress.key(ofIP: text) == key)
        let printed = try #require(try SocketAddress(ipAddress: text, port: 1).ipAddress)
        #expect(ConnectionsByAddress.key(ofIP: printed) == key)
    }

    @Test func whatIsNoIPAddressIsNotCounted() throws {
        try #expect(ConnectionsByAddress.key(of: SocketAddress(unixDomainSocketPath: "/x")) == nil)
        try #expect(ConnectionsByAddress.key(of: SocketAddress(ipAddress: "::1", port: 1)) == "0:0:0:0::/64")
    }
}
