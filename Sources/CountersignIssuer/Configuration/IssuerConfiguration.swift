internal import CountersignCrypto
public import CountersignTLS

/// The issuer's configuration file, read and checked as a whole.
///
/// A value of this type is complete and consistent in itself; whether the files it names exist and fit is a second question,
/// because they change on their own.
public struct IssuerConfiguration: Sendable {
    /// The file as it was named.
    public let file: String
    /// Of the bytes it was read from.
    let digest: SHA256Digest
    /// The `iss` claim and the base of all published addresses.
    public let issuer: HTTPSAddress
    /// Where tokens are served over mutual TLS.
    public let listen: ListenAddress
    /// Where probes are answered over plain HTTP; `nil` for nowhere.
    public let operations: ListenAddress?
    /// The SPIFFE trust domain that every SPIFFE ID of the file is in, if it is set.
    public let trustDomain: String?
    public let tls: TLS
    public let keys: Keys
    /// What the listener takes at a time.
    public let limits: Limits
    /// Services, admins and the bounds of tokens, compiled.
    public let policy: IssuancePolicy
    /// What is allowed but probably not meant.
    public let warnings: [ConfigurationProblem]

    /// The PEM files of the listener. Relative paths have been resolved against the configuration file's directory.
    public struct TLS: Hashable, Sendable {
        public let certificate: PEMSource
        public let privateKey: PEMSource
        public let clientCA: PEMSource
        /// If set, it has to be there, valid and fresh.
        public let crl: PEMSource?
    }

    /// The bounds of the listener. They need a restart.
    public struct Limits: Hashable, Sendable {
        /// Connections beyond this wait; each costs some tens of kilobytes. Lower where the limit of open files is.
        public var connections = 10_000
        /// Connections of one address beyond this are closed; 0 for no such bound.
        public var connectionsPerAddress = 1000
        /// Requests beyond this, on one event loop, are answered 503. A request takes half a millisecond of it, so that the
        /// last of these has its answer within 50 ms of being read, and within 100 ms of its arrival.
        public var requestsInProgress = 100
    }

    /// The signing keys.
    public struct Keys: Hashable, Sendable {
        public let directory: String
        /// Where the passphrase of the private keys is; nil when they are not encrypted.
        public let passphrase: PassphraseSource?
        /// How long a key is published before it signs, how long it signs, and how long it stays published afterwards, which
        /// follows from the longest life of a token.
        public let parameters: KeyRingParameters

        /// How long receivers may keep the key set, in seconds: five minutes, and always less than a key is announced for, by
        /// what it takes an announcement to reach the published set and by the fractions that whole seconds leave out.
        public var maximumAge: Int64 { min(300, max(0, parameters.announceFor - 2)) }

        /// The key ring.
        public var store: FileKeyRingStore { FileKeyRingStore(directory: directory, passphrase: passphrase) }
        /// For what an issuer writes by itself: see ``SigningKeys``.
        var keepingStore: FileKeyRingStore {
            FileKeyRingStore(directory: directory, passphrase: passphrase, lockWait: .milliseconds(200))
        }
    }

    /// Where the keys that name files and addresses stand, for faults that only show when they are used.
    let lines: [String: Int]

    /// The line of a key such as `tls.certificate`; `nil` when it is not in the file.
    public func line(of key: String) -> Int? {
        lines[key]
    }
}
