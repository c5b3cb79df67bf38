import Foundation

/// Lines for people who watch: errors, hints and progress, kept apart from the data on standard output.
enum StandardError {
    static func write(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }
}

/// Data a command was asked for.
enum StandardOutput {
    static func write(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    /// A table with columns as wide as their widest cell, two spaces between them and no trailing spaces.
    static func write(table rows: [[String]]) {
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
