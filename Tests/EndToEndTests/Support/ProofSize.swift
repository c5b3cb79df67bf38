import Foundation

/// How large the proofs are that take long: small with every change, in full size with `COUNTERSIGN_LONG_TESTS=1`.
enum ProofSize {
    static let isLong = ProcessInfo.processInfo.environment["COUNTERSIGN_LONG_TESTS"] == "1"

    static func of<Value>(_ short: Value, long: Value) -> Value { isLong ? long : short }

    /// A figure of the long form, for whoever runs it.
    static func state(_ figure: String) {
        guard isLong else { return }
        FileHandle.standardError.write(Data("proof: \(figure)\n".utf8))
    }
}
