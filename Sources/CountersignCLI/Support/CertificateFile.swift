import CountersignCrypto
import Foundation

/// Certificates and lists named on the command line, with errors that name the file.
enum CertificateFile {
    static func certificates(_ path: String) throws -> [Certificate] {
        do {
            return try Certificate.parsePEM(try bytes(path, maxBytes: 1 << 20))
        } catch let error as CryptoError {
            throw CommandFailure.configuration("\(path): \(error.message)", hint: "a certificate file is PEM text")
        }
    }

    static func revocationLists(_ path: String) throws -> [CertificateRevocationList] {
        do {
            return try CertificateRevocationList.parsePEM(try bytes(path, maxBytes: 2 * CertificateRevocationList.maxBytes))
        } catch let error as CryptoError {
            throw CommandFailure.configuration("\(path): \(error.message)", hint: "a revocation list file is PEM text")
        }
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
            throw CommandFailure.configuration("\(path) cannot be read")
        }
        guard data.count <= maxBytes else { throw CommandFailure.configuration("\(path) is larger than \(maxBytes) bytes") }
        return [UInt8](data)
    }
}
