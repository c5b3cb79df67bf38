internal import CountersignCrypto

/// What an authority's directory holds of certificates: the authorities' own, and the services' with those they replaced.
struct Inventory: Sendable {
    let authorities: Authorities
    let services: [Item]
    /// What should be a service's certificate and cannot be read. It stops what concerns that service, and nothing else.
    let unreadable: [CertificateAuthority.UnreadableFile]

    /// A service's certificate and the file it is the first of.
    struct Item: Sendable {
        let service: ServiceName
        let certificate: Certificate
        let file: String
        /// In use, and not a backup.
        let isCurrent: Bool
    }

    /// Reads every `SERVICE/cert.pem` and every backup of one.
    static func load(in folder: Folder, _ authorities: Authorities) throws(PKIError) -> Inventory {
        var found = Found()
        for name in try folder.names() {
            guard let service = try? ServiceName(name), folder.isDirectory(name) else { continue }
            let home = folder.folder(name)
            found.add(service, home, "cert.pem", isCurrent: true)
            found.addBackups(service, home.folder("backup"))
        }
        return Inventory(authorities: authorities, services: found.items, unreadable: found.unreadable)
    }

    /// The authority that issued a certificate; `nil` when none of these did, be it of the same name.
    func issuer(of certificate: Certificate) -> Authority? {
        authorities.all.first { certificate.isIssued(by: $0.certificate) }
    }

    private struct Found {
        var items: [Item] = []
        var unreadable: [CertificateAuthority.UnreadableFile] = []

        mutating func add(_ service: ServiceName, _ folder: Folder, _ name: String, isCurrent: Bool) {
            let path = folder.path(name)
            do throws(PKIError) {
                guard let pem = try folder.read(name) else { return }
                let chain = try PKIError.reading(path) { () throws(CryptoError) in try Certificate.parsePEM(pem) }
                items += chain.prefix(1).map { Item(service: service, certificate: $0, file: path, isCurrent: isCurrent) }
            } catch {
                refuse(path, of: service, error, isCurrent: isCurrent)
            }
        }

        mutating func addBackups(_ service: ServiceName, _ folder: Folder) {
            do throws(PKIError) {
                for file in try folder.names() where file.hasSuffix("-cert.pem") {
                    add(service, folder, file, isCurrent: false)
                }
            } catch {
                refuse(folder.path, of: service, error, isCurrent: false)
            }
        }

        private mutating func refuse(_ path: String, of service: ServiceName, _ error: PKIError, isCurrent: Bool) {
            unreadable.append(.init(service: service.rawValue, file: path, message: error.message, isCurrent: isCurrent))
        }
    }
}
