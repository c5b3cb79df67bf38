import CountersignCrypto
import Testing

/// The operations of a handshake can be done again and again. What they take is nobody's promise.
@Suite struct HandshakeOperationsTests {
    @Test func theyCanBeRepeated() throws {
        let operations = try HandshakeOperations()
        for _ in 0..<3 {
            try operations.full()
            try operations.resumed()
        }
    }
}
