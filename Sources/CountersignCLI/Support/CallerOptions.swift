import ArgumentParser
import CountersignTLS

/// Who asks which issuer, and for which service.
struct CallerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The issuer's address.", valueName: "url"))
    var issuer: String

    @Option(help: ArgumentHelp("The own certificate (PEM, with its chain), or env:NAME.", valueName: "file"))
    var cert: String

    @Option(help: ArgumentHelp("Its private key (PEM, mode 600), or env:NAME.", valueName: "file"))
    var key: String

    @Option(help: ArgumentHelp("The authorities that vouch for the issuer (PEM), or env:NAME.", valueName: "file"))
    var ca: String

    @Option(help: "The service the token is for.")
    var audience: String

    var files: TLSFiles {
        TLSFiles(certificate: PEMSource(cert), privateKey: PEMSource(key), ca: PEMSource(ca))
    }
}
