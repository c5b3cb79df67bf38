import CountersignClient
import CountersignJSON
import Foundation

/// A file that holds the newest token: always a whole one, readable by its owner alone.
struct TokenFile: Sendable {
    let path: String
    let form: AgentConfiguration.Form
    private let owner: UInt32?
    private let group: UInt32?

    /// - Throws: `CommandFailure` when owner or group is nobody here.
    init(_ file: AgentConfiguration.File) throws {
        path = file.path
        form = file.form
        owner = try file.owner.map(SystemAccount.user)
        group = try file.group.map(SystemAccount.group)
    }

    /// Puts the token in the place of the one before, in one step: whoever opens the file reads the old one or the new one.
    ///
    /// The new file belongs to its owner and has mode 600 before it takes its name. Blocks on the file system.
    ///
    /// - Throws: `CommandFailure`, naming the file.
    func write(_ token: AccessToken) throws {
        let new = "\(path).new"
        do {
            // What a process that was killed may have left behind.
            try? FileManager.default.removeItem(atPath: new)
            // Before anything is in it: the process's umask may let others read.
            try Data().write(to: URL(fileURLWithPath: new), options: .withoutOverwriting)
            var attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
            attributes[.ownerAccountID] = owner.map { NSNumber(value: $0) }
            attributes[.groupOwnerAccountID] = group.map { NSNumber(value: $0) }
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: new))
            defer { try? handle.close() }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: new)
            try handle.write(contentsOf: Data(Self.text(of: token, form).utf8))
            try handle.synchronize()
            try FileManager.default.setAttributes(attributes, ofItemAtPath: new)
        } catch {
            try? FileManager.default.removeItem(atPath: new)
            throw CommandFailure.configuration(
                "\(path) cannot be written: \(Self.reason(error))", hint: "the agent needs a directory it may write to"
            )
        }
        // System call: Foundation moves a file only where none is.
        guard unsafe rename(new, path) == 0 else {
            let code = errno
            try? FileManager.default.removeItem(atPath: new)
            throw CommandFailure.configuration("\(path) cannot be replaced (system error \(code))")
        }
    }

    /// What stands in the file.
    static func text(of token: AccessToken, _ form: AgentConfiguration.Form) throws -> String {
        switch form {
        case .token: return token.value
        case .header: return "Authorization: \(token.authorizationHeader)\n"
        case .json:
            var object: JSONObject = [
                "access_token": .string(token.value), "token_type": "Bearer",
                "expires_at": .integer(token.expiresAt.secondsSince1970),
            ]
            if !token.claims.scope.isEmpty { object.append("scope", .string(token.claims.scope.joined(separator: " "))) }
            return String(decoding: try JSONWriter.bytes(.object(object)), as: UTF8.self) + "\n"
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch (error as? CocoaError)?.code {
        case .fileNoSuchFile, .fileReadNoSuchFile, .fileWriteInvalidFileName: "its directory is not there"
        case .fileWriteNoPermission: "permission denied"
        case .fileWriteOutOfSpace: "the disk is full"
        case .fileWriteVolumeReadOnly: "the file system is read-only"
        default: "\(error)"
        }
    }
}
