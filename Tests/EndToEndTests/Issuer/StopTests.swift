import CountersignTesting
import Foundation
import Testing

/// How an issuer ends: with the requests in hand, and nothing else.
@Suite(.serialized) struct StopTests {
    @Test(arguments: [SIGTERM, SIGINT]) func finishesTheRequestInHand(signal: Int32) async throws {
        let issuer = try await RunningIssuer.start(try IssuerFolder())
        let busy = try TLSSession(to: issuer)
        // One write is one record: with the first answer the server has read the second request's beginning, too.
        let request = TLSSession.tokenRequest()
        try busy.send(request + request.dropLast(20))
        #expect(try await busy.answer().status == 200)
        let idle = try TLSSession(to: issuer)
        try idle.send(TLSSession.tokenRequest())
        #expect(try await idle.answer().status == 200)

        issuer.send(signal)
        // An idle connection is no reason to stay.
        try await idle.end()
        try await eventually("a listener that is closed") {
            !(try Curl(issuer: issuer).run("/.well-known/jwks.json", ["--max-time", "2"]).succeeded)
        }
        #expect(issuer.isRunning)
        #expect(busy.isOpen)
        try busy.send(String(request.suffix(20)))
        let answer = try await busy.answer(2)
        #expect(answer.status == 200)
        #expect(answer.header("Connection") == "close")
        #expect(try await issuer.exitCode() == 0)
        #expect(try issuer.log().split(separator: "\n").last?.hasSuffix("notice stopped") == true)
    }

    @Test func waitsNoLongerThanItsBoundForAClientThatDoesNotGoOn() async throws {
        let issuer = try await RunningIssuer.start(try IssuerFolder())
        let stuck = try TLSSession(to: issuer)
        let request = TLSSession.tokenRequest()
        try stuck.send(request + request.dropLast(20))
        #expect(try await stuck.answer().status == 200)
        #expect(try await issuer.stop() == 0)
        try await stuck.end()
    }
}
