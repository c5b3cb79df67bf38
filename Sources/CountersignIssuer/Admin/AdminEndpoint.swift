internal import Countersign
internal import CountersignCrypto
internal import CountersignJSON
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// `/admin/...`: what `countersign keys` and `countersign deny` do, for admins' certificates.
///
/// Fails closed: the certificate must be good now, not denied, and fulfil one of the configuration's `admins`. Whatever is
/// asked and whatever became of it is logged with who asked. Bodies must be declared as JSON: a browser that holds an admin's
/// certificate sends that across sites only if it is let, and it is not.
struct AdminEndpoint: Sendable {
    static let maximumBytes = 16 * 1024

    private let state: IssuerState

    init(_ state: IssuerState) {
        self.state = state
    }

    /// - Parameter path: one of ``AdminCommand/paths``.
    func respond(to request: Request, path: String, context: IssuerRequestContext) async throws -> Response {
        let isList = AdminCommand.listPaths.contains(path)
        guard isList ? request.method == .get || request.method == .head : request.method == .post else {
            return Problem.methodNotAllowed(isList ? "GET, HEAD" : "POST").response
        }
        let peer = await context.peer()
        var entry: Logger.Metadata = [
            "request": "\(context.requestID)", "path": "\(path)",
            "subject": "\(peer.map { LogText.escaped("\($0.certificate.subject)") } ?? "-")",
        ]
        do {
            // Before the body, so that nobody else's is read at all.
            _ = try admin(peer, at: state.clock())
            let (command, reason) =
                isList ? (path == "/admin/keys" ? .listKeys : .listDenied, nil) : try await Self.read(request, path)
            // And again: a body may take its time, and the certificate may have been denied or have expired meanwhile.
            let now = state.clock()
            let (author, certificate) = try admin(peer, at: now)
            let store = AdminKeyRingStore(state.keys.store, author: certificate)
            let report = try await store.perform(
                command, by: KeyRing.Author(author, reason: reason), at: now, settling: !state.keys.isClockDistrusted)
            if isList {
                state.logger.info("admin looked", metadata: entry)
            } else {
                // What was done holds here at once; the other issuers see it within a second.
                await state.keys.reload(at: now, settling: false)
            }
            return try Self.answer(warned(report, of: command))
        } catch let error as KeyRingError {
            entry["reason"] = "\(error.code)"
            entry["message"] = "\(error.message)"
            state.logger.notice("admin request not done", metadata: entry)
            return state.response(to: Problem(error))
        } catch let problem as Problem {
            let isRefused = problem.status == .unauthorized || problem.status == .forbidden
            let reason = problem.code ?? "-"
            let caller = peer?.certificate.serialHex ?? ""
            if let refused = state.refusedRequests.tell(reason, to: caller, at: state.elapsed()) {
                entry["reason"] = "\(reason)"
                entry["refused"] = Logger.Metadata.refused(refused)
                state.logger.notice(isRefused ? "admin refused" : "admin request not done", metadata: entry)
            }
            return state.response(to: problem)
        }
    }

    /// A denial of a service that nobody has heard of is in force, and most likely misspelt.
    private func warned(_ report: JSONObject, of command: AdminCommand) -> JSONObject {
        guard case .deny(.service(let id), _) = command,
            !state.snapshot.configuration.policy.directory.services.contains(where: { $0.id.utf8.elementsEqual(id.utf8) })
        else {
            return report
        }
        return AdminReport.adding("the issuer's configuration has no service \(id); it is denied all the same", to: report)
    }

    /// The subject of an admin's certificate, or why it is none.
    private func admin(_ peer: Peer?, at now: Timestamp) throws(Problem) -> (subject: String, certificate: Certificate) {
        let certificate = try state.acceptedCertificate(of: peer, at: now)
        guard !state.keys.snapshot.revocations.deny(certificate) else {
            throw Problem(status: .unauthorized, detail: "The client certificate is denied.", code: "certificate-denied")
        }
        let policy = state.snapshot.configuration.policy
        guard let identity = try? CertificateIdentity(certificate),
            (try? identity.requireSubjectFields(policy.requiredSubjectFields)) != nil,
            policy.admins.contains(where: { $0.matches(identity) })
        else {
            throw Problem(
                status: .forbidden, detail: "The client certificate is not that of an admin.", code: "not-an-admin",
                hint: "list its subject under admins in the issuer's configuration"
            )
        }
        return (LogText.escaped("\(identity.subject)"), certificate)
    }

    private static func read(_ request: Request, _ path: String) async throws -> (AdminCommand, String?) {
        let type = request.headers[.contentType]?.split(separator: ";").first?.trimmingSpaces.lowercased()
        guard type == "application/json" else {
            throw Problem(status: .unsupportedMediaType, detail: "Send the body as application/json.", code: "request-malformed")
        }
        let body: [UInt8]
        do {
            body = Array(try await request.body.collect(upTo: maximumBytes).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem(status: .contentTooLarge, detail: "The body is larger than 16 KiB.", code: "request-malformed")
        }
        do {
            return try AdminCommand.read(path: path, body: try JSONReader.parseObject(body))
        } catch let error as KeyRingError {
            throw Problem(status: .badRequest, detail: error.message, code: error.code.rawValue, hint: error.hint)
        } catch let error as JSONError {
            throw Problem(
                status: .badRequest, detail: "The body is not a JSON object: \(error.message)", code: "request-malformed")
        }
    }

    private static func answer(_ report: JSONObject) throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try JSONWriter.bytes(.object(report))))
        )
    }
}

extension Problem {
    /// Why an admin's request was not done with the ring.
    init(_ error: KeyRingError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .unknownKey, .notDenied: .notFound
            case .authorDenied: .unauthorized
            case .rotationUnderWay, .receiversWaiting, .tooManyKeys, .tooManyDenials, .ambiguousKey, .alreadyRevoked,
                .alreadyDenied, .nothingAnnounced:
                .conflict
            case .prefixTooShort, .wrongDenial: .badRequest
            case .locked, .conflict, .notWritten, .notInitialised, .unreadable, .malformed, .unsupportedVersion, .inconsistent,
                .permissions, .passphrase, .privateKeyMissing, .privateKeyWrong, .keyGeneration:
                .serviceUnavailable
            default: .internalServerError
            }
        self.init(status: status, detail: error.message, code: error.code.rawValue, hint: error.hint)
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" {
            text.removeLast()
        }
        return text
    }
}
