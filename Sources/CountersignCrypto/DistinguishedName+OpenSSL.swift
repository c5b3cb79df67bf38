internal import COpenSSL

extension DistinguishedName {
    /// Copies a name out of a certificate or list.
    init(borrowing name: OpaquePointer?) throws(CryptoError) {
        var names: [RelativeDistinguishedName] = []
        var attributes: [Attribute] = []
        var currentSet: Int32 = 0
        let count = unsafe X509_NAME_entry_count(name)
        guard count <= 64 else { throw CryptoError(.malformedName, "a name with \(count) attributes") }
        for index in 0..<max(count, 0) {
            let entry = unsafe X509_NAME_get_entry(name, index)
            let set = unsafe X509_NAME_ENTRY_set(entry)
            if set != currentSet, !attributes.isEmpty {
                names.append(RelativeDistinguishedName(attributes))
                attributes = []
            }
            currentSet = set
            let type = unsafe AttributeType(oid: try ObjectIdentifierText.read(unsafe X509_NAME_ENTRY_get_object(entry)))
            unsafe attributes.append(Attribute(type: type, value: try Self.utf8(unsafe X509_NAME_ENTRY_get_data(entry))))
        }
        if !attributes.isEmpty { names.append(RelativeDistinguishedName(attributes)) }
        self.init(relativeDistinguishedNames: names)
    }

    /// Makes an OpenSSL name; the caller frees it.
    func makePointer() throws(CryptoError) -> OpaquePointer {
        let name = try OpenSSL.make("out of memory") { unsafe X509_NAME_new() }
        do throws(CryptoError) {
            for rdn in relativeDistinguishedNames {
                for (index, attribute) in rdn.attributes.enumerated() {
                    try OpenSSL.check(.malformedName, "the value of \(attribute.type) is not allowed in a name") {
                        unsafe attribute.value.withUnsafeBufferPointer { value in
                            // -1 joins the attribute to the RDN before it, 0 starts a new one.
                            unsafe X509_NAME_add_entry_by_txt(
                                name, attribute.type.oid, MBSTRING_FLAG | 0, value.baseAddress,
                                Int32(truncatingIfNeeded: value.count), -1, index == 0 ? 0 : -1
                            )
                        }
                    }
                }
            }
            return unsafe name
        } catch {
            unsafe X509_NAME_free(name)
            throw error
        }
    }

    private static func utf8(_ string: UnsafeMutablePointer<ASN1_STRING>?) throws(CryptoError) -> [UInt8] {
        var output: UnsafeMutablePointer<UInt8>?
        OpenSSL.clear()
        let length = unsafe ASN1_STRING_to_UTF8(&output, string)
        guard length >= 0, let output = unsafe output else {
            throw OpenSSL.failure(.malformedName, "a name holds a value that is not text")
        }
        defer { unsafe countersign_free(output) }
        return unsafe [UInt8](UnsafeBufferPointer(start: output, count: Int(length)))
    }
}

enum ObjectIdentifierText {
    /// Dotted decimal, whatever names OpenSSL knows for it.
    static func read(_ object: OpaquePointer?) throws(CryptoError) -> String {
        var buffer = [UInt8](repeating: 0, count: 128)
        let length = unsafe buffer.withUnsafeMutableBytes { buffer in
            unsafe OBJ_obj2txt(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), object, 1)
        }
        guard length > 0, Int(length) < buffer.count else {
            throw OpenSSL.failure(.malformedName, "an unreadable object identifier")
        }
        return String(decoding: buffer.prefix(Int(length)), as: UTF8.self)
    }
}
