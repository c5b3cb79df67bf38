/// Which looks at a large file can be spared, because nothing shows that it was written: a policy of a million services would cost a
/// sixth of a core to read twice a second.
struct LargeFileLooks: Sendable {
    /// Smaller files are read at each look.
    static let largeFile = 1 << 20
    /// In a row. At two looks a second, what the stamp does not show is seen within half a minute.
    static let mostSpared = 60

    /// Of the file before it was last looked at.
    private var stamp: FileStamp?
    private var spared = 0

    /// To be asked at each look, with the stamp taken before the file is read.
    ///
    /// - Parameter isSettled: whether what was last read there has been acted upon.
    mutating func spares(_ new: FileStamp?, isSettled: Bool) -> Bool {
        guard let new, new == stamp, new.size > Self.largeFile, isSettled, spared < Self.mostSpared else {
            (stamp, spared) = (new, 0)
            return false
        }
        spared += 1
        return true
    }
}
