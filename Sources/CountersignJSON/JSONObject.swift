/// The members of a JSON object in the order in which they were written.
///
/// Names are compared by their UTF-8 bytes. What ``JSONReader`` returns never holds a name twice; an object built here with
/// a name twice answers with the first and is refused by ``JSONWriter``. A look-up costs one pass over the members: the
/// objects of this package have about a dozen.
public struct JSONObject: Sendable {
    /// Name and value of each member, in order.
    public private(set) var members: [(name: String, value: JSONValue)]

    /// An object of these members, in this order.
    public init(_ members: [(String, JSONValue)] = []) {
        self.members = members.map { (name: $0.0, value: $0.1) }
    }

    init(members: [(name: String, value: JSONValue)]) {
        self.members = members
    }

    /// The names, in order.
    public var names: [String] {
        members.map(\.name)
    }

    /// How many members there are.
    public var count: Int {
        members.count
    }

    /// The value of a member, or nil when there is none of that name. A member that is there and `null` is ``JSONValue/null``.
    public subscript(_ name: String) -> JSONValue? {
        for member in members where member.name.hasSameUTF8(as: name) {
            return member.value
        }
        return nil
    }

    /// Adds a member at the end.
    public mutating func append(_ name: String, _ value: JSONValue) {
        members.append((name: name, value: value))
    }
}

extension JSONObject {
    /// The member's string, or nil when it is missing or anything else.
    public func string(_ name: String) -> String? {
        self[name]?.string
    }

    /// The member's integer, or nil when it is missing or anything else, also `1.0`.
    public func integer(_ name: String) -> Int64? {
        self[name]?.integer
    }

    /// The member's array of strings, or nil when it is missing or anything else.
    public func strings(_ name: String) -> [String]? {
        self[name]?.strings
    }

    /// The member's object, or nil when it is missing or anything else.
    public func object(_ name: String) -> JSONObject? {
        self[name]?.object
    }

    /// The member's array, or nil when it is missing or anything else.
    public func array(_ name: String) -> [JSONValue]? {
        self[name]?.array
    }
}

extension JSONObject: Equatable {
    public static func == (lhs: JSONObject, rhs: JSONObject) -> Bool {
        lhs.members.elementsEqual(rhs.members) { $0.name.hasSameUTF8(as: $1.name) && $0.value == $1.value }
    }
}
