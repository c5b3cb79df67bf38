import CountersignClient
import CountersignIssuer
import CountersignTLS

/// What an agent does: for which audiences it keeps tokens, and where it puts them.
struct AgentConfiguration: Sendable {
    /// How a token is written to a file.
    enum Form: String, Sendable, CaseIterable {
        /// The bare token without a line end, so that a program need not cut it off.
        case token
        /// `Authorization: Bearer ...` and a line end, as `curl --header @FILE` reads it.
        case header
        /// What the issuer answered, and when the token ends.
        case json
    }

    struct File: Hashable, Sendable {
        var path: String
        var form = Form.token
        /// A user's and a group's name or number; the agent's own unless given.
        var owner: String?
        var group: String?
    }

    struct Token: Hashable, Sendable {
        var audience: String
        var scopes: [String] = []
        var file: File?
        /// A program and its arguments, run after the file was replaced. No shell is involved.
        var onChange: [String] = []
    }

    struct Socket: Hashable, Sendable {
        var path: String
        /// Users, by name or number, that may ask; besides the agent's own and root.
        var users: [String] = []
    }

    /// What cannot change while the agent runs.
    struct Fixed: Hashable, Sendable {
        var issuers: [String]
        var files: TLSFiles
        var pins: [String] = []
        var clientID: String?
        var socketPath: String?
        var operations: ListenAddress?
    }

    var issuers: [String]
    var files: TLSFiles
    var pins: [String] = []
    var clientID: String?
    var socket: Socket?
    var operations: ListenAddress?
    var tokens: [Token]

    var fixed: Fixed {
        Fixed(
            issuers: issuers, files: files, pins: pins, clientID: clientID, socketPath: socket?.path, operations: operations
        )
    }

    /// The token that is kept for a request on the socket: of this audience, and with these scopes where some are named.
    func token(for audience: String, scopes: Set<String>?) -> Token? {
        tokens.first { token in
            token.audience.utf8.elementsEqual(audience.utf8) && (scopes.map { $0 == Set(token.scopes) } ?? true)
        }
    }
}
