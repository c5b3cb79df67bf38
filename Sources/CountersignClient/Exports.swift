// The vocabulary of this module's public signatures: certificates, time, claims, TLS files. A caller imports one module.
@_exported import CountersignCrypto
@_exported import CountersignJOSE
@_exported import CountersignTLS
