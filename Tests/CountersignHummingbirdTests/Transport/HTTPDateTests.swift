import CountersignCrypto
import Testing

@testable import CountersignHummingbird

@Suite struct HTTPDateTests {
    /// The example of RFC 9110, section 5.6.7, and what `date -u` says of the others.
    @Test(
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] as [(Int64, String)])
    func aMomentIsWrittenAsHTTPWantsIt(seconds: Int64, text: String) {
        #expect(HTTPDate.text(at: Timestamp(secondsSince1970: seconds)) == text)
    }

    @Test func whatWasWrittenLastIsNotTakenForAnotherMoment() {
        for seconds in [10, 11, 10] as [Int64] {
            #expect(HTTPDate.text(at: Timestamp(secondsSince1970: seconds)) == "Thu, 01 Jan 1970 00:00:\(seconds) GMT")
        }
    }
}
