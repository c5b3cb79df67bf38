internal import CountersignCrypto

/// What an authority's directory holds of certificates: the authorities' own, and the services' with those they replaced.
struct Inventory: Sendable {
    let authorities: Authorities
    let services: [Item]

    /// A service's certificate and the file it is the first of.
    struct Item: Sendable {
        let service: ServiceName
        let certificate: Certificate
        let file: String
        /// In use, and not a backup.
        let isCurrent: Bool
    }

    /// Reads every `SERVICE/cert.pem` and every backup of one.
    ///
    /// - Throws: ``PKIError`` with `malformed`, naming the file.
    static func load(in folder: Folder, _ authorities: Authorities) throws(PKIError) -> Inventory {
        var items: [Item] = []
        for name in try folder.names() {
            guard let service = try? ServiceName(name) else { continue }
            let home = folder.folder(name)
            if let item = try item(service, home, "cert.pem", isCurrent: true) { items.append(item) }
            let backup = home.folder("backup")
            for file in try backup.names() where file.hasSuffix("-cert.pem") {
                if let item = try item(service, backup, file, isCurrent: false) { items.append(item) }
            }
        }
        return Inventory(authorities: authorities, services: items)
    }

    /// The authority that issued a certificate; `nil` when none of these did.
    func issuer(of certificate: Certificate) -> Authority? {
        authorities.all.first { $0.certificate.subject == certificate.issuer }
    }

    private static func item(
        _ service: ServiceName,
        _ folder: Folder,
        _ name: String,
        isCurrent: Bool
    ) throws(PKIError) -> Item? {
        guard let pem = try folder.read(name) else { return nil }
        let path = folder.path(name)
        let chain = try PKIError.reading(path) { () throws(CryptoError) in try Certificate.parsePEM(pem) }
        return chain.first.map { Item(service: service, certificate: $0, file: path, isCurrent: isCurrent) }
    }
}
