/// What NIOSSL says, for people.
enum TLSWords {
    /// The names of the reasons in a text of BoringSSL; of any other text its beginning.
    static func reasons(in words: String) -> String {
        let names = words.split(separator: "OPENSSL_internal:").dropFirst().map { $0.prefix { $0 != " " && $0 != "]" } }
        return names.isEmpty ? String(words.prefix(200)) : names.joined(separator: ", ")
    }
}
