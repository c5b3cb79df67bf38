/// Why something was not done with a key ring. Equality is the code.
///
/// Two kinds share the type because callers treat them alike: refusals of ``KeyRing`` (the answer is no) and failures of a
/// store (a file is missing, damaged, readable by others). Messages name the file and never hold key material.
public struct KeyRingError: Error, Equatable, CustomStringConvertible {
    /// What went wrong. New codes may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code in kebab-case, as it appears in logs.
        public let rawValue: String

        // Refusals of the ring.

        /// An announced key was to be promoted before it had been published for long enough.
        public static let announcedTooRecently = Code(rawValue: "announced-too-recently")
        /// A promotion was asked for and no key is announced.
        public static let nothingAnnounced = Code(rawValue: "nothing-announced")
        /// A key is announced already; one rotation at a time.
        public static let rotationUnderWay = Code(rawValue: "rotation-under-way")
        /// One more key would make the published set longer than ``KeyRing/maximumPublished``.
        public static let tooManyKeys = Code(rawValue: "too-many-keys")
        /// The key is in the ring already; a kid is never used twice.
        public static let duplicateKey = Code(rawValue: "duplicate-key")
        /// No key of the ring has this kid.
        public static let unknownKey = Code(rawValue: "unknown-key")
        /// Several keys of the ring begin with these characters.
        public static let ambiguousKey = Code(rawValue: "ambiguous-key")
        /// Too few characters of a kid to act upon.
        public static let prefixTooShort = Code(rawValue: "prefix-too-short")
        /// The key is revoked already.
        public static let alreadyRevoked = Code(rawValue: "already-revoked")
        /// The signing key was to be revoked with no key to take its place.
        public static let successorNeeded = Code(rawValue: "successor-needed")
        /// One more denial would make the status document longer than ``KeyRing/maximumDenials``.
        public static let tooManyDenials = Code(rawValue: "too-many-denials")
        /// The same is denied already, and more of it.
        public static let alreadyDenied = Code(rawValue: "already-denied")
        /// Whoever asks for the change is denied by the ring that is to be changed.
        public static let authorDenied = Code(rawValue: "certificate-denied")
        /// Nothing of the kind is denied.
        public static let notDenied = Code(rawValue: "not-denied")
        /// What is to be denied is not written as such a thing is: a service, a serial number, a key's digest.
        public static let wrongDenial = Code(rawValue: "wrong-denial")
        /// The announced key has run its time and receivers that were seen lately have not fetched it.
        public static let receiversWaiting = Code(rawValue: "receivers-waiting")
        /// A duration is outside its range, or two of them contradict each other.
        public static let parameters = Code(rawValue: "parameters")

        // Failures of a store.

        /// There is no key ring here.
        public static let notInitialised = Code(rawValue: "not-initialised")
        /// There is a key ring here already.
        public static let alreadyInitialised = Code(rawValue: "already-initialised")
        /// The directory holds the published example, which has no private keys.
        public static let example = Code(rawValue: "example")
        /// `keyring.json` is not what the format says: not JSON, cut short, unknown or missing members, wrong types.
        public static let malformed = Code(rawValue: "malformed")
        /// `keyring.json` has a version this program does not know.
        public static let unsupportedVersion = Code(rawValue: "unsupported-version")
        /// `keyring.json` is well formed and says something impossible: no signing key, two, a kid that is not the key's.
        public static let inconsistent = Code(rawValue: "inconsistent")
        /// The directory or a file may be read or changed by others than its owner.
        public static let permissions = Code(rawValue: "permissions")
        /// The private key of a key of the ring is not there.
        public static let privateKeyMissing = Code(rawValue: "private-key-missing")
        /// The private key cannot be read, or is not the one the ring names.
        public static let privateKeyWrong = Code(rawValue: "private-key-wrong")
        /// A private key is encrypted, and the passphrase is missing or wrong.
        public static let passphrase = Code(rawValue: "passphrase")
        /// A file or directory could not be read.
        public static let unreadable = Code(rawValue: "unreadable")
        /// A file or directory could not be written; what was there before is still there, unless the message says otherwise.
        public static let notWritten = Code(rawValue: "not-written")
        /// Another writer held the lock for too long.
        public static let locked = Code(rawValue: "locked")
        /// The ring was changed by someone else since it was read; read it again.
        public static let conflict = Code(rawValue: "conflict")
        /// The machine's clock was set while the issuer ran.
        public static let clock = Code(rawValue: "clock")
        /// A key could not be made.
        public static let keyGeneration = Code(rawValue: "key-generation")

        public var description: String { rawValue }
    }

    /// What went wrong.
    public let code: Code
    /// What happened, on which file, in one sentence without a final full stop.
    public let message: String
    /// What to do about it, where there is something to do.
    public let hint: String?

    public var description: String {
        if let hint { "\(code): \(message) (\(hint))" } else { "\(code): \(message)" }
    }

    public static func == (lhs: KeyRingError, rhs: KeyRingError) -> Bool {
        lhs.code == rhs.code
    }

    init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}
