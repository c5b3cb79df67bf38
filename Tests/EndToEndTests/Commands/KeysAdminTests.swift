import CountersignCrypto
import CountersignJOSE
import CountersignJSON
import CountersignTesting
import Foundation
import Testing

/// `countersign keys ...` and `countersign deny ...` beyond the plain rotation.
@Suite(.serialized) struct KeysAdminTests {
    let files: TestDirectory

    init() throws {
        files = try TestDirectory()
    }

    @discardableResult
    private func run(_ arguments: String...) throws -> Shell.Result {
        try Program.run(arguments, in: files)
    }

    private func json(_ arguments: String...) throws -> JSONObject {
        let result = try Program.run(arguments + ["--keys", "keys", "--json"], in: files)
        #expect(result.succeeded, "\(result)")
        return try JSONReader.parseObject(result.output, limits: JSONLimits(maxBytes: 1 << 20, maxDepth: 16))
    }

    @Test func everyCommandPrintsJSONOnDemand() throws {
        let made = try json("keys", "init")
        let kid = try #require(made.string("kid"))
        #expect(try json("keys", "list").array("keys")?.first?.object?.string("kid") == kid)
        let rotated = try json("keys", "rotate", "--reason", "planned")
        #expect(rotated.string("signsFrom") != nil && rotated["promotion"] == .null)
        #expect(try json("keys", "rotate", "--force")["signsFrom"] == .null)
        #expect(try json("deny", "add", "--service", "user-svc").object("status")?.integer("deadEverywhereWithin") == 122)
        #expect(try json("deny", "list").array("denied")?.count == 1)
        #expect(try json("deny", "remove", "--service", "user-svc")["denied"] == false)
        let revoked = try json("keys", "revoke", kid, "--reason", "test")
        #expect(revoked.string("was") == "retiring")
        #expect(revoked["successor"] == .null && revoked["promotion"] == .null)
        let replaced = try json("keys", "revoke", try #require(rotated.string("kid")))
        #expect(replaced.string("successor") != nil && replaced.string("promotion") == "emergency")
        let jwk = try json("keys", "export", "--public")
        #expect(jwk.string("kid") == replaced.string("successor") && jwk["d"] == nil)
        let history = try #require(try json("keys", "list").array("history")?.compactMap(\.object))
        #expect(history.count == 8)
        #expect(history.contains { $0.string("why") == "test" })
        #expect(history.allSatisfy { $0.string("who")?.hasPrefix("user ") == true })
    }

    /// One of sixty-four keys has such a kid. Made elsewhere, because our own rings make none; of no use but for this.
    private static let hyphenKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCjEN5/4ZR/KbvX
        3QGj/b1p0PnPQNmxZq4evrExpEv86uRteOzYAdssqimAVp5d9HbnLIRbsvm9pvPX
        81hX6lucgpO7CpCbDRxuePKXigWN8IlLxEkEY6mhdsMuYbz47nS0C0I3ZibRJvxn
        vTeakNBZEsDOzKwgEYzok6XPTz77oniUNg1aDA3A0W2sgft3ghVHZ7xZnacI3QpM
        Z/Hl6/MD0Ru2FRdoeARaNjWzOhn7aYla9iq+mVuNoxpIzdpLioPW4Z7l+YFJYfhj
        CIgklhR43xTkGtS2c3DvLfn4URXZNEves8Krtm5ogjOXTaB+86hUnuxxUs+pIPB+
        TLzbURdRAgMBAAECggEAAedwRat/ZaW52wkqW/0aQVpOlHA0KolhppvA62y482zV
        un6DO3l4EvMwtV4tjrjMS6I+MGjsWB3TMpYVlb83jyIKMhCrRBg42QRiBsl2i6P/
        omoaFSpJwIgnusqq33g/Vhvci9OOR/ptz5NKyyv+NtAMfs2ug9hYnh2dPci12k/U
        VIVQiLwr4LExvCH2PAwNClKOclRNsZdHmbqcC+6fsksAeJ/3gZ4bDIU5qKBl1czp
        Cnj+ngJzWoqfn3varGBKB6ik33jCsKw0xe5VX0mCzxxrkRRgAlcZoBXPpvl3E7Fi
        mKZXRPxud4ya5yWhCPBwAOhfmcjjD/nHMIB/FdWtbQKBgQDVHsTTMVO0GJgklT8y
        xv5LEZMpSAfRLxjNL2HfFBB1utAuzUopyguB7jKUBsTMQUVmKmNKMZagpbSMqDCo
        mIQ0xnCAM5bHjpXehaSDYoxOfuV21gUzgWBu3RGJg0hCxK+XFtu/Lib6q9QvtTbz
        7akXwMzS9ETZjiOUpGzcW7sgNQKBgQDD3/EqwQfDf43c2CLMCCZtK1gJ8vnE0ysg
        bKfPkKaBvtwJ4zXEXBDKzkZPgx/tZkJMYFDxxxzeiURjm5qMh/deuJG54W0gHlrh
        XeYMvxEEaMukvudZ4VI++iE15vyY0Z/1FSQ66cwvalxn0ttRTSPHPc2/clqJWFiM
        A3YiysR2LQKBgQCdE6t/+Rg3YfUo6XOGClK8o3xybauNSwgdmvGoyJIFI6ZzCE3E
        FS18G0LeBUshPG5ZCZ7avUfGqbsz/Ha4nIi8mRGr+9oCxR3Cv39scsL0y+R2PPHi
        b1XTAE7/qmolA/BjDK7z7qE+Gk0uyIJzMNRzNGACj5T7QB8LXFD77QQzjQKBgCOs
        hZ/jyCYy9QNj2fKPCXCYlFA7kIHoc9JT97w1/B1lRW4Hk6NPoT9Okj+pAgeauDhw
        0k02lmtxVKNPk7ZEjSkTNHdGNznCTYr+LwfjRJYo/+3hVwFnqDMQGzxV9WtfwmJA
        l3ijXCzGkk3WeVs1UW7YMsDLcvHQxU+60alEhMOBAoGATf9I+zgpmw1AMWl4l0ZH
        m/TcgmVEwiDQhtrCn1VsnMFWTZ6cYFi4uZf2MlIIApj8L0ikD0EVcq6pTAjjPILR
        wqyDM3TO4JRG/m2M+WPYJAqGavG4y1yHpx8VBiK5COawBAV8b39eLcTJcLVJy/1B
        XipJokRtkRSWk6pXEV4C6j0=
        -----END PRIVATE KEY-----

        """

    @Test func aKidThatLooksLikeAnOptionIsTakenAsItIs() throws {
        try files.write(Self.hyphenKey, to: "key.pem", mode: 0o600)
        let key = try RSAPrivateKey(pem: Array(Self.hyphenKey.utf8))
        let kid = KeyID(of: key.publicKey).rawValue
        // With two hyphens it would be one even when it is cut short.
        try #require(kid.hasPrefix("-") && !kid.hasPrefix("--"))
        #expect(try run("keys", "import", "key.pem", "--keys", "keys").succeeded)
        let exported = try run("keys", "export", kid, "--public", "--keys", "keys")
        #expect(exported.standardOutput + "\n" == (try key.publicKey.pem()))
        let revoked = try run("keys", "revoke", String(kid.prefix(8)), "--keys", "keys")
        #expect(revoked.standardOutput.hasPrefix("revoked \(kid), which was signing"), "\(revoked)")
        #expect(try run("keys", "revoke", "--keys", "keys", "--", String(kid.prefix(8))).error.contains("is revoked since"))
        // An option that is misspelt is still one.
        #expect(try run("keys", "revoke", "abcdef", "--reasn", "x", "--keys", "keys").exitCode == 64)
    }

    @Test func unknownAndShortKidsAreRefusedAndNothingIsChanged() throws {
        #expect(try run("keys", "init", "--keys", "keys").succeeded)
        let before = try files.read("keys/keyring.json")
        for (kid, code) in [("abcdefgh", 1), ("abc", 64)] as [(String, Int32)] {
            #expect(try run("keys", "revoke", kid, "--keys", "keys").exitCode == code)
        }
        #expect(try run("deny", "remove", "--service", "user-svc", "--keys", "keys").exitCode == 1)
        for value in ["x y", ""] {
            #expect(try run("deny", "add", "--service", value, "--keys", "keys").exitCode == 64)
        }
        #expect(try run("deny", "add", "--serial", "xyz", "--keys", "keys").exitCode == 64)
        #expect(try run("deny", "add", "--serial", "01", "--before", "now", "--keys", "keys").exitCode == 64)
        let future = try run("deny", "add", "--service", "user-svc", "--before", "2999-01-01T00:00:00Z", "--keys", "keys")
        #expect(future.exitCode == 64 && future.error.contains("in the future"))
        #expect(try run("keys", "rotate", "--force", "--keys", "keys").error.contains("no key is announced"))
        #expect(try files.read("keys/keyring.json") == before)
    }

    @Test func privateKeysAreEncryptedWithThePassphraseAndUselessWithoutIt() throws {
        try files.write("correct horse\n", to: "passphrase", mode: 0o600)
        #expect(try run("keys", "init", "--keys", "keys", "--passphrase", "passphrase").succeeded)
        let pem = try #require(try files.contents(of: "keys").first { $0.hasSuffix(".pem") })
        #expect(String(decoding: try files.read("keys/\(pem)"), as: UTF8.self).contains("ENCRYPTED PRIVATE KEY"))
        let without = try run("keys", "list", "--keys", "keys")
        #expect(without.succeeded && without.standardError.contains("--passphrase"))
        #expect(try !run("keys", "list", "--keys", "keys", "--passphrase", "passphrase").standardError.contains("warning"))
        let environment = try Program.run(
            ["keys", "rotate", "--keys", "keys", "--passphrase", "env:KEYS_PASSPHRASE"], in: files,
            environment: ["KEYS_PASSPHRASE=correct horse"]
        )
        #expect(environment.succeeded, "\(environment)")
        try files.write("correct horse", to: "credentials/ring", mode: 0o600)
        let credential = try Program.run(
            ["keys", "rotate", "--now", "--keys", "keys", "--passphrase", "credential:ring"], in: files,
            environment: ["CREDENTIALS_DIRECTORY=\(files.path("credentials"))"]
        )
        #expect(credential.succeeded, "\(credential)")
        // Another passphrase, or none, changes nothing: the issuer could not open what would be written.
        try files.write("wrong", to: "wrong", mode: 0o600)
        try files.write(try RSAPrivateKey.generate().pem().withBytes { $0 }, to: "other.pem", mode: 0o600)
        let before = try files.read("keys/keyring.json")
        let kid = try #require(
            try JSONReader.parseObject(
                run("keys", "list", "--json", "--keys", "keys").output, limits: JSONLimits(maxBytes: 1 << 20, maxDepth: 16)
            ).array("keys")?.first?.object?.string("kid"))
        for source in [[], ["--passphrase", "wrong"]] {
            for command in [["rotate"], ["rotate", "--now"], ["revoke", kid], ["import", "other.pem"]] {
                let refused = try Program.run(["keys"] + command + ["--keys", "keys"] + source, in: files)
                #expect(refused.exitCode == 78, "\(command): \(refused)")
                #expect(refused.hint.contains("passphrase"))
            }
        }
        #expect(try files.read("keys/keyring.json") == before)
        // It is changed by the command for it, and then the new one is needed.
        let changed = try run("keys", "passphrase", "--keys", "keys", "--passphrase", "passphrase", "--new-passphrase", "wrong")
        #expect(changed.succeeded, "\(changed)")
        #expect(try run("keys", "list", "--keys", "keys", "--passphrase", "wrong").standardError.isEmpty)
        #expect(try run("keys", "rotate", "--now", "--keys", "keys", "--passphrase", "passphrase").exitCode == 78)
        #expect(try run("keys", "rotate", "--now", "--keys", "keys", "--passphrase", "wrong").succeeded)
    }

    @Test func aCertificatesKeyIsDeniedByItsFile() throws {
        let identity = try TestAuthority().issue("user-svc")
        let path = try files.write(identity, as: "user-svc").certificate
        #expect(try run("keys", "init", "--keys", "keys").succeeded)
        let denied = try run("deny", "add", "--certificate", path, "--keys", "keys", "--reason", "laptop lost")
        #expect(denied.standardOutput.hasPrefix("denied the key \(identity.certificate.publicKey.sha256.hex)"), "\(denied)")
        #expect(try run("deny", "list", "--keys", "keys").standardOutput.contains(identity.certificate.publicKey.sha256.hex))
        let both = try run("deny", "add", "--serial", identity.certificate.serialHex, "--service", "x", "--keys", "keys")
        #expect(both.exitCode == 64)
    }

    @Test func aDirectoryThatCannotBeWrittenToIsSaidAndNothingIsLost() throws {
        #expect(try run("keys", "init", "--keys", "keys").succeeded)
        let before = try files.read("keys/keyring.json")
        // In a way that holds for the superuser as well: a directory with something in it has the name of the lock of the ring, so
        // nobody can take it and write.
        try FileManager.default.removeItem(atPath: files.path("keys/keyring.lock"))
        try files.write("", to: "keys/keyring.lock/in-the-way")
        for command in [["keys", "rotate"], ["keys", "rotate", "--now"], ["deny", "add", "--service", "user-svc"]] {
            let refused = try Program.run(command + ["--keys", "keys"], in: files)
            #expect(refused.exitCode == 70, "\(refused)")
            #expect(refused.error.contains("keys/keyring.lock"))
        }
        #expect(try files.read("keys/keyring.json") == before)
        try FileManager.default.removeItem(atPath: files.path("keys/keyring.lock"))
        #expect(try run("keys", "rotate", "--keys", "keys").succeeded)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can be somebody else")) func aUserWithoutANameIsANumberInTheHistory() throws {
        try FileManager.default.setAttributes([.ownerAccountID: 12345, .posixPermissions: 0o755], ofItemAtPath: files.path)
        let script = #"exec setpriv --reuid=12345 --regid=12345 --clear-groups env --unset=USER --unset=LOGNAME "$@""#
        func run(_ program: String, _ arguments: [String]) throws -> Shell.Result {
            try Shell.run("timeout", ["60", "sh", "-c", script, "sh", program] + arguments, directory: files.path)
        }
        guard try run(Program.path, ["--version"]).succeeded else {
            try Test.cancel("other users cannot run the program where it was built")
        }
        let made = try run(Program.path, ["keys", "init", "--keys", "keys"])
        #expect(made.succeeded, "\(made)")
        let history = try json("keys", "list").array("history")?.compactMap(\.object) ?? []
        #expect(history.map { $0.string("who") } == ["user 12345"])
    }

    @Test func aPlaceWhereNoDirectoryCanBeIsNamedWithTheReason() throws {
        try files.write("text", to: "file")
        for (place, operation) in [("file", "use"), ("file/keys", "make")] {
            let refused = try run("keys", "init", "--keys", place)
            #expect(refused.exitCode == 70, "\(refused)")
            #expect(
                refused.error
                    == "cannot \(operation) the directory \(place): it or a part of its path is no directory")
            #expect(refused.hint.contains("name a directory"))
        }
        #expect(try files.read("file") == Array("text".utf8))
        #if os(Linux)
            // Where not even the superuser may.
            let refused = try run("keys", "init", "--keys", "/sys/countersign")
            let reasons = ["permission denied", "the file system is read-only"]
            #expect(reasons.contains { refused.error == "cannot make the directory /sys/countersign: \($0)" }, "\(refused)")
        #endif
    }

    @Test(.enabled(if: geteuid() == 0)) func aFullOrReadOnlyDiskIsSaidAndTheRingStays() throws {
        // A file system of its own, large enough for a ring and not for another key: six pages, however large they are.
        let script = """
            mkdir small && mount -t tmpfs -o nr_blocks=6,mode=700 tmpfs small || exit 77
            "$0" keys init --keys small/keys > /dev/null || exit 1
            before="$(sha256sum < small/keys/keyring.json)"
            dd if=/dev/zero of=small/fill bs=64k count=64 2> /dev/null
            "$0" keys rotate --keys small/keys && exit 2
            [ "$before" = "$(sha256sum < small/keys/keyring.json)" ] || exit 3
            rm small/fill
            "$0" keys rotate --keys small/keys || exit 4
            mount -o remount,ro small
            "$0" keys rotate --now --keys small/keys && exit 5
            "$0" keys list --keys small/keys || exit 6
            """
        let result = try Shell.run(
            "unshare", ["--mount", "timeout", "60", "bash", "-c", script, Program.path], directory: files.path
        )
        guard result.exitCode != 77, !result.standardError.contains("unshare failed") else {
            // Said, because a test that did not run is no proof.
            try Test.cancel("this machine lets nobody mount: \(result.standardError)")
        }
        #expect(result.succeeded, "\(result)")
        #expect(result.errorLines.first?.contains("the disk is full") == true)
        #expect(result.errorLines.last?.contains("the file system is read-only") == true)
        #expect(result.errorLines.allSatisfy { $0.contains("small/keys") })
    }
}

/// The same against a running issuer.
@Suite(.serialized) struct RemoteAdminTests {
    private func remote(_ issuer: RunningIssuer, as name: String = "admin-svc", _ arguments: String...) throws -> Shell.Result {
        let files = issuer.folder.files
        return try Program.run(
            arguments + [
                "--issuer", "https://127.0.0.1:\(issuer.port)", "--cert", files.path("certs/\(name)/cert.pem"), "--key",
                files.path("certs/\(name)/key.pem"), "--ca", files.path("certs/ca.pem"),
            ], in: files
        )
    }

    @Test func anAdminRotatesRevokesAndDeniesFromElsewhere() async throws {
        let folder = try IssuerFolder()
        try folder.files.write(try folder.authority.issue("admin-svc"), as: "certs/admin-svc")
        let configuration = try folder.configuration(
            "with-admin",
            replacing: ("services:\n", "admins:\n  - subject: CN=admin-svc.link.internal,O=Link Service\nservices:\n")
        )
        let issuer = try await RunningIssuer.start(folder, configuration: configuration)
        let listed = try remote(issuer, "keys", "list")
        #expect(listed.succeeded && listed.standardOutput.contains("signing"), "\(listed)")
        let rotated = try remote(issuer, "keys", "rotate", "--reason", "exercise")
        #expect(rotated.standardOutput.hasPrefix("announced "), "\(rotated)")
        try await issuer.logs("announced the key", "why=exercise", "CN=admin-svc.link.internal")
        let again = try remote(issuer, "keys", "rotate")
        #expect(again.exitCode == 1 && again.error.contains("a rotation is under way") && again.hint.contains("--now"))
        let kid = try #require(rotated.standardOutput.split(separator: " ").dropFirst().first?.dropLast())
        #expect(try remote(issuer, "keys", "revoke", String(kid.prefix(10))).standardOutput.contains("which was announced"))
        let denied = try remote(issuer, "deny", "add", "--service", "search-svc")
        #expect(denied.succeeded && denied.standardOutput.contains("dead at receivers that poll the status within"), "\(denied)")
        let unknown = try remote(issuer, "deny", "add", "--service", "nobody-such")
        #expect(unknown.succeeded, "\(unknown)")
        #expect(unknown.standardError.contains("warning: the issuer's configuration has no service nobody-such"))
        #expect(!denied.standardError.contains("has no service"))
        #expect(try remote(issuer, "deny", "list").standardOutput.contains("search-svc"))

        let refused = try remote(issuer, as: "user-svc", "keys", "rotate")
        #expect(refused.exitCode == 1 && refused.error.contains("not that of an admin"))
        #expect(refused.hint.contains("admins"))
        #expect(try await issuer.stop() == 0)
    }

    @Test func itIsEitherADirectoryOrAnIssuer() throws {
        let files = try TestDirectory()
        for arguments in [
            ["keys", "list"], ["keys", "list", "--keys", "a", "--issuer", "https://localhost"],
            ["keys", "list", "--issuer", "https://localhost"],
        ] {
            #expect(try Program.run(arguments, in: files).exitCode == 64)
        }
    }
}
