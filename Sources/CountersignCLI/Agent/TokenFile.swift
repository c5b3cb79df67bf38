import CountersignClient
import CountersignFiles
import CountersignJOSE
import CountersignJSON

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
            try SystemFile.replace(path, with: Array(text.utf8), mode: 0o600, owner: owner, group: group)
        } catch {
            throw CommandFailure.configuration(
                "\(path) cannot be written: \(error.isNotFound ? "its directory is not there" : error.reason)",
                hint: "name a file in a directory that is there and that this user may write to"
            )
        }
    }

    /// Whether the file is there and holds exactly this token, in its form, for its owner alone. Blocks on the file system.
    func holds(_ token: AccessToken) -> Bool {
        guard let text = try? Self.text(of: token, form), let file = try? SystemFile.open(path),
            (try? file.mode()) == 0o600, let bytes = try? file.read(limit: Self.maxBytes)
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
