public import CountersignCrypto
internal import Synchronization

/// TLS material that can be replaced while connections go on.
///
/// Certificate, key, CA and revocation lists are read and checked together and then swapped in one step. New connections use
/// the new certificate; every connection's client certificate, old or new, is judged by the new CA and revocation lists from
/// then on. At the first load everything must be good. Later on, nothing may keep a revocation from being known:
///
/// - CA and revocation lists are taken over as soon as they can be read and parsed, even when certificate or key are not good;
///   the old certificate then stays in use.
/// - A list that has ended, has not begun or is not the CA's is taken over with the rest: clients whose certificate needs it
///   are refused, others are not. ``trustProblem(at:)`` tells.
/// - While CA or lists cannot be read or parsed, everything old stays, and fails closed when the old lists end.
public final class ReloadableTLS: Sendable {
    public let files: TLSFiles
    public let role: TLSMaterial.Role

    private let accept: @Sendable (TLSMaterial) throws(TLSError) -> Void
    private let state: Mutex<State>
    /// Advanced after every replacement of ``current``: whoever keeps something that belongs to the material can tell without
    /// asking for it, and without a lock, whether it is still in use.
    public let changes = Generation()
    /// Held while reading and checking, so that a slow attempt cannot overwrite the result of a later one.
    private let attempt: Mutex<Seen>

    /// What a look at the files came to.
    public enum Outcome: Sendable {
        /// The files hold what is loaded already.
        case unchanged
        case replaced(TLSMaterial)
        /// The old certificate stays in use. The message says whether CA and revocation lists were taken over.
        case failed(TLSError)
    }

    private struct State {
        var material: TLSMaterial
        /// What the last attempt failed with.
        var failure: TLSError?
    }

    /// The files at the last look, whatever that came to.
    private struct Seen: Equatable {
        enum Contents: Equatable {
            case digest(SHA256Digest)
            case unreadable(String)

            init(_ digest: Result<SHA256Digest, TLSError>) {
                switch digest {
                case .success(let digest): self = .digest(digest)
                case .failure(let error): self = .unreadable(error.message)
                }
            }
        }

        var identity: Contents
        var trust: Contents
    }

    /// Loads the files. Blocks on the file system: never call it on an event loop.
    ///
    /// - Parameter accept: What else must hold of a certificate, for instance that it names this host. It runs before material
    ///   is first used and before it replaces other material; what it refuses counts as a fault of the certificate, so CA and
    ///   lists found with it are taken over. It must not call this value.
    /// - Throws: ``TLSError``, also what `accept` throws.
    public init(
        _ files: TLSFiles,
        role: TLSMaterial.Role,
        at now: Timestamp,
        accepting accept: @escaping @Sendable (TLSMaterial) throws(TLSError) -> Void = { _ in }
    ) throws(TLSError) {
        let first = try TLSMaterial(files, role: role, at: now)
        try accept(first)
        self.files = files
        self.role = role
        self.accept = accept
        state = Mutex(State(material: first))
        attempt = Mutex(Seen(identity: .digest(first.identity.digest), trust: .digest(first.trust.digest)))
    }

    /// The material in use. Cheap; take it once per decision.
    public var current: TLSMaterial { state.withLock { $0.material } }

    /// What the last look at the files failed with, until one succeeds: what is in use is not what the files hold. Cheap.
    public var failure: TLSError? { state.withLock { $0.failure } }

    /// Why clients that have done nothing wrong are shut out at `now`: an ended, untimely or missing revocation list, or no CA
    /// certificate that is still valid. Costs about 0.1 ms with revocation lists.
    public func trustProblem(at now: Timestamp) -> TLSError? {
        let material = current
        return TLSMaterialChecker(files: files, role: role, now: now).problem(of: material.trust, chain: material.chain)
    }

    /// Reads the files again and takes them over if they are good. Blocks on the file system: never call it on an event loop.
    ///
    /// - Returns: `true` when the material was replaced, `false` when the files hold what is loaded already.
    /// - Throws: ``TLSError``; the old certificate stays in use, and CA and lists are taken over if they can be parsed.
    @discardableResult
    public func reload(at now: Timestamp) throws(TLSError) -> Bool {
        switch attempt.withLock({ look(at: now, again: true, last: &$0) }) {
        case .replaced: return true
        case .failed(let error): throw error
        case .unchanged, nil: return false
        }
    }

    /// Looks at the files once: `nil` when they are as they were at the last look, whatever that came to.
    func poll(at now: Timestamp) -> Outcome? {
        attempt.withLock { look(at: now, again: false, last: &$0) }
    }
}

extension ReloadableTLS {
    private func look(at now: Timestamp, again: Bool, last: inout Seen) -> Outcome? {
        let identity = Result { () throws(TLSError) in try TLSIdentityContents(reading: files) }
        let trust = Result { () throws(TLSError) in try TLSTrustContents(reading: files) }
        let seen = Seen(identity: Seen.Contents(identity.map(\.digest)), trust: Seen.Contents(trust.map(\.digest)))
        let isNews = again || seen != last
        last = seen
        let (material, failure) = state.withLock { ($0.material, $0.failure) }
        if seen.identity == .digest(material.identity.digest), seen.trust == .digest(material.trust.digest) {
            state.withLock { $0.failure = nil }
            return isNews || failure != nil ? .unchanged : nil
        }
        guard isNews || failure?.passesWithTime ?? false else { return nil }
        switch take(identity, trust, in: TLSMaterialChecker(files: files, role: role, now: now), material) {
        case .success(let replacement):
            return .replaced(replacement)
        case .failure(let error):
            // Also with the failure that was told before, when CA or lists were taken over.
            let isNews = again || failure?.message != error.message || current !== material
            return isNews ? .failed(error) : nil
        }
    }

    private func take(
        _ identity: Result<TLSIdentityContents, TLSError>,
        _ trust: Result<TLSTrustContents, TLSError>,
        in checker: TLSMaterialChecker,
        _ old: TLSMaterial
    ) -> Result<TLSMaterial, TLSError> {
        // The same lists keep their validator, and with it what it has found out about open connections.
        let trust = trust.flatMap { contents in
            contents.digest == old.trust.digest
                ? .success(old.trust) : Result { () throws(TLSError) in try checker.trust(contents) }
        }
        let whole = Result { () throws(TLSError) in
            let identity = try checker.identity(identity.get())
            let replacement = try TLSMaterial(identity, trust.get(), of: files, role: role)
            try accept(replacement)
            return replacement
        }
        switch whole {
        case .success(let replacement):
            put(State(material: replacement))
            return whole
        case .failure(let error):
            let (material, failure) = keepingIdentity(of: old, trust, because: error)
            put(State(material: material, failure: failure))
            return .failure(failure)
        }
    }

    private func put(_ new: State) {
        state.withLock { state in
            let isAnother = state.material !== new.material
            state = new
            if isAnother { changes.advance() }
        }
    }

    /// The old certificate with the new trust, where there is one, and what to tell.
    private func keepingIdentity(
        of old: TLSMaterial, _ trust: Result<TLSTrust, TLSError>, because error: TLSError
    ) -> (TLSMaterial, TLSError) {
        do throws(TLSError) {
            let trust = try trust.get()
            let material = trust.digest == old.trust.digest ? old : try old.replacing(trust, of: files)
            let message =
                "\(error.message); the old certificate stays in use, with the CA and revocation lists that are there now"
            return (material, TLSError(error.code, message, hint: error.hint))
        } catch let other {
            let both = other.message == error.message ? error.message : "\(error.message); \(other.message)"
            return (old, TLSError(error.code, "\(both); everything old stays in use", hint: error.hint))
        }
    }
}

extension TLSError {
    /// The same files may be good a moment later: they were written by a clock that is ahead of ours.
    fileprivate var passesWithTime: Bool { code == .certificateNotYetValid }
}
