import CountersignCrypto
import Foundation
import Logging
import Testing

@testable import CountersignIssuer

@Suite("An issuer does not start")
struct StartTests {
    @Test("with a private key that others may read")
    func readableKey() async throws {
        let files = try await IssuerFolder()
        try files.folder.write(files.pki.serviceKey, to: "issuer-key.pem", mode: 0o640)
        let error = try await startError(files)
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("issuer-key.pem may be read by others") == true)
        #expect(error?.hint?.hasPrefix("chmod 600") == true)
        #expect(try await checked(files) == [6])
    }

    @Test("with a private key that is missing, malformed or another certificate's")
    func wrongKey() async throws {
        let files = try await IssuerFolder()
        try files.folder.write(try PrivateKey.generate(.ecP256), to: "issuer-key.pem")
        #expect(try await startError(files)?.message.contains("is not the key of the first certificate") == true)
        #expect(try await checked(files) == [6])
        try files.folder.write("x", to: "issuer-key.pem")
        #expect(try await startError(files)?.message.contains("issuer-key.pem is not a private key") == true)
        #expect(try await checked(files) == [6])
        try FileManager.default.removeItem(atPath: files.folder.path("issuer-key.pem"))
        #expect(try await startError(files)?.message.contains("issuer-key.pem does not exist") == true)
        #expect(try await checked(files) == [6])
    }

    @Test("with a certificate that has expired, or is nobody's it is to be")
    func wrongCertificate() async throws {
        let files = try await IssuerFolder()
        try files.writeIssuerCertificate(until: files.now.adding(seconds: -10))
        #expect(try await startError(files)?.message.contains("expired") == true)
        #expect(try await checked(files) == [5])
        try files.writeIssuerCertificate(names: [.dns("tokens.link.internal")])
        let error = try await startError(files)
        #expect(error?.message.contains("does not name localhost, the host of issuer") == true)
        #expect(error?.hint?.contains("--dns localhost") == true)
        #expect(try await checked(files) == [5])
    }

    @Test("without a fresh revocation list when one is configured")
    func revocationList() async throws {
        let files = try await IssuerFolder(crl: true)
        #expect(try await checked(files) == [])
        try FileManager.default.removeItem(atPath: files.folder.path("crl.pem"))
        #expect(try await startError(files)?.message.contains("crl.pem does not exist") == true)
        #expect(try await checked(files) == [8])
    }

    @Test("without signing keys, and says how to make them")
    func noKeys() async throws {
        let files = try await IssuerFolder()
        try FileManager.default.removeItem(atPath: files.folder.path("keys"))
        let error = try await startError(files)
        #expect(error?.code == .keys)
        #expect(error?.hint?.hasPrefix("countersign keys init --keys ") == true)
        #expect(try await checked(files) == [10])
    }

    @Test("with a damaged key ring")
    func damagedKeys() async throws {
        let files = try await IssuerFolder()
        try files.folder.write("{", to: "keys/keyring.json")
        #expect(try await startError(files)?.code == .keys)
        #expect(try await checked(files) == [10])
    }

    @Test("on a port in use, and names the address")
    func portInUse() async throws {
        try await RunningIssuer.run(try await IssuerFolder()) { first in
            let files = try await IssuerFolder()
            try files.writeConfiguration(listen: "127.0.0.1:\(first.port)")
            let issuer = try await IssuerService(
                try files.configuration, logger: Logger(label: "x") { _ in SwiftLogNoOpLogHandler() })
            let error = await #expect(throws: IssuerStartError.self) { try await issuer.run() }
            #expect(error?.code == .address)
            #expect(error?.message == "cannot listen on 127.0.0.1:\(first.port): it is in use")
        }
    }

    @Test("and the check of the configuration says everything that is wrong at once")
    func everything() async throws {
        let files = try await IssuerFolder(crl: true)
        for name in ["issuer.pem", "issuer-key.pem", "ca.pem", "crl.pem", "keys"] {
            try FileManager.default.removeItem(atPath: files.folder.path(name))
        }
        #expect(try await checked(files) == [5, 6, 7, 8, 10])
    }
}

extension StartTests {
    private func startError(_ files: IssuerFolder) async throws -> IssuerStartError? {
        do {
            _ = try await IssuerService(try files.configuration, logger: Logger(label: "x") { _ in SwiftLogNoOpLogHandler() })
            return nil
        } catch let error as IssuerStartError {
            return error
        }
    }

    /// The lines that `config check` complains about.
    private func checked(_ files: IssuerFolder) async throws -> [Int?] {
        let configuration = try files.configuration
        return await configuration.loadFiles(at: .now()).problems.map(\.line)
    }
}

@Suite("The issuer's name")
struct IssuerNameTests {
    @Test("is found among the names of its certificate, or not")
    func names() throws {
        let pki = try TestPKI.shared.get()
        let names: [SubjectAlternativeName] = [
            .dns("Tokens.link.internal"), .dns("*.wild.internal"), .ip([127, 0, 0, 1]),
            .ip([UInt8](repeating: 0, count: 15) + [1]),
        ]
        let certificate = try pki.certificate(subject("issuer"), names)
        for host in ["tokens.link.internal", "a.wild.internal", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1"] {
            #expect(IssuerName.isNamed(host, in: certificate))
        }
        for host in ["link.internal", "wild.internal", "a.b.wild.internal", "127.0.0.2", "::2", "issuer", "internal"] {
            #expect(!IssuerName.isNamed(host, in: certificate))
        }
    }
}

@Suite("The limit of open files")
struct OpenFileLimitTests {
    @Test("is read from what the kernel says")
    func read() {
        let text =
            "Limit                     Soft Limit           Hard Limit           Units     \n"
            + "Max open files            1024                 524288               files     \n"
        #expect(OpenFileLimit.limit(in: text) == 1024)
        #expect(OpenFileLimit.limit(in: "") == nil)
        #expect(OpenFileLimit.limit(in: "Max open files            unlimited            unlimited            files") == nil)
    }

    @Test("leaves files for probes and for the issuer itself")
    func connections() {
        #expect(OpenFileLimit.connections(wanted: 10_000, limit: nil) == 10_000)
        #expect(OpenFileLimit.connections(wanted: 10_000, limit: 524_288) == 10_000)
        #expect(OpenFileLimit.connections(wanted: 10_000, limit: 1024) == 640)
        #expect(OpenFileLimit.connections(wanted: 10_000, limit: 64) == 32)
        #expect(OpenFileLimit.connections(wanted: 10_000, limit: 1) == 1)
    }
}
