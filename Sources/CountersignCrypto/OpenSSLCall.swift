internal import COpenSSL

/// The one way to call OpenSSL: a clean error queue before, a drained one after a failure.
///
/// The queue belongs to the thread, so these helpers take closures that cannot suspend.
enum OpenSSL {
    /// Runs a call that reports success as 1.
    static func check(
        _ code: CryptoError.Code,
        _ what: @autoclosure () -> String,
        _ body: () -> Int32
    ) throws(CryptoError) {
        clear()
        guard body() == 1 else { throw failure(code, what()) }
    }

    /// The same for calls that fail only when OpenSSL itself is in trouble.
    static func check(_ what: @autoclosure () -> String, _ body: () -> Int32) throws(CryptoError) {
        try check(.operationFailed, what(), body)
    }

    /// Runs a call that reports success as a pointer; the caller owns what comes back.
    @safe
    static func make<Pointer>(
        _ code: CryptoError.Code,
        _ what: @autoclosure () -> String,
        _ body: () -> Pointer?
    ) throws(CryptoError) -> Pointer {
        clear()
        guard let pointer = body() else { throw failure(code, what()) }
        return pointer
    }

    /// The same for calls that fail only when OpenSSL itself is in trouble.
    @safe
    static func make<Pointer>(_ what: @autoclosure () -> String, _ body: () -> Pointer?) throws(CryptoError) -> Pointer {
        try make(.operationFailed, what(), body)
    }

    /// Turns what OpenSSL left in its queue into an error and empties the queue.
    static func failure(_ code: CryptoError.Code, _ what: String) -> CryptoError {
        let reasons = drain()
        return CryptoError(code, reasons.isEmpty ? what : "\(what) (\(reasons.joined(separator: "; ")))")
    }

    /// Forgets what a call left behind that was not an error, such as "no more PEM blocks".
    static func clear() {
        // Looking costs less than clearing, and there is hardly ever anything.
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    private static func drain() -> [String] {
        var reasons: [String] = []
        while true {
            let code = ERR_get_error()
            guard code != 0 else { return reasons }
            // A static string of the library, valid for the life of the process; copied here.
            if let text = unsafe ERR_reason_error_string(code), reasons.count < 4 {
                reasons.append(unsafe String(cString: text))
            }
        }
    }
}
