import CountersignTesting
import Foundation
import Testing

/// A reload that is asked for while a program starts, as by a service manager that has just started it.
@Suite(.serialized) struct HangupTests {
    /// Starts a program that reads its configuration from a pipe, so that it waits for us there.
    private struct Held {
        let program: RunningProgram
        let pipe: FileHandle
        let file: String
        let files: TestDirectory

        init(_ command: String, in files: TestDirectory) async throws {
            let file = "held.yaml"
            #expect(try Shell.run("mkfifo", [files.path(file)]).succeeded)
            let program = try RunningProgram([command, "--config", file], in: files)
            // Without a reader there is no writer either.
            let descriptor = try await eventually("\(command) reads its configuration") {
                let descriptor = unsafe open(files.path(file), O_WRONLY | O_NONBLOCK | O_CLOEXEC)
                return descriptor >= 0 ? descriptor : nil
            }
            (self.program, self.file, self.files) = (program, file, files)
            pipe = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        }

        func hangUp() throws {
            kill(try program.program.identifier, SIGHUP)
        }

        /// - Parameter next: what the file holds afterwards.
        func goOn(with text: String, next: String) throws {
            try FileManager.default.removeItem(atPath: files.path(file))
            try files.write(next, to: file)
            try pipe.write(contentsOf: Data(text.utf8))
            try pipe.close()
        }
    }

    @Test(.timeLimit(.minutes(3))) func anIssuerThatIsHungUpWhileItStartsComesUp() async throws {
        let folder = try IssuerFolder()
        let text = String(decoding: try folder.files.read("countersign.yaml"), as: UTF8.self)
        let held = try await Held("serve", in: folder.files)
        for _ in 0..<10 { try held.hangUp() }
        try held.goOn(with: text, next: text.replacing("billing-svc: {}", with: "audit-svc: {}"))
        // Until it listens, and what has changed meanwhile is not missed for it.
        try await eventually("the issuer listens") {
            try held.hangUp()
            return held.program.log.contains("listening address=")
        }
        try await held.program.logs("configuration reloaded")
        #expect(try await held.program.stop() == 0)
    }

    @Test(.timeLimit(.minutes(3))) func anAgentThatIsHungUpWhileItStartsReadsAgainOnceItRuns() async throws {
        let place = try AgentFolder()
        let issuer = try await place.issuer()
        let held = try await Held("agent", in: place.files)
        for _ in 0..<10 { try held.hangUp() }
        try held.goOn(
            with: place.configuration(issuer, tokens: "  - audience: search-svc"),
            next: place.configuration(issuer, tokens: "  - audience: search-svc\n  - audience: billing-svc"))
        try await held.program.logs("listening socket=")
        try await held.program.logs("reloaded tokens=2")
        #expect(try await held.program.stop() == 0)
        #expect(try await issuer.stop() == 0)
    }
}
