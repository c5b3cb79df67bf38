// The vocabulary of this module's public signatures: certificates, names, time, keys. A receiver imports one module.
@_exported import CountersignCrypto
@_exported import CountersignJOSE
