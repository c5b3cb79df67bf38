public import CountersignCrypto
internal import CountersignTLS
internal import NIOPosix

/// What the files behind a configuration hold.
public struct IssuerFiles: Sendable {
    /// The issuer's own certificate.
    public let certificate: Certificate
    /// The key ring.
    public let keys: KeyRing
}

extension IssuerConfiguration {
    /// Loads everything the configuration names, as the issuer does when it starts, and says what is wrong: every
    /// file that cannot be read; the first fault in what is in the others; the key ring's.
    ///
    /// - Returns: What was found; `nil` when anything is wrong.
    public func loadFiles(at now: Timestamp) async -> (files: IssuerFiles?, problems: [ConfigurationProblem]) {
        let (certificate, tlsProblems) = await checkTLS(at: now)
        var problems = tlsProblems
        var ring: KeyRing?
        do {
            let store = keys.store
            let stored = try await store.load()
            _ = try await store.privateKey(for: stored.ring.signing.jwk)
            ring = stored.ring
        } catch {
            problems.append(problem("keys.directory", error.message, hint: error.hint))
        }
        guard let certificate, let ring, problems.isEmpty else {
            return (nil, ConfigurationError(problems).problems)
        }
        return (IssuerFiles(certificate: certificate, keys: ring), [])
    }

    /// Every file by itself first, so that one that is missing does not hide another; then all together.
    private func checkTLS(at now: Timestamp) async -> (Certificate?, [ConfigurationProblem]) {
        let missing = [
            problem(reading: "tls.certificate", tls.certificate), problem(reading: "tls.privateKey", tls.privateKey),
            problem(reading: "tls.clientCA", tls.clientCA), tls.crl.flatMap { problem(reading: "tls.crl", $0) },
        ].compactMap(\.self)
        guard missing.isEmpty else {
            return (nil, missing)
        }
        do {
            let files = tls.files
            let material = try await NIOThreadPool.singleton.runIfActive { try TLSMaterial(files, role: .server, at: now) }
            try IssuerName.check(self, material.certificate)
            return (material.certificate, [])
        } catch let error as TLSError {
            return (nil, [problem(Self.key(of: error.code), error.message, hint: error.hint)])
        } catch let error as IssuerStartError {
            return (nil, [problem("tls.certificate", error.message, hint: error.hint)])
        } catch {
            return (nil, [problem("tls", ErrorWords.reason(error))])
        }
    }

    private func problem(reading key: String, _ source: PEMSource) -> ConfigurationProblem? {
        do {
            if key == "tls.privateKey" {
                _ = try source.readSecret()
            } else if key == "tls.crl" {
                _ = try source.read(maxBytes: PEMSource.maxRevocationListBytes)
            } else {
                _ = try source.read()
            }
            return nil
        } catch {
            return problem(key, error.message, hint: error.hint)
        }
    }

    private func problem(_ key: String, _ message: String, hint: String? = nil) -> ConfigurationProblem {
        ConfigurationProblem(file: file, line: line(of: key), message: hint.map { "\(message) (\($0))" } ?? message)
    }

    /// Which line of the file a fault of the certificates belongs to.
    private static func key(of code: TLSError.Code) -> String {
        switch code {
        case .keyPermissions, .malformedKey, .wrongPassphrase, .keyMismatch: "tls.privateKey"
        case .malformedCA: "tls.clientCA"
        case .malformedCRL, .crlExpired, .crlNotYetValid, .crlInvalid: "tls.crl"
        default: "tls.certificate"
        }
    }
}
