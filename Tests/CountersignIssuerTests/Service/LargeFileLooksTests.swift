import Foundation
import Testing

@testable import CountersignIssuer

@Suite("Looks at a large file")
struct LargeFileLooksTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ count: Int) throws -> FileStamp {
        try folder.write(String(repeating: "#", count: count), to: "file", mode: 0o644)
        return try #require(FileStamp(of: folder.path("file")))
    }

    @Test("are spared while the file stays as it is, but for one in 61")
    func unchanged() throws {
        let stamp = try write(LargeFileLooks.largeFile + 1)
        var looks = LargeFileLooks()
        let spared = (0..<122).map { _ in looks.spares(stamp, isSettled: true) }
        #expect(spared.indices.filter { !spared[$0] } == [0, 61])
    }

    @Test("are not spared when it was written, when what was read is not yet acted upon, or when it cannot be told")
    func changed() throws {
        var looks = LargeFileLooks()
        let stamp = try write(LargeFileLooks.largeFile + 1)
        let unread = [(stamp, true), (stamp, false), (stamp, true)].map { looks.spares($0, isSettled: $1) }
        #expect(unread == [false, false, true])
        let longer = try write(LargeFileLooks.largeFile + 2)
        let written = [longer, longer, nil, longer].map { looks.spares($0, isSettled: true) }
        #expect(written == [false, true, false, false])
    }

    @Test("are never spared when it is not large")
    func small() throws {
        let stamp = try write(LargeFileLooks.largeFile)
        var looks = LargeFileLooks()
        let spared = (0..<3).map { _ in looks.spares(stamp, isSettled: true) }
        #expect(spared == [false, false, false])
    }

    @Test("A file is told apart from another of the same length and date in its place")
    func stamp() throws {
        for name in ["one", "two"] {
            try folder.write("same length", to: name, mode: 0o644)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: folder.path(name))
        }
        let link = folder.path("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path("one"))
        let first = try #require(FileStamp(of: link))
        #expect(FileStamp(of: link) == first)
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path("two"))
        #expect(FileStamp(of: link) != first)
        try folder.write("other words", to: "one", mode: 0o644)
        #expect(FileStamp(of: folder.path("one")) != first)
        #expect(FileStamp(of: folder.path("none")) == nil)
    }
}
