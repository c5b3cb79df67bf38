import CountersignCrypto
import Foundation

/// Certificates and lists named on the command line, with errors that name the file.
enum CertificateFile {
    static func certificates(_ path: String) throws -> [Certificate] {
        try parse(path, maxBytes: 1 << 20, "a certificate file", Certificate.parsePEM)
    }

    static func revocationLists(_ path: String) throws -> [CertificateRevocationList] {
        try parse(
            path, maxBytes: 2 * CertificateRevocationList.maxBytes, "a revocation list file", CertificateRevocationList.parsePEM)
    }

    /// The file's bytes, at most `maxBytes` of them; `-` is standard input.
    static func bytes(_ path: String, maxBytes: Int) throws -> [UInt8] {
        let data: Data
        do {
            let file = path == "-" ? .standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            data = try file.read(upToCount: maxBytes + 1) ?? Data()
        } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {
            throw CommandFailure.configuration("\(path) does not exist")
        } catch CocoaError.fileReadNoPermission {
            throw CommandFailure.configuration("\(path) may not be read by this user")
        } catch {
            let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
            throw CommandFailure.configuration("\(path) \(type == .typeDirectory ? "is a directory" : "cannot be read")")
        }
        guard data.count <= maxBytes else { throw CommandFailure.configuration("\(path) is larger than \(maxBytes) bytes") }
        return [UInt8](data)
    }

    private static func parse<Value>(
        _ path: String, maxBytes: Int, _ kind: String, _ parsePEM: ([UInt8]) throws(CryptoError) -> [Value]
    ) throws -> [Value] {
        let bytes = try bytes(path, maxBytes: maxBytes)
        do throws(CryptoError) {
            return try parsePEM(bytes)
        } catch {
            // PEM can be refused for other reasons, and then the form of the file is not what to look at.
            let isPEM = bytes.contains("-----BEGIN ".utf8)
            throw CommandFailure.configuration("\(path): \(error.message)", hint: isPEM ? nil : "\(kind) is PEM text")
        }
    }
}
