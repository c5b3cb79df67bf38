import CountersignCrypto
import CountersignJSON
import CountersignTesting
import Testing

/// `countersign token inspect` shows and proves nothing.
@Suite(.serialized) struct TokenInspectTests {
    let token: String

    init() throws {
        let caller = try TestAuthority().issue("user-svc")
        token = try TestIssuer().token(for: caller, service: "user-svc", audience: "search-svc", roles: ["reader", "writer"])
    }

    @Test func showsATokenInWordsAndSaysThatNothingIsVerified() throws {
        for arguments in [["-"], [], [token]] {
            let result = try Program.run(["token", "inspect"] + arguments, input: arguments == [token] ? "" : token)
            #expect(result.succeeded, "\(result)")
            #expect(result.standardOutput.hasPrefix("NOT VERIFIED"))
            for text in ["RS256", "at+jwt", "service (service_id)", "reader, writer", "\(TestClock.now)"] {
                #expect(result.standardOutput.contains(text), "\(text)")
            }
        }
    }

    @Test func marksJSONAsNotVerified() throws {
        let result = try Program.run("token", "inspect", "--json", input: token)
        let json = try JSONReader.parseObject(result.output)
        #expect(json["verified"] == .bool(false))
        #expect(json.object("claims")?.string("service_id") == "user-svc")
    }

    @Test func showsTextOfStrangersWithoutLettingItSteerTheTerminal() throws {
        let issuer = try TestIssuer()
        let hostile = try issuer.token(
            header: Array(#"{"alg":"RS256","x\u001b[2J":"y"}"#.utf8),
            payload: Array(#"{"iss":"\u001b[31mred\u202e\r\n","\u001b]0;t":1}"#.utf8)
        )
        let result = try Program.run("token", "inspect", input: hostile)
        #expect(result.succeeded)
        let isControl = { (scalar: Unicode.Scalar) in
            scalar != "\n" && (scalar.value < 0x20 || 0x7f...0x9f ~= scalar.value || 0x202a...0x202e ~= scalar.value)
        }
        #expect(!result.standardOutput.unicodeScalars.contains(where: isControl), "\(result.output)")
    }

    @Test(arguments: ["abc", "a.b", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30."])
    func refusesWhatIsNoToken(text: String) throws {
        let result = try Program.run("token", "inspect", text)
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.error.hasPrefix("token-malformed"), "\(result)")
    }
}
