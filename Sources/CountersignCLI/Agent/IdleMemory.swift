import Foundation
import ServiceLifecycle

/// Keeps small what an agent has resident while it waits.
///
/// A start and a renewal run through code that is then not needed for minutes. Linux leaves its pages mapped, and counts them as
/// resident, until memory runs short; this says at once that they can go. Nothing is lost: it is code, never written to, and what
/// is needed again is mapped again from the page cache, at the price of a page fault.
struct IdleMemory: Service {
    private static let interval = Duration.seconds(5)
    /// Of mapped files. A renewal maps some ten MiB.
    private static let growthKiB = 4 * 1024

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // What is there now stays where it is. What is loaded later may be unloaded, and something else be put in its place
            // between the look and the release.
            let first = Set(Self.unchangedCode())
            // What stays after a release depends on the machine; what has not grown since is not worth another.
            var kept = 0
            while (try? await Task.sleep(for: Self.interval)) != nil {
                guard let resident = Self.resident(), resident > kept + Self.growthKiB else { continue }
                Self.release(first)
                kept = Self.resident() ?? 0
            }
        }
    }

    private static func release(_ releasable: Set<Range<UInt>>) {
        for range in unchangedCode() where releasable.contains(range) {
            // Foundation has no word for this; a refusal leaves everything as it is.
            unsafe madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
        }
    }

    /// Of mapped files; `nil` where there is no `/proc`, and nothing is done.
    private static func resident() -> Int? { ProcessFile.text("self/status").flatMap(residentOfFilesKiB) }

    private static func unchangedCode() -> [Range<UInt>] { ProcessFile.text("self/smaps").map(unchangedCode) ?? [] }

    /// What is resident of mapped files, by the text of `/proc/self/status`.
    static func residentOfFilesKiB(in status: String) -> Int? {
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssFile:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }
    }

    /// Where code is mapped, by the text of `/proc/self/smaps`: what may be run and not written, comes from a file, and is in
    /// every page what the file holds. A page that was changed, by a debugger for instance, is no longer the file's.
    static func unchangedCode(in mappings: String) -> [Range<UInt>] {
        var found: [Range<UInt>] = []
        var last: Range<UInt>?
        for line in mappings.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 1 else { continue }
            if let range = addresses(fields[0]) {
                last = fields.count > 5 && fields[1] == "r-xp" && fields[5].hasPrefix("/") ? range : nil
            } else if changes.contains(fields[0]), fields[1] != "0" {
                last = nil
            } else if fields[0] == "VmFlags:", let range = last {
                found.append(range)
            }
        }
        return found
    }

    private static let changes: Set<Substring> = ["Anonymous:", "Swap:", "Private_Hugetlb:", "Shared_Hugetlb:"]

    private static func addresses(_ text: Substring) -> Range<UInt>? {
        let bounds = text.split(separator: "-").map { UInt($0, radix: 16) }
        guard bounds.count == 2, let lower = bounds[0], let upper = bounds[1], lower < upper else { return nil }
        return lower..<upper
    }
}
