internal import CountersignCrypto

/// Where one end of a mutual TLS connection takes its own certificate and its trust from.
public struct TLSFiles: Hashable, Sendable {
    /// The own certificate, first in its file, followed by the intermediates to send with it.
    public var certificate: PEMSource
    /// The key of ``certificate``; its file must be private to its owner.
    public var privateKey: PEMSource
    /// The passphrase of an encrypted ``privateKey``; a line end after it is not part of it.
    public var privateKeyPassphrase: PEMSource?
    /// The CA certificates that the other end's certificate must lead to. Nothing else is trusted.
    public var ca: PEMSource
    /// The CAs' revocation lists. Once set, they must be there, valid and fresh when they are first loaded; without them nothing
    /// is checked for revocation.
    ///
    /// They count for a server's clients. With ``TLSMaterial/Role/client`` they are loaded and checked, and **not** enforced: the
    /// HTTP client verifies the server's certificate itself and takes no revocation lists, so a revoked server certificate is
    /// accepted until it expires.
    public var crl: PEMSource?

    public init(
        certificate: PEMSource,
        privateKey: PEMSource,
        privateKeyPassphrase: PEMSource? = nil,
        ca: PEMSource,
        crl: PEMSource? = nil
    ) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.privateKeyPassphrase = privateKeyPassphrase
        self.ca = ca
        self.crl = crl
    }
}
