import CountersignCrypto
import CountersignTesting
import Foundation
import Testing

/// An issuer that cannot work does not start: it says what is wrong, where, and what to do, and exits with the right code.
@Suite(.serialized, .issuerFolder) struct StartupTests {
    /// What is wrong with an issuer's files.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Spoils the folder and returns the configuration that shows it.
        let spoil: @Sendable (IssuerFolder) throws -> String
        /// What the message has to name.
        let message: [String]
        let hint: String

        init(
            _ name: String, _ message: String..., hint: String = "", spoil: @escaping @Sendable (IssuerFolder) throws -> String
        ) {
            testDescription = name
            self.message = message
            self.hint = hint
            self.spoil = spoil
        }
    }

    private static let certificate = "certs/issuer/cert.pem"
    private static let key = "certs/issuer/key.pem"

    /// The configuration with another certificate and key, which are `identity`'s.
    private static func served(_ folder: IssuerFolder, as name: String, _ identity: TestIdentity) throws -> String {
        try folder.files.write(identity, as: "certs/\(name)")
        return try folder.configuration(name, replacing: ("certs/issuer/", "certs/\(name)/"))
    }

    static let certificates = [
        Fault("a missing certificate", "certs/gone.pem does not exist") {
            try $0.configuration("gone", replacing: (certificate, "certs/gone.pem"))
        },
        Fault("a missing key", "certs/gone.pem does not exist") {
            try $0.configuration("gone", replacing: (key, "certs/gone.pem"))
        },
        Fault("a missing CA", "certs/gone.pem does not exist") {
            try $0.configuration("gone", replacing: ("clientCA: certs/ca.pem", "clientCA: certs/gone.pem"))
        },
        Fault("a missing revocation list", "certs/gone.pem does not exist") {
            try $0.configuration("gone", replacing: ("crl: certs/crl.pem", "crl: certs/gone.pem"))
        },
        Fault("a folder for a key", "certs/issuer is not a regular file") {
            try $0.configuration("folder", replacing: (key, "certs/issuer"))
        },
        Fault("an empty certificate", "certs/empty.pem is empty") {
            try $0.files.write("", to: "certs/empty.pem")
            return try $0.configuration("empty", replacing: (certificate, "certs/empty.pem"))
        },
        Fault("a certificate that is none", "certs/text.pem is not a certificate") {
            try $0.files.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: "certs/text.pem")
            return try $0.configuration("text", replacing: (certificate, "certs/text.pem"))
        },
        Fault("a key for a certificate", "certs/issuer/key.pem is not a certificate") {
            try $0.configuration("swapped", replacing: (certificate, key))
        },
        Fault("a key of another certificate", "certs/user-svc/key.pem", "certs/issuer/cert.pem", hint: "name the key") {
            try $0.configuration("mismatch", replacing: (key, "certs/user-svc/key.pem"))
        },
        Fault("a key that others may read", "certs/open.pem", "mode 640", hint: "chmod 600 certs/open.pem") {
            try $0.files.write(try $0.files.read(key), to: "certs/open.pem", mode: 0o640)
            return try $0.configuration("open", replacing: (key, "certs/open.pem"))
        },
        Fault("an environment variable that is not set", "COUNTERSIGN_NO_SUCH_KEY is not set") {
            try $0.configuration("env", replacing: (key, "env:COUNTERSIGN_NO_SUCH_KEY"))
        },
        Fault("an expired certificate", "certs/old/cert.pem expired at", hint: "countersign pki issue") {
            try served($0, as: "old", $0.authority.issue("issuer", until: -60))
        },
        Fault("a certificate of tomorrow", "certs/tomorrow/cert.pem is not valid before") {
            try served($0, as: "tomorrow", $0.authority.issue("issuer", from: 3000))
        },
        Fault("a certificate for clients only", "certs/client/cert.pem is not for TLS servers", hint: "server authentication") {
            try served($0, as: "client", $0.authority.issue("issuer", role: .service([.client])))
        },
        Fault(
            "a certificate without the issuer's name", "certs/other/cert.pem does not name issuer.link.internal",
            hint: "--dns issuer.link.internal"
        ) {
            try served($0, as: "other", $0.authority.issue("other"))
        },
        Fault("an expired revocation list", "certs/old-crl.pem", "was to be replaced by", hint: "countersign pki crl") {
            try $0.files.write(try $0.authority.revocationList(from: -3600, until: -60).pem, to: "certs/old-crl.pem")
            return try $0.configuration("old-crl", replacing: ("crl: certs/crl.pem", "crl: certs/old-crl.pem"))
        },
        Fault("a revocation list of another authority", "certs/other-crl.pem does not answer for the CA in certs/ca.pem") {
            try $0.files.write(try TestAuthority("Other CA", at: .now()).revocationList().pem, to: "certs/other-crl.pem")
            return try $0.configuration("other-crl", replacing: ("crl: certs/crl.pem", "crl: certs/other-crl.pem"))
        },
        Fault("a revocation list by an impostor's key", "certs/forged-crl.pem does not answer for the CA in certs/ca.pem") {
            try $0.files.write(try TestAuthority(at: .now()).revocationList().pem, to: "certs/forged-crl.pem")
            return try $0.configuration("forged-crl", replacing: ("crl: certs/crl.pem", "crl: certs/forged-crl.pem"))
        },
    ]

    static let keyRings = [
        Fault("no keys directory", "there is no key ring in nowhere", hint: "countersign keys init --keys nowhere") {
            try $0.configuration("nowhere", replacing: ("directory: keys", "directory: nowhere"))
        },
        Fault("an empty keys directory", "there is no key ring in empty-keys", hint: "countersign keys init --keys empty-keys") {
            try ring($0, "empty-keys", without: "keyring.json")
        },
        Fault("a key ring cut short", "cut-keys/keyring.json", hint: "backup") { folder in
            try ring(folder, "cut-keys") {
                try folder.files.write(Array($0.dropLast(40)), to: "cut-keys/keyring.json", mode: 0o600)
            }
        },
        Fault("an empty key ring", "blank-keys/keyring.json", hint: "backup") { folder in
            try ring(folder, "blank-keys") { _ in try folder.files.write("", to: "blank-keys/keyring.json", mode: 0o600) }
        },
        Fault("a key ring of two signing keys", "two-keys/keyring.json", hint: "backup") { folder in
            try ring(folder, "two-keys") {
                let text = String(decoding: $0, as: UTF8.self)
                let twice = text.replacingOccurrences(of: #"("keys": \[)([^\]]*)"#, with: "$1$2,$2", options: .regularExpression)
                try folder.files.write(twice, to: "two-keys/keyring.json", mode: 0o600)
            }
        },
        Fault("a missing signing key", "lost-keys/", ".pem is missing", hint: "restore it from a backup") {
            try ring($0, "lost-keys", without: ".pem")
        },
        Fault("a signing key that others may read", "shared-keys/", "others than its owner", hint: "chmod 600 shared-keys/") {
            folder in
            try ring(folder, "shared-keys") { _ in try folder.chmod("shared-keys", suffix: ".pem", 0o640) }
        },
        Fault("a key ring that others may change", "keyring.json can be changed by others", hint: "chmod 600 loose-keys/") {
            folder in
            try ring(folder, "loose-keys") { _ in try folder.chmod("loose-keys", suffix: "keyring.json", 0o666) }
        },
        Fault("a keys directory that others may enter", "open-keys can be entered by others", hint: "chmod 700 open-keys") {
            folder in
            try ring(folder, "open-keys") { _ in try folder.chmod("open-keys", suffix: "", 0o755) }
        },
        Fault("the published example", "keyring.json", "example", hint: "countersign keys init") { folder in
            let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("keys.example")
            return try folder.configuration("example", replacing: ("directory: keys", "directory: \(example.path)"))
        },
    ]

    /// A copy of the key ring, spoilt, and the configuration that uses it.
    private static func ring(
        _ folder: IssuerFolder, _ name: String, without suffix: String? = nil, spoil: ([UInt8]) throws -> Void = { _ in }
    ) throws -> String {
        let copy = folder.files.path(name)
        try FileManager.default.copyItem(atPath: folder.files.path("keys"), toPath: copy)
        try folder.chmod(name, suffix: "", 0o700)
        for file in try folder.files.contents(of: name) where suffix.map(file.hasSuffix) ?? false {
            try FileManager.default.removeItem(atPath: "\(copy)/\(file)")
        }
        if suffix == nil { try spoil(try folder.files.read("\(name)/keyring.json")) }
        return try folder.configuration(name, replacing: ("directory: keys", "directory: \(name)"))
    }

    let folder: IssuerFolder

    init() throws {
        folder = try #require(IssuerFolder.current)
    }

    @Test(arguments: certificates + keyRings) func doesNotStartWith(_ fault: Fault) throws {
        let configuration = try fault.spoil(folder)
        let result = try Program.run("serve", "--config", configuration, in: folder.files)
        #expect(result.exitCode == 78, "\(result)")
        #expect(result.errorLines.count == 1, "\(result)")
        for text in fault.message { #expect(result.error.contains(text), "\(result)") }
        #expect(fault.hint.isEmpty || result.hint.contains(fault.hint), "\(result)")
        #expect(!result.standardError.contains("PRIVATE KEY"))
        #expect(!result.standardError.contains("listening"))

        // The same fault, with the line of the configuration that leads to it.
        let check = try Program.run("config", "check", configuration, in: folder.files)
        #expect(check.exitCode == 78, "\(check)")
        #expect(check.error.hasPrefix("\(configuration):"), "\(check)")
        for text in fault.message { #expect(check.error.contains(text), "\(check)") }
    }

    @Test(.enabled(if: getuid() != 0, "the superuser may read every file"))
    func doesNotStartWithAKeyThatItMayNotRead() throws {
        try folder.files.write(try folder.files.read(Self.key), to: "certs/closed.pem", mode: 0o000)
        let configuration = try folder.configuration("closed", replacing: (Self.key, "certs/closed.pem"))
        let result = try Program.run("serve", "--config", configuration, in: folder.files)
        #expect(result.exitCode == 78)
        #expect(result.error.contains("certs/closed.pem may not be read by this user"))
    }

    @Test func startsWithAKeyFromTheEnvironment() async throws {
        let configuration = try folder.configuration("from-env", replacing: (Self.key, "env:COUNTERSIGN_KEY"))
        let key = String(decoding: try folder.files.read(Self.key), as: UTF8.self)
        let result = try Program.run(
            ["config", "check", configuration], in: folder.files, environment: ["COUNTERSIGN_KEY=\(key)"]
        )
        #expect(result.succeeded, "\(result)")
        #expect(result.standardOutput.hasPrefix("\(configuration) is right"))
    }

    @Test(arguments: ["listen", "operations"]) func doesNotStartOnAPortInUse(key: String) async throws {
        let running = try await RunningIssuer.start(folder)
        let port = key == "listen" ? "\(running.port)" : String(running.operations.split(separator: ":").last ?? "")
        let configuration = try folder.configuration("taken", replacing: ("\(key): 127.0.0.1:0", "\(key): 127.0.0.1:\(port)"))
        let result = try Program.run("serve", "--config", configuration, in: folder.files)
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error == "cannot listen on 127.0.0.1:\(port): it is in use")
        #expect(result.hint == "stop the other process, or choose another address or port")
        // Whoever waits for this line would use an issuer that is ending.
        #expect(!result.standardError.contains("listening address="), "\(result)")
        #expect(try Curl(issuer: running).token().status == 200)
        #expect(try await running.stop() == 0)
    }

    /// In `.invalid` there is no name (RFC 6761).
    @Test(arguments: ["listen", "operations"]) func doesNotStartOnAHostThatNobodyKnows(key: String) throws {
        let configuration = try folder.configuration(
            "nowhere", replacing: ("\(key): 127.0.0.1:0", "\(key): nowhere.invalid:8443"))
        let result = try Program.run("serve", "--config", configuration, in: folder.files)
        #expect(result.exitCode == 70, "\(result)")
        #expect(result.error == "cannot listen on nowhere.invalid:8443: the host name cannot be resolved")
        #expect(result.hint.contains("127.0.0.1"))
    }
}

extension IssuerFolder {
    /// Changes the mode of what is in a folder and ends so; of the folder itself for an empty ending.
    fileprivate func chmod(_ name: String, suffix: String, _ mode: Int) throws {
        let paths =
            suffix.isEmpty
            ? [files.path(name)]
            : try files.contents(of: name).filter { $0.hasSuffix(suffix) }.map { files.path("\(name)/\($0)") }
        for path in paths { try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path) }
    }
}
