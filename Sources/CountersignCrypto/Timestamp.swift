#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// A moment in whole seconds since 1970-01-01T00:00:00Z: the only notion of time in Countersign.
///
/// Certificates, tokens and key states are all compared as values of this type, and every decision takes the moment it
/// decides for as a parameter, so that a test or an auditor can ask about any moment. Arithmetic saturates; it never traps.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Seconds since 1970, UTC, leap seconds not counted (RFC 7519, NumericDate, whole seconds only).
    public let secondsSince1970: Int64

    public init(secondsSince1970: Int64) {
        self.secondsSince1970 = secondsSince1970
    }

    /// The wall clock, rounded down. For the outermost edge only: a command, a server adapter.
    public static func now() -> Timestamp {
        Timestamp(secondsSince1970: Int64(time(nil)))
    }

    /// The moment `seconds` later (or earlier, when negative); saturates at the ends of `Int64`.
    public func adding(seconds: Int64) -> Timestamp {
        let (sum, overflow) = secondsSince1970.addingReportingOverflow(seconds)
        guard overflow else { return Timestamp(secondsSince1970: sum) }
        return Timestamp(secondsSince1970: seconds > 0 ? .max : .min)
    }

    /// How many seconds this moment lies after `other` (negative when before); saturates.
    public func seconds(since other: Timestamp) -> Int64 {
        let (difference, overflow) = secondsSince1970.subtractingReportingOverflow(other.secondsSince1970)
        guard overflow else { return difference }
        return secondsSince1970 > other.secondsSince1970 ? .max : .min
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.secondsSince1970 < right.secondsSince1970
    }
}

extension Timestamp: CustomStringConvertible {
    /// Reads RFC 3339 or whole seconds since 1970, the two forms the command line takes. A fraction of a second is cut off.
    public init?(text: String) {
        if let seconds = Int64(text) {
            self.init(secondsSince1970: seconds)
            return
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            self.init(rfc3339: text)
            return
        }
        let offset = parts[1].drop { ("0"..."9").contains($0) }
        guard offset.count < parts[1].count else { return nil }
        self.init(rfc3339: "\(parts[0])\(offset)")
    }

    /// RFC 3339 in UTC, or the bare number of seconds for moments outside the years 0000 to 9999.
    public var description: String { rfc3339 }
}
