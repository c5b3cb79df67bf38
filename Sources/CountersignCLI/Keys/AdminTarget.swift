import ArgumentParser
import CountersignClient
import CountersignCrypto
import CountersignIssuer
import CountersignJSON
import CountersignTLS

/// Where a command on keys is carried out: in a directory, or by a running issuer.
struct AdminTarget: ParsableArguments {
    @Option(name: .customLong("keys"), help: ArgumentHelp("The directory of the keys.", valueName: "dir"))
    var directory: String?

    @Option(
        help: ArgumentHelp(
            "Where the passphrase of the private keys is: env:NAME, credential:NAME (systemd) or a file.", valueName: "source"
        )
    )
    var passphrase: String?

    @Option(help: ArgumentHelp("A running issuer, instead of --keys.", valueName: "url"))
    var issuer: String?

    @Option(help: ArgumentHelp("With --issuer: the admin's certificate (PEM, with its chain), or env:NAME.", valueName: "file"))
    var cert: String?

    @Option(help: ArgumentHelp("With --issuer: its private key (PEM, mode 600), or env:NAME.", valueName: "file"))
    var key: String?

    @Option(help: ArgumentHelp("With --issuer: the authorities that vouch for the issuer (PEM), or env:NAME.", valueName: "file"))
    var ca: String?

    func validate() throws {
        guard (directory == nil) != (issuer == nil) else {
            throw ValidationError("give either --keys, for a directory, or --issuer, for a running issuer")
        }
        guard issuer == nil || (cert != nil && key != nil && ca != nil) else {
            throw ValidationError("--issuer needs --cert, --key and --ca")
        }
        guard issuer != nil || (cert == nil && key == nil && ca == nil) else {
            throw ValidationError("--cert, --key and --ca are for --issuer; --keys needs none of them")
        }
        guard issuer == nil || passphrase == nil else {
            throw ValidationError("--passphrase is for --keys; a running issuer has its own")
        }
    }

    /// Does it and gives the report that docs/reference/http.md describes.
    func perform(_ command: AdminCommand, reason: String? = nil) async throws(CommandFailure) -> JSONObject {
        if let directory {
            let store = FileKeyRingStore(directory: directory, passphrase: passphrase.map { PassphraseSource($0) })
            return try await answering { () throws(KeyRingError) in
                try await store.perform(command, by: .commandLine(reason), at: .now())
            }
        }
        guard let issuer, let cert, let key, let ca else {
            throw .usage("give either --keys or --issuer with --cert, --key and --ca")
        }
        do {
            let files = TLSFiles(certificate: PEMSource(cert), privateKey: PEMSource(key), ca: PEMSource(ca))
            let material = try TLSMaterial(files, role: .client, at: .now())
            return try await Self.ask(command, reason: reason, of: issuer, material)
        } catch let error as TLSError {
            throw .configuration(error.message, hint: error.hint)
        } catch let error as TokenError {
            throw CommandFailure(error)
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw .unexpected(error)
        }
    }

    /// From the connection to the last byte of the answer.
    private static let timeout = Duration.seconds(30)

    private static func ask(
        _ command: AdminCommand, reason: String?, of issuer: String, _ material: TLSMaterial
    ) async throws -> JSONObject {
        let address = try IssuerAddress(issuer)
        var request = IssuerRequest(
            command.isList ? .get : .post, "\(address)\(command.path)", headers: [("Accept", "application/json")],
            maxAnswerBytes: 4 << 20
        )
        if let body = command.body(reason: reason) {
            request.headers.append(("Content-Type", "application/json"))
            request.body = try JSONWriter.bytes(.object(body))
        }
        let (message, transport) = (request, MutualTLSTransport { material })
        let answer = try await ClientTime.system.limit(to: timeout, orThrow: .noAnswer(from: request.url)) {
            () async throws(TokenError) in try await transport.send(message)
        }
        let limits = JSONLimits(maxBytes: 4 << 20, maxDepth: 16)
        guard let object = try? JSONReader.parseObject(answer.body, limits: limits) else {
            throw CommandFailure.software(
                "\(request.url) answered \(answer.status), and not in JSON", hint: "see that it is the address of an issuer"
            )
        }
        guard answer.status == 200 else {
            let code = object.string("code") ?? ""
            throw CommandFailure(
                exitCode: answer.status == 401 ? .no : .of(code),
                message: object.string("detail") ?? "\(request.url) answered \(answer.status)", hint: object.string("hint")
            )
        }
        guard command.isReported(by: object) else {
            throw CommandFailure.software(
                "\(request.url) answered 200, and not as an issuer does",
                hint: "see that it is the address of an issuer\(command.isList ? "" : ", and with list whether it was done")"
            )
        }
        return object
    }
}

extension TokenError {
    fileprivate static func noAnswer(from url: String) -> TokenError {
        TokenError(.timedOut, "\(url) did not answer in time", hint: "see with the same options and list whether it was done")
    }
}
