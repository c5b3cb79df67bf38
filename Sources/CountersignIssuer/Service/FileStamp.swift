internal import Foundation

/// What the file system tells of a file without its contents being read: which it is, how long, and when it was written.
///
/// Two equal stamps do not prove that nothing was written in between: dates have a grain, and can be set.
struct FileStamp: Equatable, Sendable {
    let path: String
    let number: Int
    let size: Int
    let written: Date

    /// Of the file that the name means now, also by symbolic links; `nil` when that cannot be told.
    init?(of name: String) {
        path = URL(fileURLWithPath: name).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let number = (attributes[.systemFileNumber] as? NSNumber)?.intValue,
            let size = (attributes[.size] as? NSNumber)?.intValue,
            let written = attributes[.modificationDate] as? Date
        else { return nil }
        (self.number, self.size, self.written) = (number, size, written)
    }
}
