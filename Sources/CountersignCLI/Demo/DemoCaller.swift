import CountersignClient
import CountersignCrypto
import CountersignTLS

/// One calling service: its certificate, a way to the issuer and a way to the receiver.
final class DemoCaller: Sendable {
    private let material: TLSMaterial?
    private let browser: DemoBrowser
    private let issuerAddress: String
    private let log: DemoLog

    enum Origin { case ourAuthority, otherAuthority }

    init(_ service: String, of origin: Origin = .ourAuthority, folder: DemoFolder, log: DemoLog) throws {
        let files =
            origin == .ourAuthority ? folder.files(of: service, withRevocationList: false) : folder.foreignFiles(of: service)
        let material = try TLSMaterial(files, role: .client, at: .now())
        self.material = material
        self.log = log
        browser = try DemoBrowser(port: folder.receiverPort, material: material, ca: folder.ca)
        issuerAddress = folder.issuerAddress
    }

    /// Somebody without a certificate.
    init(nobodyIn folder: DemoFolder, log: DemoLog) throws {
        material = nil
        self.log = log
        browser = try DemoBrowser(port: folder.receiverPort, material: nil, ca: folder.ca)
        issuerAddress = folder.issuerAddress
    }

    /// A fresh token from the issuer.
    func fetch(_ audience: String) async throws -> AccessToken {
        guard let material else { throw CommandFailure.software("the demo's nobody has no certificate to fetch a token with") }
        return try await fetchToken(from: issuerAddress, tls: material, audience: audience).token
    }

    /// How the issuer refuses to issue.
    func refusal(of audience: String) async -> String {
        do {
            _ = try await fetch(audience)
            return "a token"
        } catch let error as TokenError {
            return "refused: \(error.oauthCode ?? error.code.rawValue)"
        } catch {
            return "\(error)"
        }
    }

    /// Calls the receiver: the status, and the reason from the receiver's log where it refused.
    func call(_ token: AccessToken?) async throws -> String {
        _ = log.takeReason()
        guard let answer = try await browser.get(token: token?.value) else {
            return "handshake refused: \(await reason())"
        }
        return answer.status == 200 ? "200" : "\(answer.status) \(await reason())"
    }

    /// The receiver's whole answer.
    func answer(_ token: AccessToken) async throws -> DemoBrowser.Answer? {
        try await browser.get(token: token.value)
    }

    /// A client may hear of a refused handshake just before the server has written it down: look again, for ten seconds at most.
    private func reason() async -> String {
        for _ in 0..<1000 {
            if let reason = log.takeReason() { return reason }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return "no reason in the receiver's log"
    }
}
