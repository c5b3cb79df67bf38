public import CountersignCrypto

extension KeyRing {
    /// The most changes that are remembered; the oldest go first. The issuer's log has them all.
    public static let maximumHistory = 128

    /// Something that was done to the ring: kept with it, because a ring may be changed by a command that has no log.
    public struct Change: Hashable, Sendable {
        /// One more than that of the change before.
        public let number: Int64
        /// When it was done.
        public let at: Timestamp
        /// Who did it: a subject, a user of the machine, or `issuer` for what is done by the passing of time.
        public let who: String
        /// What was done, such as `revoked the key ...`.
        public let what: String
        /// The reason that was given.
        public let why: String?
    }

    /// Who changes a ring, and why.
    public struct Author: Hashable, Sendable {
        /// The name, at most 200 characters that can be printed.
        public let who: String
        /// The reason given, likewise at most 500.
        public let why: String?

        /// What cannot be printed on one line, or is too much, is left out: it goes to logs and terminals.
        public init(_ who: String, reason why: String? = nil) {
            self.who = Self.line(who, limit: 200)
            let reason = why.map { Self.line($0, limit: 500) }
            self.why = reason?.isEmpty == false ? reason : nil
        }

        /// What is done by the passing of time.
        public static let issuer = Author("issuer")

        private static func line(_ text: String, limit: Int) -> String {
            let printable = text.unicodeScalars.filter { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
                default: true
                }
            }
            var line = String.UnicodeScalarView()
            line.append(contentsOf: printable.prefix(limit))
            return String(line)
        }
    }

    /// The ring with a line in its history.
    func recording(_ what: String, by author: Author, at now: Timestamp) -> KeyRing {
        var ring = self
        let number = (history.last?.number ?? 0).addingReportingOverflow(1).partialValue
        ring.history.append(Change(number: number, at: now, who: author.who, what: what, why: author.why))
        ring.history.removeFirst(max(0, ring.history.count - Self.maximumHistory))
        return ring
    }
}
