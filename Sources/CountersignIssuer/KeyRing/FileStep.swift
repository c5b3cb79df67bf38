internal import CountersignFiles

/// One thing about to be done to a file, on the way of which a process may die or a disk may fail.
struct FileStep: Hashable, Sendable {
    enum Kind: String, Hashable, Sendable {
        case makeDirectory, create, write, sync, rename, syncDirectory, remove, list
    }

    let kind: Kind
    let path: String

    /// Told of every step before it is taken. What it throws is treated as the failure of the step; that is how the tests fill
    /// the disk and pull the plug at every place where it could happen. There is none outside the tests.
    typealias Observer = @Sendable (FileStep) throws(SystemError) -> Void
}
