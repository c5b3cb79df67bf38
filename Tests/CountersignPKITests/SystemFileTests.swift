import CountersignFiles
import CountersignTesting
import Foundation
import Testing

/// Files that are replaced where others may have put something.
struct SystemFileTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try directory.read(name), as: UTF8.self)
    }

    @Test func aFileIsReplacedWithTheModeThatWasAskedFor() throws {
        try directory.write("old", to: "file", mode: 0o666)
        for mode in [0o600, 0o644, 0o666] {
            try SystemFile.replace(directory.path("file"), with: Array("new".utf8), mode: mode_t(mode))
            #expect(try text("file") == "new")
            #expect(try directory.mode("file") == mode)
        }
        #expect(try directory.contents() == ["file"])
    }

    @Test func aLinkInItsPlaceIsReplacedAndNotFollowed() throws {
        try directory.write("of somebody else", to: "victim", mode: 0o640)
        try FileManager.default.createSymbolicLink(atPath: directory.path("file"), withDestinationPath: directory.path("victim"))
        try SystemFile.replace(directory.path("file"), with: Array("new".utf8), mode: 0o600, owner: geteuid(), group: getegid())
        #expect(try text("victim") == "of somebody else")
        #expect(try directory.mode("victim") == 0o640)
        #expect(try text("file") == "new")
    }

    @Test func aDeviceOrPipeInItsPlaceIsLeftThere() throws {
        let pipe = directory.path("pipe")
        #expect(try Shell.run("mkfifo", pipe).succeeded)
        for (path, kind) in [(pipe, "a pipe"), ("/dev/null", "a device"), (directory.path("."), "a directory")] {
            // Not with the right to make a device: the test may not replace the real one.
            if path == "/dev/null", geteuid() == 0 { continue }
            let error = #expect(throws: SystemError.self) { try SystemFile.replace(path, with: [1], mode: 0o600) }
            #expect(error?.message == "cannot replace \(path): it is \(kind)")
        }
        #expect(try FileManager.default.attributesOfItem(atPath: pipe)[.type] as? FileAttributeType != .typeRegular)
        #expect(try directory.contents() == ["pipe"])

        // As /dev/stdout is one.
        let link = directory.path("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: pipe)
        let error = #expect(throws: SystemError.self) { try SystemFile.replace(link, with: [1], mode: 0o600) }
        #expect(error?.reason == "it is a symbolic link to something that is no file")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == pipe)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can make a device")) func aDeviceStaysEvenForRoot() throws {
        let device = directory.path("null")
        guard try Shell.run("mknod", device, "c", "1", "3").succeeded else { try Test.cancel("no device can be made here") }
        let error = #expect(throws: SystemError.self) { try SystemFile.replace(device, with: [1], mode: 0o600) }
        #expect(error?.reason == "it is a device")
        #expect(try FileManager.default.attributesOfItem(atPath: device)[.type] as? FileAttributeType == .typeCharacterSpecial)
    }

    @Test func aFileThatIsThereIsNotMadeAnew() throws {
        try directory.write("old", to: "file")
        try FileManager.default.createSymbolicLink(atPath: directory.path("link"), withDestinationPath: directory.path("nowhere"))
        for name in ["file", "link"] {
            let error = #expect(throws: SystemError.self) { _ = try SystemFile.create(directory.path(name), mode: 0o600) }
            #expect(error?.isAlreadyThere == true)
        }
        #expect(try text("file") == "old")
    }

    @Test func onlyAFileWithoutAnotherNameIsLocked() throws {
        #expect(try SystemFile.openForLock(directory.path("lock")).tryLock())
        try FileManager.default.linkItem(atPath: directory.path("lock"), toPath: directory.path("other"))
        for name in ["lock", "other"] {
            #expect(throws: SystemError.self) { _ = try SystemFile.openForLock(directory.path(name)) }
        }
    }

    @Test(arguments: [
        (EAGAIN, "it is in use or not ready"), (EFBIG, "it would be larger than is allowed"),
        (ENAMETOOLONG, "its path or a name in it is too long"), (ENXIO, "nothing is behind it: no device, and nobody who reads"),
    ])
    func whatTheSystemSaysHasWords(code: Int32, words: String) {
        errno = code
        #expect(SystemError("open", "file").message == "cannot open file: \(words)")
    }

    @Test func aNameThatIsTooLongIsSaid() {
        let path = directory.path(String(repeating: "n", count: 300))
        let error = #expect(throws: SystemError.self) { try SystemFile.replace(path, with: [1], mode: 0o600) }
        #expect(error?.reason == "its path or a name in it is too long")
    }

    @Test func aDirectoryThatIsOpenStaysTheOneWhateverItsNameLeadsTo() throws {
        try directory.write("mine", to: "folder/file")
        try directory.write("of somebody else", to: "other/file")
        try directory.write("of somebody else", to: "other/more")
        let path = directory.path("folder")
        let folder = try SystemFile.openDirectory(path)
        try FileManager.default.moveItem(atPath: path, toPath: directory.path("away"))
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: directory.path("other"))
        // As often as one likes.
        for _ in 1...2 { #expect(try folder.names() == ["file"]) }
        #expect(try SystemFile.open("file", in: folder).read(limit: 100) == Array("mine".utf8))
        #expect(try SystemFile.openDirectory(path).names().sorted() == ["file", "more"])
    }

    @Test func inADirectoryThatIsOpenNoLinkIsFollowedAndWhatIsNoDirectoryHasNoNames() throws {
        try directory.write("mine", to: "folder/file")
        try FileManager.default.createSymbolicLink(atPath: directory.path("folder/link"), withDestinationPath: "file")
        let folder = try SystemFile.openDirectory(directory.path("folder"))
        let link = #expect(throws: SystemError.self) { _ = try SystemFile.open("link", in: folder).read(limit: 100) }
        #expect(link?.message == "cannot open \(directory.path("folder/link")): it is a symbolic link")
        let none = #expect(throws: SystemError.self) { _ = try SystemFile.open("none", in: folder).read(limit: 100) }
        #expect(none?.isNotFound == true)
        let file = try SystemFile.open(directory.path("folder/file"))
        let names = #expect(throws: SystemError.self) { try file.names() }
        #expect(names?.message == "cannot list \(directory.path("folder/file")): it or a part of its path is no directory")
    }

    @Test func nothingIsLeftBehindByAFailure() throws {
        try directory.write("in the way", to: "folder/file")
        #expect(throws: SystemError.self) { try SystemFile.replace(directory.path("folder"), with: [1], mode: 0o600) }
        #expect(try directory.contents() == ["folder", "folder/file"])
        let error = #expect(throws: SystemError.self) {
            try SystemFile.replace(directory.path("none/file"), with: [1], mode: 0o600)
        }
        #expect(error?.isNotFound == true)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away")) func itBelongsToWhomItIsFor() throws {
        try SystemFile.replace(directory.path("file"), with: [1], mode: 0o600, owner: 65534)
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.path("file"))
        #expect((attributes[.ownerAccountID] as? NSNumber)?.intValue == 65534)
        #expect((attributes[.groupOwnerAccountID] as? NSNumber)?.intValue == Int(getegid()))
    }
}
