#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A JSON value as Countersign reads and writes it (RFC 8259).
///
/// A number written without fraction and exponent is an ``integer(_:)``, any other a ``double(_:)``, so `1` and `1.0` differ:
/// a time given as `1.0` is not an integer and whoever asks for an integer refuses it.
///
/// Equality is exact: strings are compared by their UTF-8 bytes (Swift's `==` calls different code points equal) and objects
/// member by member in order.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    /// The string, or nil when this is anything else.
    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The integer, or nil when this is anything else, also `1.0`.
    public var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// The truth value, or nil when this is anything else.
    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The elements, or nil when this is anything else.
    public var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The object, or nil when this is anything else.
    public var object: JSONObject? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The elements when this is an array of nothing but strings, otherwise nil.
    public var strings: [String]? {
        guard case .array(let elements) = self else {
            return nil
        }
        var strings: [String] = []
        strings.reserveCapacity(elements.count)
        for element in elements {
            guard case .string(let value) = element else {
                return nil
            }
            strings.append(value)
        }
        return strings
    }
}

extension JSONValue: Equatable {
    public static func == (lhs: JSONValue, rhs: JSONValue) -> Bool {
        switch (lhs, rhs) {
        case (.null, .null): true
        case (.bool(let lhs), .bool(let rhs)): lhs == rhs
        case (.integer(let lhs), .integer(let rhs)): lhs == rhs
        case (.double(let lhs), .double(let rhs)): lhs == rhs
        case (.string(let lhs), .string(let rhs)): lhs.hasSameUTF8(as: rhs)
        case (.array(let lhs), .array(let rhs)): lhs == rhs
        case (.object(let lhs), .object(let rhs)): lhs == rhs
        default: false
        }
    }
}

extension String {
    /// Whether there is a NUL, at which C would see the end of the text.
    package var hasNUL: Bool {
        unsafe withCString { unsafe strlen($0) } != utf8.count
    }

    /// Whether both are the same code points, which Swift's `==` does not say: it compares canonical equivalents.
    package func hasSameUTF8(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let same = unsafe utf8.withContiguousStorageIfAvailable { left in
            unsafe other.utf8.withContiguousStorageIfAvailable { right in
                guard let left = left.baseAddress, let right = right.baseAddress else { return true }
                return unsafe memcmp(left, right, utf8.count) == 0
            }
        }
        // Strings bridged from elsewhere have no contiguous storage.
        return (same ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}
