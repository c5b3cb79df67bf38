import CountersignCrypto
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-02T03:04:05Z", 1_767_323_045),
        ("2000-02-29T23:59:59Z", 951_868_799),
        ("1969-12-31T23:59:59Z", -1),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
        ("0000-01-01T00:00:00Z", -62_167_219_200),
    ])
    func readsAndWritesRFC3339(text: String, seconds: Int64) {
        #expect(Timestamp(rfc3339: text) == Timestamp(secondsSince1970: seconds))
        #expect(Timestamp(secondsSince1970: seconds).description == text)
    }

    @Test(arguments: [
        ("2026-01-02T03:04:05+01:00", 1_767_319_445),
        ("2026-01-02T03:04:05-00:30", 1_767_324_845),
        ("2026-01-02t03:04:05z", 1_767_323_045),
    ])
    func readsOffsetsAndSmallLetters(text: String, seconds: Int64) {
        #expect(Timestamp(rfc3339: text) == Timestamp(secondsSince1970: seconds))
    }

    @Test(arguments: [
        "", "now", "2026", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-01-02T03:04Z",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.5", "2026-01-02T03:04:05.5.5Z", "2026-13-02T03:04:05Z",
        "2026-00-02T03:04:05Z", "2026-02-30T03:04:05Z",
        "2026-02-29T03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:60Z",
        "2026-01-02T03:04:05Zulu", "2026-01-02T03:04:05Z ", " 2026-01-02T03:04:05Z", "20260102T030405Z",
        "2026-1-2T3:4:5Z", "02026-01-02T03:04:05Z", "-2026-01-02T03:04:05Z", "2026-01-02T03:04:05+0100",
        "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+01:60", "2026-01-02T03:04:05+01:00:00", "２０２６-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z\u{0}",
    ])
    func refusesAnythingElse(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
        #expect(Timestamp(text: text) == (text == "2026" ? Timestamp(secondsSince1970: 2026) : nil))
    }

    @Test func cutsOffFractionsOnlyWherePeopleWriteThem() {
        let second = Timestamp(rfc3339: "2026-01-02T03:04:05Z")
        #expect(Timestamp(text: "2026-01-02T03:04:05.999Z") == second)
        #expect(Timestamp(text: "2026-01-02T04:04:05.5+01:00") == second)
        #expect(Timestamp(rfc3339: "2026-01-02T03:04:05.5Z") == nil)
    }

    @Test func readsBareSeconds() {
        #expect(Timestamp(text: "1767323045") == Timestamp(secondsSince1970: 1_767_323_045))
        #expect(Timestamp(text: "-1") == Timestamp(secondsSince1970: -1))
        #expect(Timestamp(text: "9223372036854775807") == Timestamp(secondsSince1970: .max))
        #expect(Timestamp(text: "9223372036854775808") == nil)
    }

    @Test func saturatesAndNeverTraps() {
        let (first, last) = (Timestamp(secondsSince1970: .min), Timestamp(secondsSince1970: .max))
        #expect(last.adding(seconds: 1) == last)
        #expect(last.adding(seconds: .max) == last)
        #expect(first.adding(seconds: -1) == first)
        #expect(first.adding(seconds: .min) == first)
        #expect(last.adding(seconds: .min) == Timestamp(secondsSince1970: -1))
        #expect(last.seconds(since: first) == .max)
        #expect(first.seconds(since: last) == .min)
        #expect(last.seconds(since: last) == 0)
        #expect(Timestamp(secondsSince1970: 5).seconds(since: Timestamp(secondsSince1970: 7)) == -2)
    }

    @Test func printsMomentsOutsideTheCalendarAsNumbers() {
        #expect(Timestamp(secondsSince1970: 253_402_300_800).description == "253402300800")
        #expect(Timestamp(secondsSince1970: -62_167_219_201).description == "-62167219201")
        #expect(Timestamp(secondsSince1970: .max).description == "9223372036854775807")
    }

    @Test func everyDayOfFourCenturiesSurvivesTheTrip() {
        for day in stride(from: Int64(-25_567), to: 120_000, by: 1) {
            let moment = Timestamp(secondsSince1970: day * 86_400 + 12_345)
            #expect(Timestamp(rfc3339: moment.description) == moment)
        }
    }
}
