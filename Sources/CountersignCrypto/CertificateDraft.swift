internal import COpenSSL

/// One certificate under construction: owns its `X509` and is used by one function.
@safe
struct CertificateDraft: ~Copyable {
    private let pointer: OpaquePointer

    private init(adopting pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    /// An empty version 3 certificate.
    static func begin() throws(CryptoError) -> CertificateDraft {
        let draft = unsafe CertificateDraft(adopting: try OpenSSL.make("out of memory") { unsafe X509_new() })
        try OpenSSL.check("could not begin a certificate") { unsafe X509_set_version(draft.pointer, Int(X509_VERSION_3)) }
        return draft
    }

    deinit {
        unsafe X509_free(pointer)
    }

    func setSubject(_ name: DistinguishedName) throws(CryptoError) {
        let name = try unsafe name.makePointer()
        defer { unsafe X509_NAME_free(name) }
        try OpenSSL.check("could not set the subject") { unsafe X509_set_subject_name(pointer, name) }
    }

    func setIssuer(_ name: DistinguishedName) throws(CryptoError) {
        let name = try unsafe name.makePointer()
        defer { unsafe X509_NAME_free(name) }
        try OpenSSL.check("could not set the issuer") { unsafe X509_set_issuer_name(pointer, name) }
    }

    /// The top bit is cleared so that the number is positive in 16 bytes (RFC 5280 4.1.2.2).
    func setSerialNumber(_ bytes: [UInt8]) throws(CryptoError) {
        let number = try unsafe SerialNumber.make([(bytes.first ?? 0) & 0x7f | 0x40] + bytes.dropFirst())
        defer { unsafe ASN1_INTEGER_free(number) }
        try OpenSSL.check("could not set the serial number") { unsafe X509_set_serialNumber(pointer, number) }
    }

    func setValidity(from notBefore: Timestamp, until notAfter: Timestamp) throws(CryptoError) {
        guard notBefore < notAfter else { throw CryptoError(.operationFailed, "a certificate that ends before it begins") }
        let start = try unsafe notBefore.makeTime()
        defer { unsafe ASN1_TIME_free(start) }
        let end = try unsafe notAfter.makeTime()
        defer { unsafe ASN1_TIME_free(end) }
        try OpenSSL.check("could not set notBefore") { unsafe X509_set1_notBefore(pointer, start) }
        try OpenSSL.check("could not set notAfter") { unsafe X509_set1_notAfter(pointer, end) }
    }

    func setPublicKey(_ key: PublicKey) throws(CryptoError) {
        let handle = unsafe KeyHandle(
            adopting: try DER.decode(
                key.subjectPublicKeyInfo,
                maxBytes: 16 * 1024,
                .malformedKey,
                "the public key",
                free: { unsafe EVP_PKEY_free($0) },
                { cursor, count in unsafe d2i_PUBKEY(nil, cursor, count) }
            )
        )
        try OpenSSL.check("could not set the public key") {
            handle.withPointer { key in unsafe X509_set_pubkey(pointer, key) }
        }
    }

    /// Adds an extension from OpenSSL's configuration text. Only for constant text: names go through ``add(_:)``.
    func add(_ identifier: Int32, _ value: String, issuer: Certificate?) throws(CryptoError) {
        var context = unsafe X509V3_CTX()
        if let issuer {
            issuer.handle.withPointer { issuer in unsafe X509V3_set_ctx(&context, issuer, pointer, nil, nil, 0) }
        } else {
            unsafe X509V3_set_ctx(&context, pointer, pointer, nil, nil, 0)
        }
        let add = try OpenSSL.make("could not make extension \(identifier)") {
            unsafe X509V3_EXT_nconf_nid(nil, &context, identifier, value)
        }
        defer { unsafe X509_EXTENSION_free(add) }
        try OpenSSL.check("could not add extension \(identifier)") { unsafe X509_add_ext(pointer, add, -1) }
    }

    func add(_ names: [SubjectAlternativeName]) throws(CryptoError) {
        let stack = try OpenSSL.make("out of memory") { unsafe countersign_names_new() }
        defer { unsafe GENERAL_NAMES_free(stack) }
        for name in names {
            let item = try unsafe name.makePointer()
            guard unsafe countersign_names_push(stack, item) > 0 else {
                unsafe GENERAL_NAME_free(item)
                throw OpenSSL.failure(.operationFailed, "out of memory")
            }
        }
        try OpenSSL.check("could not add the alternative names") {
            unsafe X509_add1_ext_i2d(pointer, NID_subject_alt_name, UnsafeMutableRawPointer(stack), 0, UInt(X509V3_ADD_DEFAULT))
        }
    }

    /// Signs and returns the DER.
    func signed(with key: PrivateKey) throws(CryptoError) -> [UInt8] {
        OpenSSL.clear()
        guard key.handle.withPointer({ key in unsafe X509_sign(pointer, key, EVP_sha256()) }) > 0 else {
            throw OpenSSL.failure(.operationFailed, "could not sign the certificate")
        }
        return try DER.encode("the certificate") { output in unsafe i2d_X509(pointer, output) }
    }
}

extension SerialNumber {
    static func make(_ bytes: [UInt8]) throws(CryptoError) -> UnsafeMutablePointer<ASN1_INTEGER> {
        let number = try OpenSSL.make("out of memory") {
            unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe BN_bin2bn(buffer.baseAddress, Int32(truncatingIfNeeded: buffer.count), nil)
            }
        }
        defer { unsafe BN_free(number) }
        return try OpenSSL.make("could not make a serial number") { unsafe BN_to_ASN1_INTEGER(number, nil) }
    }
}

extension Timestamp {
    /// UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5); the caller frees it.
    func makeTime() throws(CryptoError) -> UnsafeMutablePointer<ASN1_TIME> {
        try OpenSSL.make("\(self) cannot be a certificate's time") { unsafe ASN1_TIME_set(nil, Int(secondsSince1970)) }
    }
}

extension SubjectAlternativeName {
    /// Makes an OpenSSL name; the caller frees it or gives it to a stack.
    func makePointer() throws(CryptoError) -> UnsafeMutablePointer<GENERAL_NAME> {
        switch self {
        case .dns(let name): try unsafe Self.make(GEN_DNS, Array(name.utf8), V_ASN1_IA5STRING)
        case .uri(let uri): try unsafe Self.make(GEN_URI, Array(uri.utf8), V_ASN1_IA5STRING)
        case .email(let address): try unsafe Self.make(GEN_EMAIL, Array(address.utf8), V_ASN1_IA5STRING)
        case .ip(let bytes): try unsafe Self.make(GEN_IPADD, bytes, V_ASN1_OCTET_STRING)
        case .other: throw CryptoError(.malformedName, "an alternative name of a kind that cannot be issued")
        }
    }

    private static func make(
        _ kind: Int32,
        _ bytes: [UInt8],
        _ stringType: Int32
    ) throws(CryptoError) -> UnsafeMutablePointer<GENERAL_NAME> {
        let isText = stringType == V_ASN1_IA5STRING
        guard isText ? !bytes.isEmpty && bytes.allSatisfy({ (0x21...0x7e).contains($0) }) : [4, 16].contains(bytes.count) else {
            throw CryptoError(.malformedName, "an alternative name is empty or holds a character outside printable ASCII")
        }
        let string = try OpenSSL.make("out of memory") { unsafe ASN1_STRING_type_new(stringType) }
        let stored = unsafe bytes.withUnsafeBytes {
            unsafe ASN1_STRING_set(string, $0.baseAddress, Int32(truncatingIfNeeded: $0.count))
        }
        guard stored == 1, let name = unsafe GENERAL_NAME_new() else {
            unsafe ASN1_STRING_free(string)
            throw OpenSSL.failure(.operationFailed, "out of memory")
        }
        // From here on the name owns the string.
        unsafe GENERAL_NAME_set0_value(name, kind, string)
        return unsafe name
    }
}
