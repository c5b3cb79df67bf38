import CountersignCrypto
import CountersignTLS
import Foundation
import Testing

@Suite struct PEMSourceTests {
    @Test func anEnvironmentVariableIsNamedWithAPrefixAndAnythingElseIsAPath() {
        #expect(PEMSource("env:TLS_KEY") == .environment("TLS_KEY"))
        #expect(PEMSource("certs/env:key.pem") == .file("certs/env:key.pem"))
        #expect(PEMSource("env:TLS_KEY").description == "env:TLS_KEY")
        #expect(PEMSource("key.pem").description == "key.pem")
    }

    @Test func onlyARelativePathIsTakenToStartAtTheDirectory() {
        #expect(PEMSource("certs/ca.pem").relative(to: "/etc/countersign") == .file("/etc/countersign/certs/ca.pem"))
        #expect(PEMSource("/ca.pem").relative(to: "/etc/countersign") == .file("/ca.pem"))
        #expect(PEMSource("env:CA").relative(to: "/etc/countersign") == .environment("CA"))
    }

    @Test func aFileIsReadWhole() throws {
        let directory = try TemporaryDirectory()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(try PEMSource.file(directory.write(bytes, to: "file")).read() == bytes)
    }

    @Test func aVariableIsRead() throws {
        let path = try #require(ProcessInfo.processInfo.environment["PATH"])
        #expect(try PEMSource.environment("PATH").read() == Array(path.utf8))
    }

    @Test func whatIsMissingIsNamed() throws {
        let directory = try TemporaryDirectory()
        let empty = try directory.write([], to: "empty")
        for source in [
            PEMSource.file(directory.path + "/none"), .file(empty), .file(empty + "/below"), .environment("NO_SUCH_NAME"),
        ] {
            let error = try #require(throws: TLSError.self) { try source.read() }
            #expect(error.code == .sourceMissing)
            #expect(error.message.contains(source.description.replacing("env:", with: "")))
        }
    }

    @Test func aDirectoryIsNotReadAndAPipeIsNotWaitedFor() async throws {
        let directory = try TemporaryDirectory()
        let pipe = directory.path + "/pipe"
        #expect(try await Command.run("mkfifo", [pipe], in: directory).status == 0)
        for path in [directory.path, pipe] {
            #expect(throws: TLSError(.sourceUnreadable, "")) { try PEMSource.file(path).read() }
        }
    }

    @Test func aFileBeyondTheBoundIsRefused() throws {
        let directory = try TemporaryDirectory()
        let large = try directory.write([UInt8](repeating: 0x41, count: PEMSource.maxBytes + 1), to: "large")
        #expect(throws: TLSError(.sourceTooLarge, "")) { try PEMSource.file(large).read() }
        let largest = try directory.write([UInt8](repeating: 0x41, count: PEMSource.maxBytes), to: "largest")
        #expect(try PEMSource.file(largest).read().count == PEMSource.maxBytes)
    }

    @Test(arguments: [0o644, 0o640, 0o604])
    func aSecretThatOthersMayReadIsRefusedWithTheRemedy(mode: Int) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([0x41], to: "key.pem", mode: mode)
        let error = try #require(throws: TLSError.self) { _ = try PEMSource.file(path).readSecret() }
        #expect(error.code == .keyPermissions)
        #expect(error.hint == "chmod 600 \(path)")
    }

    @Test(arguments: [0o600, 0o400])
    func aSecretOfItsOwnerIsRead(mode: Int) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([0x41], to: "key.pem", mode: mode)
        #expect(try PEMSource.file(path).readSecret().withBytes { $0 } == [0x41])
    }
}
