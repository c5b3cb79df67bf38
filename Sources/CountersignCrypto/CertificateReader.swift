internal import COpenSSL

/// Reads the fields of one certificate out of OpenSSL's object.
struct CertificateReader {
    private let handle: CertificateHandle

    init(_ handle: CertificateHandle) {
        self.handle = handle
    }

    func subject() throws(CryptoError) -> DistinguishedName {
        try handle.withPointer { x509 throws(CryptoError) in
            try unsafe DistinguishedName(borrowing: unsafe X509_get_subject_name(x509))
        }
    }

    func issuer() throws(CryptoError) -> DistinguishedName {
        try handle.withPointer { x509 throws(CryptoError) in
            try unsafe DistinguishedName(borrowing: unsafe X509_get_issuer_name(x509))
        }
    }

    func serialNumber() throws(CryptoError) -> [UInt8] {
        try handle.withPointer { x509 throws(CryptoError) in
            try unsafe SerialNumber.bytes(unsafe X509_get0_serialNumber(x509), .malformedCertificate)
        }
    }

    func validity() throws(CryptoError) -> (Timestamp, Timestamp) {
        try handle.withPointer { x509 throws(CryptoError) in
            unsafe (
                try Timestamp(borrowing: unsafe X509_get0_notBefore(x509), .malformedCertificate, "notBefore"),
                try Timestamp(borrowing: unsafe X509_get0_notAfter(x509), .malformedCertificate, "notAfter")
            )
        }
    }

    /// More than any service has: what they take in memory is many times what they take in the certificate.
    static let maxAlternativeNames = 256
    static let maxExtendedKeyUsages = 64

    func alternativeNames() throws(CryptoError) -> [SubjectAlternativeName] {
        guard let names = try unsafe decodedExtension(NID_subject_alt_name, "subject alternative names") else { return [] }
        let stack = OpaquePointer(names)
        defer { unsafe GENERAL_NAMES_free(stack) }
        let count = max(0, unsafe countersign_names_count(stack))
        guard count <= Self.maxAlternativeNames else {
            throw CryptoError(
                .malformedCertificate, "the certificate has \(count) alternative names; \(Self.maxAlternativeNames) are read")
        }
        var result: [SubjectAlternativeName] = []
        for index in 0..<count {
            guard let name = unsafe countersign_names_at(stack, index) else { continue }
            unsafe result.append(try SubjectAlternativeName(borrowing: unsafe name))
        }
        return result
    }

    func extendedKeyUsages() throws(CryptoError) -> [String] {
        guard let usages = try unsafe decodedExtension(NID_ext_key_usage, "extended key usages") else { return [] }
        let stack = OpaquePointer(usages)
        defer { unsafe EXTENDED_KEY_USAGE_free(stack) }
        let count = max(0, unsafe countersign_usages_count(stack))
        guard count <= Self.maxExtendedKeyUsages else {
            throw CryptoError(
                .malformedCertificate, "the certificate has \(count) extended key usages; \(Self.maxExtendedKeyUsages) are read")
        }
        var result: [String] = []
        for index in 0..<count {
            unsafe result.append(try ObjectIdentifierText.read(unsafe countersign_usages_at(stack, index)))
        }
        return result
    }

    /// Also the place where a malformed or repeated extension of any kind OpenSSL knows is noticed.
    func isCertificateAuthority() throws(CryptoError) -> Bool {
        let flags = handle.withPointer { x509 in unsafe X509_get_extension_flags(x509) }
        OpenSSL.clear()
        guard flags & UInt32(EXFLAG_INVALID) == 0 else {
            throw CryptoError(.malformedCertificate, "the certificate has an extension that cannot be read")
        }
        return flags & UInt32(EXFLAG_CA) != 0
    }

    func subjectPublicKeyInfo() throws(CryptoError) -> [UInt8] {
        try DER.encode("the public key of the certificate") { output in
            handle.withPointer { x509 in unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), output) }
        }
    }

    /// `nil` when absent; an error when it stands twice or cannot be decoded.
    private func decodedExtension(_ identifier: Int32, _ what: String) throws(CryptoError) -> UnsafeMutableRawPointer? {
        var critical: Int32 = 0
        OpenSSL.clear()
        let value = handle.withPointer { x509 in unsafe X509_get_ext_d2i(x509, identifier, &critical, nil) }
        if let value = unsafe value { return unsafe value }
        guard critical == -1 else { throw OpenSSL.failure(.malformedCertificate, "the \(what) cannot be read or stand twice") }
        return nil
    }
}

enum SerialNumber {
    static func bytes(_ number: UnsafePointer<ASN1_INTEGER>?, _ code: CryptoError.Code) throws(CryptoError) -> [UInt8] {
        guard let start = unsafe ASN1_STRING_get0_data(number) else { throw CryptoError(code, "no serial number") }
        let length = Int(unsafe ASN1_STRING_length(number))
        guard (0...Certificate.maxSerialNumberBytes).contains(length) else {
            throw CryptoError(code, "a serial number of \(length) bytes")
        }
        return unsafe [UInt8](UnsafeBufferPointer(start: start, count: length))
    }
}
