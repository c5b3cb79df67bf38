internal import CountersignCrypto
internal import Synchronization

/// The value of the `Date` field (RFC 9110, section 5.6.7), put together once for each second.
enum HTTPDate {
    private static let last = Mutex((second: Timestamp?.none, text: String?.none))

    /// `nil` for moments that a date of this form cannot name.
    static func text(at now: Timestamp) -> String? {
        last.withLock { last in
            if last.second != now { last = (now, format(now)) }
            return last.text
        }
    }

    private static func format(_ moment: Timestamp) -> String? {
        // year, month, day, hour, minute, second
        let parts = moment.description.split { !$0.isNumber }
        guard parts.count == 6, let month = Int(parts[1]), months.indices.contains(month - 1) else { return nil }
        let (day, rest) = moment.secondsSince1970.quotientAndRemainder(dividingBy: 86_400)
        // 1 January 1970 was a Thursday.
        let weekday = Int(((rest < 0 ? day - 1 : day) + 4) % 7 + 7) % 7
        return "\(weekdays[weekday]), \(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3...].joined(separator: ":")) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
