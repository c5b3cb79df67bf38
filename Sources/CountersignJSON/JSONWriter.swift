internal import CJansson

/// Writes JSON (RFC 8259): members in their order, no white space unless asked for, characters beyond ASCII as UTF-8.
///
/// What it writes, ``JSONReader`` reads back as the same value.
public enum JSONWriter {
    /// Writes a value; the outermost must be an object or an array.
    ///
    /// - Parameter pretty: two columns of indentation, for people to read.
    /// - Throws: ``JSONError``: `nulCharacter` for a string or name with a NUL, `duplicateMember` for an object with a name
    ///   twice, `numberOutOfRange` for a number that is not finite, `malformed` for a bare string, number, truth value or
    ///   null, `tooDeep` beyond 512 levels.
    public static func bytes(_ value: JSONValue, pretty: Bool = false) throws(JSONError) -> [UInt8] {
        switch value {
        case .object, .array: break
        default: throw JSONError(.malformed, "Only an object or an array is written as JSON text.")
        }
        // One pass nearly always; a second when the text turns out longer than guessed.
        let json = try build(value, depth: 1)
        var text = json.text(capacity: 1024, pretty: pretty)
        if text.needed > text.bytes.count {
            text = json.text(capacity: text.needed, pretty: pretty)
        }
        guard text.needed > 0, text.needed == text.bytes.count else {
            throw JSONError(.outOfMemory, "The JSON could not be written.")
        }
        return text.bytes
    }

    private static let maxDepth = 512

    private static func build(_ value: JSONValue, depth: Int) throws(JSONError) -> OwnedJSON {
        guard depth <= maxDepth else {
            throw JSONError(.tooDeep, "The JSON to write is nested more than \(maxDepth) levels deep.")
        }
        switch value {
        case .null:
            return try unsafe OwnedJSON(adopting: json_null())
        case .bool(let value):
            return try unsafe OwnedJSON(adopting: value ? json_true() : json_false())
        case .integer(let value):
            return try unsafe OwnedJSON(adopting: json_integer(json_int_t(value)))
        case .double(let value):
            guard value.isFinite else {
                throw JSONError(.numberOutOfRange, "A number to write is not finite.")
            }
            return try unsafe OwnedJSON(adopting: json_real(value))
        case .string(let value):
            return try OwnedJSON(string: value)
        case .array(let elements):
            let array = try unsafe OwnedJSON(adopting: json_array())
            for element in elements {
                try array.append(try build(element, depth: depth + 1))
            }
            return array
        case .object(let object):
            let members = try unsafe OwnedJSON(adopting: json_object())
            for member in object.members {
                try members.add(member.name, try build(member.value, depth: depth + 1))
            }
            return members
        }
    }
}

extension OwnedJSON {
    fileprivate init(string: String) throws(JSONError) {
        try refuseNUL(in: string)
        let created = unsafe string.withCString { unsafe json_stringn($0, string.utf8.count) }
        try unsafe self.init(adopting: created)
    }

    /// Adds to an array.
    fileprivate func append(_ element: consuming OwnedJSON) throws(JSONError) {
        // jansson takes the element over also when it fails.
        let stolen = unsafe element.take()
        guard unsafe withPointer({ unsafe json_array_append_new($0, stolen) }) == 0 else {
            throw JSONError(.outOfMemory, "There is no memory for the JSON.")
        }
    }

    /// Adds to an object. jansson would replace a member of the same name.
    fileprivate func add(_ name: String, _ value: consuming OwnedJSON) throws(JSONError) {
        try refuseNUL(in: name)
        let count = name.utf8.count
        let isNew = unsafe name.withCString { key in
            unsafe withPointer { unsafe json_object_getn($0, key, count) == nil }
        }
        guard isNew else {
            throw JSONError(.duplicateMember, "The object to write has two members of one name.")
        }
        // jansson takes the value over also when it fails.
        let stolen = unsafe value.take()
        let result = unsafe name.withCString { key in
            unsafe withPointer { unsafe json_object_setn_new($0, key, count, stolen) }
        }
        guard result == 0 else {
            throw JSONError(.outOfMemory, "There is no memory for the JSON.")
        }
    }

    /// The text if it fits, and how many bytes it needs; zero when jansson could not write it.
    fileprivate func text(capacity: Int, pretty: Bool) -> (bytes: [UInt8], needed: Int) {
        let flags = pretty ? countersign_json_indent(2) : size_t(JSON_COMPACT)
        var needed = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            let room = unsafe UnsafeMutableRawBufferPointer(buffer).bindMemory(to: CChar.self)
            needed = unsafe withPointer { unsafe json_dumpb($0, room.baseAddress, capacity, flags) }
            count = needed <= capacity ? needed : 0
        }
        return (bytes, needed)
    }
}

/// A C string would end at the NUL, and the reader refuses it.
private func refuseNUL(in string: String) throws(JSONError) {
    guard !string.hasNUL else {
        throw JSONError(.nulCharacter, "A string to write holds a NUL character.")
    }
}
