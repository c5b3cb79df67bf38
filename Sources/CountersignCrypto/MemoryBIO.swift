internal import COpenSSL

/// A BIO over memory, for OpenSSL's PEM functions.
@safe
struct MemoryBIO: ~Copyable {
    private let pointer: OpaquePointer

    /// An empty BIO to write to.
    init() throws(CryptoError) {
        let pointer = try OpenSSL.make("out of memory") { unsafe BIO_new(BIO_s_mem()) }
        unsafe self.pointer = pointer
    }

    /// Lends a read-only BIO over `bytes`. A read-only memory BIO keeps a pointer into its input, so it lives in a closure.
    @safe
    static func reading<R>(
        _ bytes: [UInt8],
        _ body: (OpaquePointer) throws(CryptoError) -> R
    ) throws(CryptoError) -> R {
        guard !bytes.isEmpty, let count = Int32(exactly: bytes.count) else {
            throw CryptoError(.malformedPEM, bytes.isEmpty ? "nothing to read" : "too large to read")
        }
        let result: Result<R, CryptoError> = unsafe bytes.withUnsafeBytes { buffer in
            do throws(CryptoError) {
                let bio = try OpenSSL.make("out of memory") { unsafe BIO_new_mem_buf(buffer.baseAddress, count) }
                defer { unsafe BIO_free(bio) }
                return .success(try unsafe body(bio))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error): throw error
        }
    }

    @safe
    borrowing func withPointer<R, E: Error>(_ body: (OpaquePointer) throws(E) -> R) throws(E) -> R {
        try unsafe body(pointer)
    }

    /// A copy of everything written so far.
    borrowing func bytes() -> [UInt8] {
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe countersign_bio_data(pointer, &start)
        guard count > 0, let start = unsafe start else { return [] }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    deinit {
        unsafe BIO_free(pointer)
    }
}
