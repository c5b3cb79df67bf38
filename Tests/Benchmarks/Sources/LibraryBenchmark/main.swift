import Countersign
import Crypto
import CryptoExtras
import Foundation

// RS256 with the same RSA-2048 key by the two libraries at hand, in turn, in one run: OpenSSL through CountersignCrypto and
// BoringSSL through swift-crypto. The figures of decision 1 come from here.
//
//     swift run -c release --package-path Tests/Benchmarks LibraryBenchmark

let key = try RSAPrivateKey.generate()
let pem = try key.pem().withBytes { String(decoding: $0, as: UTF8.self) }
let boring = try _RSA.Signing.PrivateKey(pemRepresentation: pem)
let message = (0..<700).map { UInt8(truncatingIfNeeded: $0) }
let signature = try key.signature(for: message)
let boringSignature = _RSA.Signing.RSASignature(rawRepresentation: signature)
let clock = ContinuousClock()

func perSecond(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    let time = try clock.measure { for _ in 0..<count { try body() } }
    return Double(count) / (Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18)
}

struct Disagreement: Error {}

var signRatios: [Double] = []
var verifyRatios: [Double] = []
for _ in 0..<7 {
    let openSigns = try perSecond(500) { _ = try key.signature(for: message) }
    let boringSigns = try perSecond(500) { _ = try boring.signature(for: message, padding: .insecurePKCS1v1_5) }
    let openVerifies = try perSecond(5000) {
        guard try key.publicKey.isValidSignature(signature, for: message) else { throw Disagreement() }
    }
    let boringVerifies = try perSecond(5000) {
        guard boring.publicKey.isValidSignature(boringSignature, for: message, padding: .insecurePKCS1v1_5) else {
            throw Disagreement()
        }
    }
    signRatios.append(openSigns / boringSigns)
    verifyRatios.append(openVerifies / boringVerifies)
    print(
        "signatures/s OpenSSL \(Int(openSigns)) BoringSSL \(Int(boringSigns))   verifications/s OpenSSL \(Int(openVerifies)) BoringSSL \(Int(boringVerifies))"
    )
}
func median(_ values: [Double]) -> String { String(format: "%.2f", values.sorted()[values.count / 2]) }
print("median ratio OpenSSL/BoringSSL: sign \(median(signRatios)), verify \(median(verifyRatios))")
