import CountersignIssuer
import CountersignTLS
import Foundation
import NIOCore
import NIOSSL
import Testing

@testable import CountersignCLI

/// What the libraries below say never reaches a log or a person as it is.
@Suite struct ErrorWordsTests {
    private static func system(_ code: CInt) -> IOError { IOError(errnoCode: code, reason: "bind(descriptor:ptr:bytes:)") }

    @Test(
        arguments: [
            (CancellationError(), "it was stopped before its end"), (system(EACCES), "permission denied"),
            (system(ENOTTY), "system error \(ENOTTY)"), (POSIXError(.ENOEXEC), "it is no program"),
            (ChannelError.connectTimeout(.seconds(1)), "no answer in time"),
            (ChannelError.ioOnClosedChannel, "the connection was closed"),
            (NIOSSLError.uncleanShutdown, "the TLS library gives no reason"),
        ] as [(any Error, String)])
    func everyErrorHasWords(error: any Error, words: String) {
        #expect(ErrorWords.reason(error) == words)
        #expect(CommandFailure.unexpected(error).message == words)
    }

    @Test(arguments: [
        (
            "sslError([Error: 268435703 error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER])",
            "WRONG_VERSION_NUMBER"
        ),
        ("error:1:OPENSSL_internal:ONE at /src/a.cc:1, error:2:OPENSSL_internal:TWO at /src/b.cc:2", "ONE, TWO"),
        ("NIOSSLExtraError.invalidSNIHostname: it has a space", "it has a space"),
        ("handshakeFailed(NIOSSL.BoringSSLError.wantRead)", "the TLS library gives no reason"),
    ])
    func onlyTheReasonsOfTheTLSLibraryAreLeft(text: String, words: String) {
        #expect(ErrorWords.tls(in: text) == words)
    }

    @Test func anAddressThatCannotBeListenedOnIsNamedWithWhatToDo() throws {
        for (code, words) in [
            (EADDRINUSE, "it is in use"), (EACCES, "permission denied"), (ENOENT, "its directory is not there"),
            (EADDRNOTAVAIL, "this machine has no such address"),
        ] {
            let failure = try #require(ListenFailure(Self.system(code), on: "127.0.0.1:1"))
            #expect(failure.message == "cannot listen on 127.0.0.1:1: \(words)")
            #expect(failure.hint?.isEmpty == false)
        }
        let unknown = try #require(ListenFailure(SocketAddressError.failedToParseIPString("nowhere"), on: "nowhere:1"))
        #expect(unknown.message == "cannot listen on nowhere:1: the host name cannot be resolved")
        #expect(ListenFailure(CancellationError(), on: "127.0.0.1:1") == nil)
    }
}
