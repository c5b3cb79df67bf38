/// Identifiers of keys on the command line. One in 64 begins with a hyphen, which the argument parser would take for an option.
enum KidArguments {
    /// The arguments with such identifiers moved behind `--`, where they are taken as they are.
    ///
    /// Only for the commands that take one, and only what can be one: base64url of at least six characters after one hyphen, or a
    /// whole identifier of 43. No option is called so.
    static func movingKids(_ arguments: [String]) -> [String] {
        guard arguments.count > 2, arguments[0] == "keys", ["revoke", "export"].contains(arguments[1]),
            !arguments.contains("--")
        else {
            return arguments
        }
        let kids = arguments.dropFirst(2).filter(isKid)
        return kids.isEmpty ? arguments : arguments.prefix(2) + arguments.dropFirst(2).filter { !isKid($0) } + ["--"] + kids
    }

    private static func isKid(_ argument: String) -> Bool {
        let isBase64URL = argument.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default:
                false
            }
        }
        guard isBase64URL, argument.hasPrefix("-") else {
            return false
        }
        return argument.hasPrefix("--") ? argument.utf8.count == 43 : (6...43).contains(argument.utf8.count)
    }
}
