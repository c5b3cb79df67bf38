public import CountersignCrypto

extension KeyRing {
    /// The most denials there may be: receivers fetch all of them.
    public static let maximumDenials = 1024

    /// Something that gets no tokens, and whose tokens receivers refuse, from a moment on.
    public struct Denial: Hashable, Sendable {
        /// Who or what is denied.
        public enum Subject: Hashable, Sendable {
            /// A service, by its name in tokens.
            case service(String)
            /// A certificate, by its serial number: hexadecimal, lower-case, without separators.
            case serial(String)
            /// Every certificate for a public key: SHA-256 over its SubjectPublicKeyInfo.
            case publicKey(SHA256Digest)
        }

        /// Who or what.
        public let subject: Subject
        /// Only for services: its tokens are refused when they were issued before this, and it goes on getting new ones. Nil
        /// refuses all.
        public let notBefore: Timestamp?
        /// Since when.
        public let since: Timestamp

        public init(_ subject: Subject, notBefore: Timestamp? = nil, since: Timestamp) {
            self.subject = subject
            self.notBefore = notBefore
            self.since = since
        }

        func refusesMore(than other: Denial) -> Bool {
            guard let theirs = other.notBefore else {
                return false
            }
            return notBefore.map { $0 > theirs } ?? true
        }

        /// How far it goes, as part of a sentence.
        var limit: String { notBefore.map { ", for tokens issued before \($0)," } ?? "" }
    }

    mutating func deny(_ denial: Denial) throws(KeyRingError) {
        if let known = denials.first(where: { $0.subject == denial.subject }), known.refusesMore(than: denial) {
            throw KeyRingError(
                .alreadyDenied, "the \(denial.subject) is denied\(known.limit) already, which refuses more",
                hint: "take that back first, with deny remove, if it is no longer to hold"
            )
        }
        denials.removeAll { $0.subject == denial.subject }
        guard denials.count < Self.maximumDenials else {
            throw KeyRingError(
                .tooManyDenials, "\(denials.count) denials are in force, which is the most there may be",
                hint: "take back those whose certificates have expired, with deny remove"
            )
        }
        denials.append(denial)
        statusNumber = statusNumber.addingReportingOverflow(1).partialValue
    }

    mutating func allow(_ subject: Denial.Subject) throws(KeyRingError) {
        guard denials.contains(where: { $0.subject == subject }) else {
            throw KeyRingError(.notDenied, "\(subject) is not denied", hint: "deny list shows what is")
        }
        denials.removeAll { $0.subject == subject }
        statusNumber = statusNumber.addingReportingOverflow(1).partialValue
    }
}

extension KeyRing.Denial.Subject: CustomStringConvertible {
    /// What kind it is, in one word: `service`, `serial`, `key`.
    public var kind: String {
        switch self {
        case .service: "service"
        case .serial: "serial"
        case .publicKey: "key"
        }
    }

    /// The name, the number or the digest.
    public var value: String {
        switch self {
        case .service(let id): id
        case .serial(let hex): hex
        case .publicKey(let digest): digest.hex
        }
    }

    public var description: String { "\(kind) \(value)" }

    /// Reads what a person wrote.
    ///
    /// - Parameters:
    ///   - kind: `service`, `serial` or `key`.
    ///   - value: a service's name; a serial number in hexadecimal, with or without colons; a digest of 64 hexadecimal digits.
    /// - Throws: ``KeyRingError`` with code `wrongDenial`.
    public init(kind: String, value: String) throws(KeyRingError) {
        let subject: Self? =
            switch kind {
            case "service": ConfigurationSyntax.isServiceID(value) ? .service(value) : nil
            // Written as certificates are shown everywhere here: lower-case, whole bytes, none of them a leading zero.
            case "serial": Certificate.serialNumber(value).map { .serial(Hexadecimal.text($0)) }
            case "key": SHA256Digest(hex: value.replacing(":", with: "")).map { .publicKey($0) }
            default: nil
            }
        guard let subject else {
            throw KeyRingError(
                .wrongDenial, "\(LogText.quoted(value)) is no \(kind) that can be denied",
                hint: "a service is named as in its tokens, a serial number and the SHA-256 of a public key are hexadecimal"
            )
        }
        self = subject
    }
}
