import Logging
import Synchronization
import Testing

@testable import CountersignIssuer

@Suite("The log")
struct LogTests {
    @Test("is one line per event, with escaped values in the order of their keys")
    func lines() throws {
        let text = Mutex("")
        let sink = LogSink { written in text.withLock { $0 += written } }
        var logger = Logger(label: "x") { _ in LineLogHandler(sink: sink) }
        logger[metadataKey: "b"] = "two words"
        logger.info("done", metadata: ["a": "x\ny", "c": "'", "d": "", "e": "ok:1/2"])
        logger.debug("not shown")
        sink.flush(within: 10)
        let line = text.withLock { $0 }
        #expect(
            line.wholeMatch(of: /[0-9TZ:-]+ info done a='x\\u\{a\}y' b='two words' c='\\'' d='' e=ok:1\/2\n/) != nil, "\(line)")
    }

    @Test("has no longer values for what has to be escaped")
    func longValues() {
        let text = Mutex("")
        let sink = LogSink { written in text.withLock { $0 += written } }
        let logger = Logger(label: "x") { _ in LineLogHandler(sink: sink) }
        for value in ["a", "\u{1F600}", "'", "\n"] {
            logger.info("m", metadata: ["v": "\(String(repeating: value, count: 600))"])
            sink.flush(within: 10)
            let line = text.withLock { text in
                defer { text = "" }
                return text
            }
            #expect(line.hasSuffix("...'\n"), "\(line)")
            #expect((500...560).contains(line.utf8.count), "\(line.utf8.count) bytes of \(value)")
        }
    }

    @Test("never makes anybody wait: what is too much for a reader that hangs is dropped and counted")
    func hangingReader() {
        let text = Mutex("")
        let gate = Mutex(())
        let sink = LogSink { written in
            gate.withLock { _ in }
            text.withLock { $0 += written }
        }
        gate.withLock { _ in
            sink.write("first")
            for _ in 0..<3 * LogSink.maximumPendingBytes / 1000 {
                sink.write(String(repeating: "a", count: 999))
            }
        }
        sink.flush(within: 10)
        let written = text.withLock { $0 }
        #expect(written.hasPrefix("first\n"))
        #expect(written.utf8.count < 2 * LogSink.maximumPendingBytes)
        #expect(written.contains(" log lines were dropped"))
    }
}
