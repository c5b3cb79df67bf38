/// The calendar by hand: Foundation's parser takes 30 February for 2 March and ignores what follows the `Z`.
extension Timestamp {
    /// Reads an RFC 3339 date-time such as `2026-01-02T03:04:05Z` or `2026-01-02T04:04:05+01:00`.
    ///
    /// Exactly that form: fractions of a second, leap seconds, days the month does not have and text before or after are
    /// refused.
    public init?(rfc3339 text: String) {
        var reader = DigitReader(text)
        guard
            let year = reader.number(4), reader.take("-"), let month = reader.number(2), (1...12).contains(month),
            reader.take("-"), let day = reader.number(2), day >= 1, day <= Self.dayCount(ofMonth: month, year: year),
            reader.take("T") || reader.take("t"),
            let hour = reader.number(2), hour < 24, reader.take(":"), let minute = reader.number(2), minute < 60,
            reader.take(":"), let second = reader.number(2), second < 60,
            let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        let days = Self.days(before: year, month) + day - 1
        self.init(secondsSince1970: days * 86_400 + hour * 3600 + minute * 60 + second - offset)
    }

    /// RFC 3339 in UTC, or the bare number of seconds for moments outside the years 0000 to 9999.
    var rfc3339: String {
        guard (-62_167_219_200...253_402_300_799).contains(secondsSince1970) else { return String(secondsSince1970) }
        let secondOfDay = (secondsSince1970 % 86_400 + 86_400) % 86_400
        let day = (secondsSince1970 - secondOfDay) / 86_400
        // Estimates that are never too early, corrected downwards.
        var year = 1970 + (day >= 0 ? day / 365 : 0)
        while Self.days(before: year, 1) > day { year -= 1 }
        var month: Int64 = 12
        while Self.days(before: year, month) > day { month -= 1 }
        let dayOfMonth = day - Self.days(before: year, month) + 1
        // Each number is put over the zeroes of its place, its last digit first.
        var text = Array("0000-00-00T00:00:00Z".utf8)
        let places = [
            (year, 3), (month, 6), (dayOfMonth, 9), (secondOfDay / 3600, 12), (secondOfDay / 60 % 60, 15), (secondOfDay % 60, 18),
        ]
        for (number, end) in places {
            var (rest, index) = (number, end)
            while rest > 0 {
                text[index] += UInt8(rest % 10)
                rest /= 10
                index -= 1
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Days from 1970-01-01 to the first of a month (Gregorian calendar, also before its time).
    private static func days(before year: Int64, _ month: Int64) -> Int64 {
        // Counted from 1 March of year 0, so that the leap day is the last of its year.
        let shifted = month > 2 ? year : year - 1
        let cycle = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfCycle = shifted - cycle * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
        return cycle * 146_097 + yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear - 719_468
    }

    private static func dayCount(ofMonth month: Int64, year: Int64) -> Int64 {
        month == 12 ? 31 : days(before: year, month + 1) - days(before: year, month)
    }
}

private struct DigitReader {
    private var rest: ArraySlice<UInt8>

    init(_ text: String) {
        rest = Array(text.utf8.prefix(64))[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// Exactly `width` ASCII digits.
    mutating func number(_ width: Int) -> Int64? {
        let digits = rest.prefix(width)
        guard digits.count == width, digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else { return nil }
        rest = rest.dropFirst(width)
        return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let first = rest.first, first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// `Z` or `+hh:mm`, in seconds east of Greenwich.
    mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(2), hours < 24, take(":"), let minutes = number(2), minutes < 60 else {
            return nil
        }
        return (isEast ? 1 : -1) * (hours * 3600 + minutes * 60)
    }
}
