import CountersignCrypto
import CountersignTLS
import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct ReloadableTLSTests {
    @Test func filesThatHaveNotChangedAreNotLoadedAgain() throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let tls = try files.load()
        let before = tls.current
        #expect(try !tls.reload(at: .now()))
        #expect(tls.current === before)
        withExtendedLifetime(files) {}
    }

    @Test func everythingIsReplacedTogether() throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let tls = try files.load()
        let other = try ThrowAwayAuthority(name: "New Root")
        let identity = try other.issue("server.link.internal")
        _ = try identity.write(to: files.directory, as: "server")
        try files.directory.write(Array(other.identity.certificate.pem.utf8), to: "ca.pem")
        #expect(try tls.reload(at: .now()))
        #expect(tls.current.certificate == identity.certificate)
        #expect(tls.current.validator.anchors == [other.identity.certificate])
    }

    @Test func aBrokenFileChangesNothing() throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let tls = try files.load()
        let before = tls.current
        // A new certificate whose key has not arrived yet.
        try files.directory.write(files.authority.issue("server.link.internal").chainPEM, to: "server.pem")
        #expect(throws: TLSError(.keyMismatch, "")) { try tls.reload(at: .now()) }
        #expect(tls.current === before)
        try files.directory.write(Array("half a certif".utf8), to: "server.pem")
        #expect(throws: TLSError(.malformedCertificate, "")) { try tls.reload(at: .now()) }
        #expect(tls.current === before)
        try FileManager.default.removeItem(atPath: files.directory.path + "/server.pem")
        #expect(throws: TLSError(.sourceMissing, "")) { try tls.reload(at: .now()) }
        #expect(tls.current === before)
    }

    /// Watches `tls` and lets `body` act between the outcomes it is told of.
    private func watching(
        _ tls: ReloadableTLS,
        clock: HandClock = HandClock(),
        _ body: @escaping @Sendable (inout AsyncStream<ReloadableTLS.Outcome>.Iterator) async throws -> Void
    ) async throws {
        let (outcomes, continuation) = AsyncStream<ReloadableTLS.Outcome>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                await tls.watch(every: .milliseconds(10), clock: clock.now) { continuation.yield($0) }
                continuation.finish()
            }
            var iterator = outcomes.makeAsyncIterator()
            try await body(&iterator)
            tasks.cancelAll()
        }
    }

    @Test func aDirectorySwappedBySymbolicLinkIsNoticed() async throws {
        // Kubernetes: the files are links through `..data`, which is swapped for a link to another directory.
        let directory = try TemporaryDirectory()
        let manager = FileManager.default
        let authority = try ThrowAwayAuthority()
        for version in ["one", "two"] {
            let source = try ServerFiles(authority)
            try manager.createDirectory(atPath: directory.path + "/" + version, withIntermediateDirectories: false)
            for name in ["server.pem", "server-key.pem", "ca.pem"] {
                try manager.copyItem(atPath: source.directory.path + "/" + name, toPath: "\(directory.path)/\(version)/\(name)")
            }
        }
        try manager.createSymbolicLink(atPath: directory.path + "/..data", withDestinationPath: "one")
        for name in ["server.pem", "server-key.pem", "ca.pem"] {
            try manager.createSymbolicLink(atPath: directory.path + "/" + name, withDestinationPath: "..data/" + name)
        }
        let tls = try ReloadableTLS(
            TLSFiles(
                certificate: .file(directory.path + "/server.pem"),
                privateKey: .file(directory.path + "/server-key.pem"),
                ca: .file(directory.path + "/ca.pem")
            ),
            role: .server,
            at: .now()
        )
        let before = tls.current
        try await watching(tls) { outcomes in
            let swap = try await Command.run(
                "sh", ["-c", "ln -s two ..new && mv -T ..new ..data"].map { $0.replacing("..", with: "\(directory.path)/..") },
                in: directory
            )
            #expect(swap.status == 0, "\(swap.errors)")
            guard case .replaced(let after) = await outcomes.next() else { throw CancellationError() }
            #expect(after.certificate != before.certificate)
            #expect(tls.current === after)
        }
    }

    @Test func aFailureIsToldOnceAndSoIsItsEnd() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let tls = try files.load()
        let before = tls.current
        let good = before.chain.map(\.pem).joined()
        try await watching(tls) { outcomes in
            try files.directory.write(Array("broken".utf8), to: "server.pem")
            guard case .failed(let error) = await outcomes.next() else { throw CancellationError() }
            #expect(error.code == .malformedCertificate)
            #expect(tls.current === before)
            try FileManager.default.removeItem(atPath: files.directory.path + "/server.pem")
            guard case .failed(let error) = await outcomes.next() else { throw CancellationError() }
            #expect(error.code == .sourceMissing)
            try files.directory.write(Array(good.utf8), to: "server.pem")
            guard case .unchanged = await outcomes.next() else { throw CancellationError() }
            #expect(tls.current === before)
        }
    }

    /// Or a revocation that takes effect, and one that shuts everybody out, would leave no trace.
    @Test func aListThatIsTakenOverBesideAFailureThatWasToldIsToldToo() async throws {
        let authority = try ThrowAwayAuthority()
        let files = try ServerFiles(authority, revocationList: authority.revocationList())
        let tls = try files.load()
        try await watching(tls) { outcomes in
            try files.directory.write(Array("broken".utf8), to: "server.pem")
            guard case .failed = await outcomes.next() else { throw CancellationError() }
            let before = tls.current
            try files.directory.write(authority.revocationList([authority.issue("lost")]), to: "crl.pem")
            guard case .failed(let error) = await outcomes.next() else { throw CancellationError() }
            #expect(error.code == .malformedCertificate)
            #expect(tls.current !== before)
        }
    }

    @Test func aCertificateWhoseKeyComesAMomentLaterIsNoFailure() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let tls = try files.load()
        let next = try files.authority.issue("server.link.internal")
        try files.directory.write(next.chainPEM, to: "server.pem")
        let outcome = try await tls.settled(at: { .now() }) { _ = try next.write(to: files.directory, as: "server") }
        guard case .replaced(let material) = outcome else { throw CancellationError() }
        #expect(material.certificate == next.certificate)

        // And one whose key does not come is told of, once.
        try files.directory.write(files.authority.issue("server.link.internal").chainPEM, to: "server.pem")
        guard case .failed(let error) = try await tls.settled(at: { .now() }, pause: {}) else { throw CancellationError() }
        #expect(error.code == .keyMismatch)
        let later = try await tls.settled(at: { .now() }, pause: {})
        #expect(later.map { "\($0)" } == nil)
        #expect(tls.current === material)
    }

    @Test func aFailureThatIsOverAfterThePauseIsNotTold() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let tls = try files.load()
        let good = tls.current.chain.map(\.pem).joined()
        let next = try files.authority.issue("server.link.internal")
        // The files hold again what is loaded.
        try files.directory.write(next.chainPEM, to: "server.pem")
        let restored = try await tls.settled(at: { .now() }) { try files.directory.write(Array(good.utf8), to: "server.pem") }
        #expect(restored.map { "\($0)" } == nil)
        // The rest came, and SIGHUP with it.
        try files.directory.write(next.chainPEM, to: "server.pem")
        let reloaded = try await tls.settled(at: { .now() }) {
            _ = try next.write(to: files.directory, as: "server")
            #expect(try tls.reload(at: .now()))
        }
        #expect(reloaded.map { "\($0)" } == nil)
        #expect(tls.current.certificate == next.certificate)
    }

    @Test func filesThatAreAheadOfTimeAreTakenOverWhenItComes() async throws {
        let files = try ServerFiles(ThrowAwayAuthority())
        let tls = try files.load()
        let identity = try files.authority.issue("server.link.internal", from: 60)
        let clock = HandClock()
        try await watching(tls, clock: clock) { outcomes in
            _ = try identity.write(to: files.directory, as: "server")
            while case .failed(let error) = await outcomes.next() {
                // The certificate may be seen before its key.
                if error.code == .certificateNotYetValid { break }
                #expect(error.code == .keyMismatch)
            }
            clock.advance(seconds: 60)
            guard case .replaced(let after) = await outcomes.next() else { throw CancellationError() }
            #expect(after.certificate == identity.certificate)
        }
    }

    @Test func aCorrectedPassphraseIsNoticed() async throws {
        var files = try ServerFiles(ThrowAwayAuthority())
        let directory = files.directory
        files.files.privateKeyPassphrase = .file(try directory.write(Array("one".utf8), to: "passphrase"))
        // An open key needs no passphrase, so the wrong one does no harm yet.
        let tls = try files.load()
        let (key, new) = (directory.path + "/server-key.pem", directory.path + "/new")
        let encrypt = ["pkcs8", "-topk8", "-in", key, "-out", new, "-passout", "pass:two"]
        #expect(try await Command.run("openssl", encrypt, in: directory).status == 0)
        try await watching(tls) { outcomes in
            #expect(try await Command.run("mv", [new, key], in: directory).status == 0)
            guard case .failed(let error) = await outcomes.next() else { throw CancellationError() }
            #expect(error.code == .wrongPassphrase)
            try directory.write(Array("two\n".utf8), to: "passphrase")
            guard case .replaced = await outcomes.next() else { throw CancellationError() }
        }
    }
}
