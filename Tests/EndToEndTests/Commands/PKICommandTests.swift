import CountersignJSON
import CountersignTesting
import Foundation
import Testing

/// `countersign pki ...`, with openssl as the second opinion on everything it writes.
@Suite(.serialized) struct PKICommandTests {
    let files: TestDirectory

    init() throws {
        files = try TestDirectory()
    }

    private func pki(_ arguments: String...) throws -> Shell.Result {
        try Program.run(["pki"] + arguments + ["--dir", "certs"], in: files)
    }

    private func verdict(_ certificate: String, _ more: String...) throws -> Shell.Result {
        try Program.run(["pki", "verify", certificate, "--ca", "certs/ca.pem", "--crl", "certs/crl.pem"] + more, in: files)
    }

    /// What openssl thinks of a service's certificate, sent with its chain.
    private func openssl(_ service: String, purpose: String = "sslclient", intermediates: String? = nil) throws -> Shell.Result {
        let certificate = files.path("certs/\(service)/cert.pem")
        return try Shell.run(
            "openssl",
            [
                "verify", "-x509_strict", "-crl_check_all", "-CAfile", files.path("certs/ca.pem"), "-CRLfile",
                files.path("certs/crl.pem"), "-purpose", purpose,
            ] + (intermediates.map { ["-untrusted", $0] } ?? []) + [certificate]
        )
    }

    @Test(arguments: [nil, "Link Issuing CA"]) func makesWhatOpensslAccepts(intermediate: String?) throws {
        let options = intermediate.map { ["--intermediate", $0] } ?? []
        let made = try Program.run(["pki", "init", "--dir", "certs", "--trust-domain", "link.internal"] + options, in: files)
        #expect(made.succeeded, "\(made)")
        let issued = try pki("issue", "user-svc", "--dns", "localhost", "--ip", "127.0.0.1")
        #expect(issued.succeeded, "\(issued)")
        for purpose in ["sslclient", "sslserver"] {
            let result = try openssl(
                "user-svc", purpose: purpose, intermediates: intermediate == nil ? nil : files.path("certs/user-svc/cert.pem")
            )
            #expect(result.succeeded, "\(result)")
        }
        #expect(try verdict("certs/user-svc/cert.pem").succeeded)
        #expect(try verdict("certs/user-svc/cert.pem", "--purpose", "server").succeeded)
        for file in try files.contents(of: "certs") where file.hasSuffix(".pem") {
            #expect(try files.mode("certs/\(file)") == (file.hasSuffix("key.pem") ? 0o600 : 0o644), "\(file)")
        }

        let names = try Shell.run(
            "openssl", "x509", "-in", files.path("certs/user-svc/cert.pem"), "-noout", "-subject", "-nameopt", "RFC2253", "-ext",
            "subjectAltName"
        ).standardOutput
        for name in [
            "CN=user-svc.link.internal,O=Link Service", "DNS:user-svc.link.internal", "DNS:user-svc,", "DNS:user-svc.link.local",
            "URI:spiffe://link.internal/service/user-svc", "DNS:localhost", "IP Address:127.0.0.1",
        ] {
            #expect(names.contains(name), "\(names)")
        }
        let list = try Shell.run(
            "openssl", "crl", "-in", files.path("certs/crl.pem"), "-noout", "-CAfile", files.path("certs/ca.pem"), "-verify"
        )
        #expect("\(list)".contains("verify OK"), "\(list)")
    }

    @Test func revokesWhatOpensslThenRefuses() throws {
        #expect(try pki("init", "--trust-domain", "link.internal").succeeded)
        for service in ["user-svc", "search-svc"] { #expect(try pki("issue", service).succeeded) }
        let revoked = try pki("revoke", "user-svc")
        #expect(revoked.succeeded, "\(revoked)")
        #expect(try openssl("search-svc").succeeded)
        let refused = try openssl("user-svc")
        #expect(!refused.succeeded)
        #expect("\(refused)".contains("certificate revoked"), "\(refused)")

        let ours = try verdict("certs/user-svc/cert.pem")
        #expect(ours.exitCode == 1)
        #expect(ours.standardOutput == "certificate-revoked")
        #expect(try verdict("certs/search-svc/cert.pem").succeeded)
        // A list signed anew still says so.
        #expect(try pki("crl", "--valid-for", "7d").succeeded)
        #expect(try verdict("certs/user-svc/cert.pem").standardOutput == "certificate-revoked")
        let again = try pki("issue", "user-svc")
        #expect(again.succeeded, "\(again)")
        #expect(try openssl("user-svc").succeeded)
    }

    @Test(arguments: [nil, "Link Issuing CA"]) func tellsWhatItDidAsJSON(intermediate: String?) throws {
        func json(_ arguments: String...) throws -> JSONObject {
            let result = try Program.run(["pki"] + arguments + ["--json"], in: files)
            #expect(result.succeeded, "\(result)")
            return try JSONReader.parseObject(result.output)
        }
        func objects(_ value: JSONValue?) -> [JSONObject] {
            guard case .array(let values) = value else { return [] }
            return values.compactMap { if case .object(let object) = $0 { object } else { nil } }
        }
        func lists(_ object: JSONObject) throws -> [JSONObject] {
            #expect(object.string("revocationListFile") == "certs/crl.pem")
            let lists = objects(object["revocationLists"])
            #expect(lists.count == (intermediate == nil ? 1 : 2))
            // The same as `pki status` says of them, which says one thing more.
            let status = objects(try json("status")["revocationLists"])
            #expect(status.count == lists.count)
            for (list, known) in zip(lists, status) {
                #expect(list.members.map(\.name) == ["issuer", "number", "revoked", "thisUpdate", "nextUpdate"])
                for member in list.members { #expect(known[member.name] == member.value, "\(member.name)") }
            }
            return lists
        }
        let options = intermediate.map { ["--intermediate", $0] } ?? []
        let made = try JSONReader.parseObject(
            try Program.run(["pki", "init", "--trust-domain", "link.internal", "--json"] + options, in: files).output)
        let names = intermediate == nil ? ["root"] : ["root", "intermediate"]
        let authorities = objects(made["authorities"])
        let known = objects(try json("status")["certificates"])
        #expect(authorities.map { $0.string("name") } == names)
        #expect(known.count == names.count)
        for (authority, known) in zip(authorities, known) {
            for member in ["name", "subject", "serial", "notBefore", "notAfter", "sha256"] {
                #expect(authority[member] == known[member] && authority.string(member) != nil, "\(member)")
            }
            #expect(authority["certificate"] == known["file"])
            #expect(try files.mode(try #require(authority.string("privateKey"))) == 0o600)
        }
        for list in try lists(made) { #expect(list["number"] == .integer(1) && list["revoked"] == .integer(0)) }

        let issued = try json("issue", "user-svc")
        for wasRevoked in [false, true] {
            let revoked = try json("revoke", "user-svc")
            let certificates = objects(revoked["certificates"])
            #expect(certificates.count == 1)
            for member in ["serial", "subject", "notBefore", "notAfter"] {
                #expect(certificates.first?[member] == issued[member] && issued.string(member) != nil, "\(member)")
            }
            #expect(certificates.first?["wasRevoked"] == .bool(wasRevoked))
            #expect(try lists(revoked).last?["revoked"] == .integer(1))
        }
        let lost = try Program.run(["pki", "revoke", "--serial", "0a:0B", "--json"], in: files)
        #expect(lost.standardError.hasPrefix("warning: no certificate with this number"), "\(lost)")
        let unknown = try #require(objects(try JSONReader.parseObject(lost.output)["certificates"]).first)
        #expect(unknown.string("serial") == "0a0b")
        for member in ["subject", "notBefore", "notAfter"] { #expect(unknown[member] == .null, "\(member)") }

        let renewed = try lists(try json("crl", "--valid-for", "7d"))
        #expect(renewed.last?["revoked"] == .integer(2))
        #expect(renewed.last?["number"] == .integer(5))
    }

    /// The root's key is kept elsewhere: its list ends all the same, and then nobody is let in.
    @Test func saysWhichListsWereNotSignedAnewAndWhenTheFirstEnds() throws {
        #expect(try pki("init", "--trust-domain", "link.internal", "--intermediate", "Issuing").succeeded)
        #expect(try pki("issue", "user-svc").succeeded)
        let first = try pki("crl", "--valid-for", "2d")
        #expect(first.standardError.isEmpty, "\(first)")
        let end = try #require(first.standardOutput.split(separator: " ").last)
        try FileManager.default.removeItem(atPath: files.path("certs/ca-key.pem"))
        let second = try pki("crl", "--valid-for", "7d")
        #expect(second.succeeded)
        #expect(second.standardError.hasPrefix("warning: the list of "), "\(second)")
        #expect(second.standardError.hasSuffix("it holds until \(end)"), "\(second)")
        #expect(try pki("revoke", "user-svc", "--valid-for", "7d").standardOutput.hasSuffix("which holds until \(end)"))
        try FileManager.default.removeItem(atPath: files.path("certs/intermediate-key.pem"))
        let none = try pki("crl")
        #expect(none.exitCode == 78)
        #expect(none.error.contains("no list was signed anew"), "\(none)")
    }

    @Test func warnsOfAnotherServicesBadFileAndGoesOn() throws {
        #expect(try pki("init", "--trust-domain", "link.internal").succeeded)
        #expect(try pki("issue", "user-svc").succeeded)
        try files.write("", to: "certs/readme")
        #expect(try pki("status").succeeded)
        try files.write("gibberish", to: "certs/other/cert.pem")
        for command in [["crl"], ["revoke", "--serial", "0a"], ["revoke", "user-svc"]] {
            let result = try Program.run(["pki"] + command, in: files)
            #expect(result.succeeded, "\(command): \(result)")
            #expect(result.standardError.contains("warning: certs/other/cert.pem: "), "\(command): \(result)")
        }
        #expect(try verdict("certs/user-svc/cert.pem").standardOutput == "certificate-revoked")
        let own = try pki("revoke", "other")
        #expect(own.exitCode == 78, "\(own)")
        #expect(own.hint.contains("--serial"), "\(own)")
        let status = try pki("status")
        #expect(status.exitCode == 1, "\(status)")
        #expect(status.standardOutput.split(separator: "\n").contains { $0.hasPrefix("other ") && $0.contains("unreadable") })
        #expect(status.error.contains("other"), "\(status)")
        let json = try JSONReader.parseObject(try pki("status", "--json").output)
        #expect(json["needsAttention"] == .bool(true))
    }

    /// Standard input may be a socket, as of a service that systemd or inetd started.
    @Test func readsACertificateFromASocket() throws {
        #expect(try pki("init", "--trust-domain", "link.internal").succeeded)
        #expect(try pki("issue", "user-svc").succeeded)
        let script = """
            import socket, subprocess, sys
            ours, theirs = socket.socketpair()
            ours.sendall(open("certs/user-svc/cert.pem", "rb").read())
            ours.close()
            sys.exit(subprocess.run(sys.argv[1:], stdin=theirs, timeout=60).returncode)
            """
        let result = try Shell.run(
            "python3", ["-c", script, Program.path, "pki", "verify", "-", "--ca", "certs/ca.pem"], directory: files.path
        )
        #expect(result.succeeded, "\(result)")
        #expect(result.standardOutput.contains("user-svc.link.internal"), "\(result)")
    }

    @Test func worksInCertsUnlessToldOtherwise() throws {
        #expect(try Program.run("pki", "crl", in: files).error.contains("no certificate authority in certs "))
        #expect(try Program.run("pki", "init", "--trust-domain", "link.internal", in: files).succeeded)
        #expect(try Program.run("pki", "init", "--trust-domain", "link.internal", in: files).exitCode == 1)
        for command in [["issue", "user-svc"], ["revoke", "user-svc"], ["crl"], ["status"]] {
            let result = try Program.run(["pki"] + command, in: files)
            #expect(result.succeeded, "\(command): \(result)")
        }
        #expect(try verdict("certs/user-svc/cert.pem").standardOutput == "certificate-revoked")
    }

    @Test func tellsWhatIsAboutToEndAndWhatIsNotThere() throws {
        let missing = try pki("issue", "user-svc")
        #expect(missing.exitCode == 78, "\(missing)")
        #expect(missing.hint.contains("countersign pki init"), "\(missing)")
        #expect(try pki("init", "--trust-domain", "link.internal").succeeded)
        #expect(try pki("init", "--trust-domain", "link.internal").exitCode == 1)
        #expect(try pki("issue", "user-svc", "--days", "20").succeeded)
        let alarm = try pki("status")
        #expect(alarm.exitCode == 1, "\(alarm)")
        #expect(alarm.error.contains("user-svc"))
        #expect(try pki("status", "--alert-days", "10").succeeded)
        let json = try JSONReader.parseObject(try pki("status", "--alert-days", "10", "--json").output)
        #expect(json["needsAttention"] == .bool(false))
        for name in ["", "Capital", "two words", "../up", "a/b", "-dash"] {
            let result = try Program.run(["pki", "issue", "--dir", "certs", "--", name], in: files)
            #expect(result.exitCode == 64, "\(name): \(result)")
        }
    }
}
