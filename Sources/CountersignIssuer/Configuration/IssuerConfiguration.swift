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
    }

    /// Where the keys that name files and addresses stand, for faults that only show when they are used.
    let lines: [String: Int]

    /// The line of a key such as `tls.certificate`; `nil` when it is not in the file.
    public func line(of key: String) -> Int? {
        lines[key]
    }
}
