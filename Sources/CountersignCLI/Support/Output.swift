import CountersignFiles
import Foundation

/// Lines for people who watch: errors, hints and progress, kept apart from the data on standard output.
enum StandardError {
    /// Writes one line, with escapes for what is not printable. What cannot be written is lost: it changes nothing of what the
    /// command does or exits with.
    static func write(_ line: String) {
        write(exact: TerminalText.printable(line))
    }

    /// Writes a text of our own, which may have several lines.
    static func write(exact text: String) {
        try? StandardStream.error.write(Array((text + "\n").utf8))
    }
}

/// Data a command was asked for. Ends the process when it cannot be written: as SIGPIPE does when the reader has gone, with an
/// error otherwise.
enum StandardOutput {
    /// Writes one line, with escapes for what is not printable: much of what is reported comes from elsewhere.
    static func write(_ line: String) {
        write(exact: TerminalText.printable(line))
    }

    /// Writes what programs read, or a text of our own of several lines.
    static func write(exact text: String) {
        do throws(SystemError) {
            try StandardStream.output.write(Array((text + "\n").utf8))
        } catch {
            if error.isReaderGone { ProcessEnd.exit(128 + SIGPIPE) }
            let failure = CommandFailure.software("standard output cannot be written: \(error.reason)")
            failure.report()
            ProcessEnd.exit(failure.exitCode.rawValue)
        }
    }

    /// A table with columns as wide as their widest cell, two spaces between them and no trailing spaces.
    static func write(table cells: [[String]]) {
        let rows = cells.map { $0.map(TerminalText.printable) }
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count {
                    widths.append(cell.count)
                } else {
                    widths[column] = max(widths[column], cell.count)
                }
            }
        }
        for row in rows {
            let line = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }.joined(separator: "  ")
            write(String(line.reversed().drop(while: { $0 == " " }).reversed()))
        }
    }
}
