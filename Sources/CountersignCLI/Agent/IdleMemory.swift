import Foundation
import ServiceLifecycle

/// Keeps small what an agent holds of the machine's memory while it waits.
///
/// A start and a renewal run through code that is then not needed for minutes. Linux leaves its pages mapped, and counts them as
/// resident, until memory runs short; this says at once that they can go. Nothing is lost: it is code, never written to, and what
/// is needed again is mapped again from the page cache, at the price of a page fault.
struct IdleMemory: Service {
    private static let interval = Duration.seconds(5)
    /// What an agent at work between two renewals maps again is a fraction of this.
    private static let boundKiB = 12 * 1024

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: Self.interval)) != nil { Self.releaseCode() }
        }
    }

    /// Where there is no `/proc` this does nothing.
    private static func releaseCode() {
        guard let resident = ProcessFile.text("self/status").flatMap(residentOfFilesKiB), resident > boundKiB,
            let mappings = ProcessFile.text("self/smaps")
        else { return }
        for range in code(in: mappings) {
            // Foundation has no word for this; a refusal leaves everything as it is.
            unsafe madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
        }
    }

    /// What is resident of mapped files, by the text of `/proc/self/status`.
    static func residentOfFilesKiB(in status: String) -> Int? {
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssFile:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }
    }

    /// Where code is mapped, by the text of `/proc/self/smaps`: what may be run and not written, comes from a file, and is in
    /// every page what the file holds.
    static func code(in mappings: String) -> [Range<UInt>] {
        var found: [Range<UInt>] = []
        var last: Range<UInt>?
        for line in mappings.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if let range = fields.first.flatMap(addresses) {
                last = fields.count > 5 && fields[1] == "r-xp" && fields[5].hasPrefix("/") ? range : nil
            } else if fields.count > 1, fields[0] == "Anonymous:", fields[1] == "0", let range = last {
                found.append(range)
            }
        }
        return found
    }

    private static func addresses(_ text: Substring) -> Range<UInt>? {
        let bounds = text.split(separator: "-").map { UInt($0, radix: 16) }
        guard bounds.count == 2, let lower = bounds[0], let upper = bounds[1], lower < upper else { return nil }
        return lower..<upper
    }
}
