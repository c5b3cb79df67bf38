import CBenchmark
import Countersign
import CountersignTesting

/// A key in the hands of OpenSSL with nothing around it.
final class RawKey: @unchecked Sendable {  // One workload runs at a time.
    private let key: OpaquePointer

    init(pem: [UInt8]) throws {
        guard let key = raw_key_open(pem, pem.count) else { throw Unexpected("OpenSSL does not read the key") }
        self.key = key
    }

    func sign(_ message: [UInt8], _ count: Int) throws {
        guard raw_sign(key, message, message.count, count) == 1 else { throw Unexpected("OpenSSL does not sign") }
    }

    func verify(_ message: [UInt8], _ count: Int) throws {
        guard raw_verify(key, message, message.count, count) == 1 else { throw Unexpected("OpenSSL does not verify") }
    }

    func hash(_ message: [UInt8], _ count: Int) throws {
        guard raw_sha256(key, message, message.count, count) == 1 else { throw Unexpected("OpenSSL does not hash") }
    }
}

extension Workload {
    static let raw = [
        Workload("raw RSA signature") {
            let (key, message) = (try Fixture.shared.get().rsaKey, try Fixture.shared.get().signingInput)
            return { try key.sign(message, $0) }
        },
        Workload("raw RSA verification") {
            let (key, message) = (try Fixture.shared.get().rsaKey, try Fixture.shared.get().signingInput)
            try key.sign(message, 1)
            return { try key.verify(message, $0) }
        },
        // A path of leaf, intermediate and root has two signatures to verify. Those of its revocation lists are known.
        ecdsa("two raw ECDSA verifications", 2),
        Workload("raw SHA-256 of a certificate", isShort: true) {
            let (key, certificate) = (try Fixture.shared.get().rsaKey, try Fixture.shared.get().caller.certificate)
            return { try key.hash(certificate.der, $0) }
        },
    ]

    private static func ecdsa(_ name: String, _ times: Int) -> Workload {
        Workload(name) {
            let fixture = try Fixture.shared.get()
            let key = try fixture.authority.key.pem().withBytes { try RawKey(pem: $0) }
            let message = fixture.caller.certificate.der
            try key.sign(message, 1)
            return { try key.verify(message, $0 * times) }
        }
    }
}
