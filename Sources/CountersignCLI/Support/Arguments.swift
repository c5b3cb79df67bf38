import ArgumentParser
import CountersignCrypto

/// `TIME`: RFC 3339 or whole seconds since 1970. For the `transform` of an option, so that an error says the form.
struct TimeArgument: Sendable {
    static let form = "RFC 3339 as in 2026-01-02T03:04:05Z, or seconds since 1970"

    let timestamp: Timestamp

    init(_ text: String) throws {
        guard let timestamp = Timestamp(text: text) else { throw ValidationError("a time is \(Self.form)") }
        self.timestamp = timestamp
    }
}

/// A duration: `90s`, `5m`, `12h`, `30d`, or `0`. For the `transform` of an option, so that an error says the form;
/// the help has to name the default, which the argument parser then does not.
struct DurationArgument: Sendable {
    static let form = "90s, 5m, 12h, 30d or 0"

    let seconds: Int64

    init(seconds: Int64) {
        self.seconds = seconds
    }

    init(_ text: String) throws {
        guard let seconds = Self.seconds(text) else { throw ValidationError("a duration is written as \(Self.form)") }
        self.seconds = seconds
    }

    private static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        if text == "0" { return 0 }
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count >= 0 else { return nil }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? nil : seconds
    }
}
