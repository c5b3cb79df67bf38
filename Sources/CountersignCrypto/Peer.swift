internal import Synchronization

/// The other end of a TLS connection: its certificate, parsed once, and the memory of what was found out about it.
///
/// Make one per connection, where the handshake ends. Making it asserts that the connection proved possession of the
/// certificate's key (TLS CertificateVerify); code that did not see a handshake must not make one.
public final class Peer: Sendable {
    public let certificate: Certificate
    /// As the peer sent them, untrusted.
    public let intermediates: [Certificate]

    private let lastVerdict = Mutex<Verdict?>(nil)
    private let notes = Mutex<[Note]>([])
    /// As many authors as look at one connection: usually one.
    private static let maxNotes = 4

    private struct Verdict: Sendable {
        let validator: PathValidator
        let purpose: PathValidator.Purpose
        let path: ValidatedPath
    }

    /// Holds on to its author, so that no other object can come to stand at the same address; found by the address, since
    /// looking at the author would count references that every connection counts.
    private struct Note: Sendable {
        let address: ObjectIdentifier
        let author: any AnyObject & Sendable
        let content: any AnyObject & Sendable
    }

    /// - Parameters:
    ///   - leaf: the certificate whose key the handshake proved to be in the peer's hands.
    ///   - intermediates: what else the peer sent, in any order.
    public init(provedPossessionOf leaf: Certificate, intermediates: [Certificate]) {
        certificate = leaf
        self.intermediates = intermediates
    }

    /// The same, of a certificate that `validator` has judged already.
    ///
    /// - Parameter path: what ``PathValidator/validate(_:intermediates:purpose:at:)`` said of exactly this leaf and these
    ///   intermediates, or some of them. It is believed for as long as it stands.
    package init(
        provedPossessionOf leaf: Certificate,
        intermediates: [Certificate],
        standing path: ValidatedPath,
        under validator: PathValidator,
        purpose: PathValidator.Purpose
    ) {
        certificate = leaf
        self.intermediates = intermediates
        lastVerdict.withLock { $0 = Verdict(validator: validator, purpose: purpose, path: path) }
    }

    /// Whether the peer's certificate is good now. Ask on every request: connections outlive certificates.
    ///
    /// The chain is validated once per validator. After that a call costs two comparisons, until the certificate or the
    /// revocation lists run out or new trust files make a new validator; then everything is checked again.
    public func standing(
        under validator: PathValidator,
        purpose: PathValidator.Purpose,
        at now: Timestamp
    ) -> Result<ValidatedPath, PathFailure> {
        let standing = lastVerdict.withLock { last -> ValidatedPath? in
            guard last?.validator === validator, last?.purpose == purpose, let path = last?.path else { return nil }
            return path.stands(at: now) ? path : nil
        }
        if let standing { return .success(standing) }
        let result = validator.validate(certificate, intermediates: intermediates, purpose: purpose, at: now)
        if case .success(let path) = result {
            lastVerdict.withLock { $0 = Verdict(validator: validator, purpose: purpose, path: path) }
        }
        return result
    }

    /// What `author` keeps with the connection; `nil` before the first ``note(by:make:)``.
    package func note<Content: AnyObject & Sendable>(by author: some AnyObject & Sendable) -> Content? {
        let address = ObjectIdentifier(author)
        let content = notes.withLock { notes -> (any AnyObject & Sendable)? in
            for index in notes.indices where notes[index].address == address { return notes[index].content }
            return nil
        }
        return content as? Content
    }

    /// What `author` concluded from the certificate alone and keeps with the connection, made on first use.
    ///
    /// A failure is not kept. The certificate never changes, so a note never goes stale; a fifth author's note takes the place
    /// of the oldest.
    package func note<Content: AnyObject & Sendable, Failure: Error>(
        by author: some AnyObject & Sendable,
        make: (Certificate) throws(Failure) -> Content
    ) throws(Failure) -> Content {
        if let content: Content = note(by: author) { return content }
        let content = try make(certificate)
        notes.withLock { notes in
            if notes.count == Self.maxNotes { notes.removeFirst() }
            notes.append(Note(address: ObjectIdentifier(author), author: author, content: content))
        }
        return content
    }
}
