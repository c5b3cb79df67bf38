import Foundation

/// Users and groups of this machine by name, or by number as they are.
enum SystemAccount {
    /// - Throws: `CommandFailure` for a name that nobody has.
    static func user(_ text: String) throws -> UInt32 {
        if let number = UInt32(text) { return number }
        // System call: Foundation has no way to look a user up. Run while the configuration is read, on one thread at a time.
        guard let entry = unsafe getpwnam(text) else { throw CommandFailure.configuration("there is no user '\(text)' here") }
        return unsafe entry.pointee.pw_uid
    }

    /// - Throws: `CommandFailure` for a name that no group has.
    static func group(_ text: String) throws -> UInt32 {
        if let number = UInt32(text) { return number }
        // System call: as above.
        guard let entry = unsafe getgrnam(text) else { throw CommandFailure.configuration("there is no group '\(text)' here") }
        return unsafe entry.pointee.gr_gid
    }
}
