internal import CountersignCrypto
internal import CountersignJSON

/// Takes the members of an object one by one and refuses what is left over, so that a misspelt member is an error and not a
/// default.
struct StrictObject {
    let object: JSONObject
    /// Where the object is, such as `keys[2].jwk`; empty for the outermost.
    let path: String
    private var taken: [String] = []

    init(_ object: JSONObject, path: String) {
        self.object = object
        self.path = path
    }

    func has(_ name: String) -> Bool {
        object[name] != nil
    }

    mutating func string(_ name: String) throws(KeyRingError) -> String {
        guard let string = try value(name).string else {
            throw wrong(name, "a string")
        }
        return string
    }

    mutating func integer(_ name: String) throws(KeyRingError) -> Int64 {
        guard let integer = try value(name).integer else {
            throw wrong(name, "an integer")
        }
        return integer
    }

    mutating func optionalBool(_ name: String) throws(KeyRingError) -> Bool? {
        guard has(name) else {
            return nil
        }
        guard let bool = try value(name).bool else {
            throw wrong(name, "true or false")
        }
        return bool
    }

    mutating func time(_ name: String) throws(KeyRingError) -> Timestamp {
        let text = try string(name)
        // One way to write a time, the one in which it was written.
        guard let time = Timestamp(rfc3339: text), time.description.utf8.elementsEqual(text.utf8) else {
            throw wrong(name, "a time such as 2026-01-02T03:04:05Z")
        }
        return time
    }

    mutating func optionalTime(_ name: String) throws(KeyRingError) -> Timestamp? {
        has(name) ? try time(name) : nil
    }

    mutating func object(_ name: String) throws(KeyRingError) -> StrictObject {
        guard let object = try value(name).object else {
            throw wrong(name, "an object")
        }
        return StrictObject(object, path: path(to: name))
    }

    mutating func strings(_ name: String) throws(KeyRingError) -> [String] {
        guard let strings = try value(name).strings else {
            throw wrong(name, "an array of strings")
        }
        return strings
    }

    mutating func objects(_ name: String) throws(KeyRingError) -> [StrictObject] {
        guard let elements = try value(name).array else {
            throw wrong(name, "an array")
        }
        var objects: [StrictObject] = []
        for (index, element) in elements.enumerated() {
            guard let object = element.object else {
                throw wrong("\(name)[\(index)]", "an object")
            }
            objects.append(StrictObject(object, path: "\(path(to: name))[\(index)]"))
        }
        return objects
    }

    /// Refuses members that nobody took.
    func finish() throws(KeyRingError) {
        for name in object.names where !taken.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
            throw KeyRingError(.malformed, "\(path(to: name)) is not a member this program knows, or has no place here")
        }
    }

    private mutating func value(_ name: String) throws(KeyRingError) -> JSONValue {
        guard let value = object[name] else {
            throw KeyRingError(.malformed, "\(path(to: name)) is missing")
        }
        taken.append(name)
        return value
    }

    private func wrong(_ name: String, _ expected: String) -> KeyRingError {
        KeyRingError(.malformed, "\(path(to: name)) is not \(expected)")
    }

    private func path(to name: String) -> String {
        path.isEmpty ? name : "\(path).\(name)"
    }
}
