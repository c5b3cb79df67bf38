import ArgumentParser
import CountersignCrypto
import CountersignJOSE
import CountersignJSON

/// `countersign token inspect`: what a token says of itself. Proves nothing, and says so.
struct TokenInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Shows a token's header and claims in words, without verifying anything.",
        discussion: """
            EXAMPLE
              countersign token fetch ... | countersign token inspect -
            """
    )

    @OptionGroup var argument: TokenArgument

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let token: CompactJWS
        let header: JSONObject
        let claims: JSONObject
        do {
            token = try CompactJWS(try argument.read())
            header = try JSONReader.parseObject(token.header)
            claims = try JSONReader.parseObject(token.payload)
        } catch let error as JOSEError {
            throw CommandFailure.no("\(error)", hint: "a token has three parts of base64url with dots between them")
        } catch let error as JSONError {
            throw CommandFailure.no("token-malformed: \(error.message)")
        }
        if json {
            let all: JSONValue = ["verified": false, "header": .object(header), "claims": .object(claims)]
            StandardOutput.write(exact: String(decoding: try JSONWriter.bytes(all, pretty: true), as: UTF8.self))
        } else {
            StandardOutput.write("NOT VERIFIED: this is what the token says of itself; nothing of it has been checked.")
            StandardOutput.write(table: try rows(header: header, claims: claims, now: .now()))
        }
    }

    private func rows(header: JSONObject, claims: JSONObject, now: Timestamp) throws -> [[String]] {
        var rows = try header.names.map { ["header \($0)", try Self.text(header[$0])] }
        for name in claims.names {
            rows.append([Self.words[name] ?? name, try Self.text(claims[name], name: name, now: now)])
        }
        return rows
    }

    /// What the claims of design and RFC mean, for people.
    private static let words = [
        "iss": "issuer (iss)", "sub": "subject (sub)", "client_id": "client (client_id)", "service_id": "service (service_id)",
        "aud": "audience (aud)", "roles": "roles", "scope": "scope", "iat": "issued (iat)", "nbf": "not before (nbf)",
        "exp": "expires (exp)", "jti": "token id (jti)", "cnf": "bound to certificate (cnf)",
    ]

    private static func text(_ value: JSONValue?, name: String = "", now: Timestamp = .now()) throws -> String {
        switch value {
        case .string(let text)?:
            // As a JSON string, so that its end can be told from what a stranger wrote in it.
            let json = String(decoding: try JSONWriter.bytes(.array([.string(text)])), as: UTF8.self)
            return String(json.dropFirst(2).dropLast(2))
        case .integer(let seconds)? where ["iat", "nbf", "exp"].contains(name):
            let moment = Timestamp(secondsSince1970: seconds)
            let distance = moment.seconds(since: now)
            return "\(moment) (\(distance < 0 ? "\(distance.magnitude) s ago" : "in \(distance) s"))"
        case .object(let object)?:
            return try object.string("x5t#S256").map { "x5t#S256 \(try text(.string($0)))" }
                ?? String(decoding: JSONWriter.bytes(.object(object)), as: UTF8.self)
        case .array(let values)?:
            return try values.map { try text($0) }.joined(separator: ", ")
        case let value?:
            let json = String(decoding: try JSONWriter.bytes(.array([value])), as: UTF8.self)
            return String(json.dropFirst().dropLast())
        case nil:
            return ""
        }
    }
}
