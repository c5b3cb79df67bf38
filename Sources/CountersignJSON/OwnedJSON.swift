internal import CJansson

/// One reference to a jansson value, given back when this goes out of scope. It cannot be copied, holds a pointer and so
/// cannot leave its task, and never leaves this module.
@safe struct OwnedJSON: ~Copyable {
    private let pointer: UnsafeMutablePointer<json_t>

    /// Takes over a new reference; nil is what jansson returns when it has no memory.
    init(adopting pointer: UnsafeMutablePointer<json_t>?) throws(JSONError) {
        guard let pointer = unsafe pointer else {
            throw JSONError(.outOfMemory, "There is no memory for the JSON.")
        }
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe json_decref(pointer)
    }

    /// Hands the reference over to a jansson function that steals it.
    consuming func take() -> UnsafeMutablePointer<json_t> {
        let pointer = unsafe pointer
        discard self
        return unsafe pointer
    }

    /// Lends the pointer. What is borrowed from it (jansson's "get" functions) must not leave the closure.
    func withPointer<R, E: Error>(_ body: (UnsafeMutablePointer<json_t>) throws(E) -> R) throws(E) -> R {
        try unsafe body(pointer)
    }
}

extension OwnedJSON {
    /// Parses one object or array. Size and depth have been checked by the caller.
    init(parsing bytes: [UInt8]) throws(JSONError) {
        var failure = json_error_t()
        let parsed = unsafe bytes.withUnsafeBytes { buffer in
            unsafe json_loadb(buffer.baseAddress, buffer.count, size_t(JSON_REJECT_DUPLICATES), &failure)
        }
        guard let parsed = unsafe parsed else {
            throw JSONError(failure)
        }
        try unsafe self.init(adopting: parsed)
    }

    /// The same value in Swift; nothing of jansson stays in it.
    func value() throws(JSONError) -> JSONValue {
        try unsafe withPointer { (pointer) throws(JSONError) in
            try unsafe convert(pointer)
        }
    }
}

/// Converts a borrowed value. Recursion is as deep as the value, which the reader has bounded.
private func convert(_ json: UnsafeMutablePointer<json_t>) throws(JSONError) -> JSONValue {
    switch unsafe json.pointee.type {
    case JSON_OBJECT:
        var members: [(name: String, value: JSONValue)] = []
        members.reserveCapacity(unsafe json_object_size(json))
        var next = unsafe json_object_iter(json)
        while let member = unsafe next {
            guard let value = unsafe json_object_iter_value(member) else {
                throw JSONError(.malformed, "An object has a member without a value.")
            }
            let name = try unsafe text(json_object_iter_key(member), count: json_object_iter_key_len(member))
            members.append((name: name, value: try unsafe convert(value)))
            unsafe next = unsafe json_object_iter_next(json, member)
        }
        return .object(JSONObject(members: members))
    case JSON_ARRAY:
        let count = unsafe json_array_size(json)
        var elements: [JSONValue] = []
        elements.reserveCapacity(count)
        for index in 0..<count {
            guard let element = unsafe json_array_get(json, index) else {
                throw JSONError(.malformed, "An array has fewer elements than it says.")
            }
            elements.append(try unsafe convert(element))
        }
        return .array(elements)
    case JSON_STRING:
        return .string(try unsafe text(json_string_value(json), count: json_string_length(json)))
    case JSON_INTEGER:
        return .integer(Int64(unsafe json_integer_value(json)))
    case JSON_REAL:
        return .double(unsafe json_real_value(json))
    case JSON_TRUE:
        return .bool(true)
    case JSON_FALSE:
        return .bool(false)
    case JSON_NULL:
        return .null
    default:
        throw JSONError(.malformed, "A value is of no known type.")
    }
}

/// Copies a borrowed string. jansson has refused what is not UTF-8 and what holds a NUL; both are checked again because nothing
/// may be repaired or cut off silently.
private func text(_ characters: UnsafePointer<CChar>?, count: Int) throws(JSONError) -> String {
    guard let characters = unsafe characters, let text = unsafe String(validatingCString: characters) else {
        throw JSONError(.notUTF8, "A string is not UTF-8.")
    }
    guard text.utf8.count == count else {
        throw JSONError(.nulCharacter, "A string holds a NUL character.")
    }
    return text
}

extension JSONError {
    /// Translates jansson's code. Its sentence is left out: it quotes the text.
    fileprivate init(_ failure: json_error_t) {
        var failure = failure
        let place = "line \(failure.line), column \(failure.column)"
        switch unsafe json_error_code(&failure) {
        case json_error_duplicate_key:
            self.init(.duplicateMember, "An object has two members of one name at \(place).")
        case json_error_invalid_utf8:
            self.init(.notUTF8, "The JSON is not UTF-8 at \(place).")
        case json_error_null_character, json_error_null_byte_in_key:
            self.init(.nulCharacter, "A string holds a NUL character at \(place).")
        case json_error_numeric_overflow:
            self.init(.numberOutOfRange, "A number is too large at \(place).")
        case json_error_end_of_input_expected:
            self.init(.trailingBytes, "Something follows the JSON at \(place).")
        case json_error_premature_end_of_input:
            self.init(.malformed, "The JSON ends too early at \(place).")
        case json_error_stack_overflow:
            self.init(.tooDeep, "The JSON is nested too deep at \(place).")
        case json_error_out_of_memory:
            self.init(.outOfMemory, "There is no memory for the JSON.")
        default:
            self.init(.malformed, "The JSON is not well formed at \(place).")
        }
    }
}
