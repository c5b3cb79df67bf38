import CountersignClient
import CountersignFiles
import CountersignJOSE
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
    /// The new file belongs to its owner and has mode 600 before there is anything in it. A device, pipe or socket is not replaced.
    /// Blocks on the file system.
    ///
    /// - Throws: `CommandFailure`, naming the file.
    func write(_ token: AccessToken) throws {
        let text = try Self.text(of: token, form)
        do throws(SystemError) {
            try SystemFile.replace(path, with: Array(text.utf8), mode: Self.mode, owner: owner, group: group)
        } catch {
            throw CommandFailure.configuration(cannotBeWritten(error), hint: Self.hint)
        }
    }

    /// Finds out whether a token could be written, and leaves what is there. Blocks on the file system.
    ///
    /// - Throws: `CommandFailure` with the answer no, in the words of ``write(_:)``.
    func check() throws {
        do throws(SystemError) {
            try SystemFile.checkReplacing(path, mode: Self.mode, owner: owner, group: group)
        } catch {
            throw CommandFailure.no(cannotBeWritten(error), hint: Self.hint)
        }
    }

    private func cannotBeWritten(_ error: SystemError) -> String {
        "\(path) cannot be written: \(error.isNotFound ? "its directory is not there" : error.reason)"
    }

    private static let hint = "name a file in a directory that is there and that this user may write to"
    private static let mode: mode_t = 0o600

    /// Whether the file is there and holds exactly this token, in its form, for its owner alone. Blocks on the file system.
    func holds(_ token: AccessToken) -> Bool {
        guard let text = try? Self.text(of: token, form), let file = try? SystemFile.open(path),
            (try? file.mode()) == Self.mode, let bytes = try? file.read(limit: Self.maxBytes)
        else { return false }
        return bytes.elementsEqual(text.utf8)
    }

    /// More than any form of the largest token takes.
    private static let maxBytes = 2 * CompactJWS.defaultMaxBytes

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
}
