import Countersign
import CountersignCrypto
import CountersignJOSE
import CountersignTesting
import Foundation

/// Real material for each parser, made afresh: tokens, claims, key sets, certificates, lists, names, forms.
struct Seeds {
    private let directory: URL

    /// Writes `PATH/PARSER/NAME`.
    static func write(to path: String) throws {
        let seeds = Seeds(directory: URL(fileURLWithPath: path))
        let authority = try TestAuthority()
        let issuer = try TestIssuer()
        let services = try [
            authority.issue("user-svc"), authority.issue("rsa-svc", keyKind: .rsa2048),
            authority.intermediate().issue("below-svc"),
            authority.issue(
                "many-svc",
                names: [
                    .dns("a.link.internal"), .uri("spiffe://link.internal/service/many-svc"), .email("a@link.internal"),
                    .ip([127, 0, 0, 1]),
                ]
            ),
        ]

        for (number, service) in services.enumerated() {
            let claims = issuer.claims(
                for: service, service: "user-svc", audience: "search-svc", roles: ["reader", "writer"], scope: ["search:read"])
            let token = try CompactJWS(Array(issuer.token(claims).utf8))
            try seeds.write(Array(issuer.token(claims).utf8), "token", "token\(number)")
            try seeds.write(token.payload, "token", "claims\(number)")
            try seeds.write(token.header, "token", "header\(number)")
            try seeds.write(token.payload, "json", "claims\(number)")
            try seeds.write(service.certificate.der, "certificate", "leaf\(number)")
            try seeds.write(Array(service.certificate.pem.utf8), "certificate", "pem\(number)")
            try seeds.write(Array(service.certificate.subject.description.utf8), "name", "subject\(number)")
        }
        try seeds.write(authority.certificate.der, "certificate", "root")
        try seeds.write(issuer.keys.json, "jwks", "one")
        try seeds.write(issuer.keys.json, "json", "jwks")
        try seeds.write(JWKSet(issuer.keys.keys + [JWK(RSAPrivateKey.generate(bitCount: 3072).publicKey)]).json, "jwks", "two")
        try seeds.write(Array(#"{"a":[1,-2.5e3,true,null,"\u00e9\n",{"b":""}]}"#.utf8), "json", "kinds")
        for (number, lists) in [[], [services[0].certificate], services.map(\.certificate)].enumerated() {
            let list = try authority.revocationList(revoking: lists)
            try seeds.write(list.der, "crl", "list\(number)")
            try seeds.write(Array(list.pem.utf8), "crl", "pem\(number)")
        }
        for (number, name) in [
            #"CN=a\,b+OU=c,O=Link Service"#, #"1.2.3.4=#0c0161,CN=\23x\20"#, "spiffe://link.internal/service/user-svc",
            #"CN=\c3\a9"#,
        ].enumerated() {
            try seeds.write(Array(name.utf8), "name", "text\(number)")
        }
        for (number, form) in [
            "grant_type=client_credentials&audience=search-svc",
            "grant_type=client_credentials&resource=https%3A%2F%2Fa%2F&scope=a+b",
            "grant_type=client_credentials&audience=x&lifetime=60&client_id=user-svc&=&a", "client_secret=%C3%A9",
        ].enumerated() {
            try seeds.write(Array(form.utf8), "form", "form\(number)")
        }
    }

    private func write(_ bytes: [UInt8], _ parser: String, _ name: String) throws {
        let folder = directory.appendingPathComponent(parser)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: folder.appendingPathComponent(name))
    }
}
