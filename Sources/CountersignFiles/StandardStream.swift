internal import Foundation

/// A stream that the process was started with.
///
/// Foundation's writing ends the process with a trap when the disk is full, the reader has gone or the stream is closed.
package struct StandardStream: Sendable {
    package static let output = StandardStream(descriptor: STDOUT_FILENO, name: "standard output")
    package static let error = StandardStream(descriptor: STDERR_FILENO, name: "standard error")

    private let descriptor: Int32
    private let name: String

    /// Writes all of the bytes. Waits for a slow reader, also on a stream that others have set not to wait.
    ///
    /// - Throws: `SystemError`; `isReaderGone` for a pipe that nobody reads any more, unless SIGPIPE has ended the process.
    package func write(_ bytes: [UInt8]) throws(SystemError) {
        try SystemFile.write(bytes, to: descriptor, named: name)
    }

    /// Makes what is closed of standard input, output and error a file that can neither be read nor written. Otherwise the next
    /// file or connection takes its number, and gets what is meant for the stream. To be called before anything is opened.
    package static func keepNumbers() {
        for (descriptor, flag) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)] {
            guard fcntl(descriptor, F_GETFD) == -1 else { continue }
            // Foundation closes what it opens. The lowest number that is free is taken, which is this one.
            _ = unsafe open("/dev/null", flag)
        }
    }
}
