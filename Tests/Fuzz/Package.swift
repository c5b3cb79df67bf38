// swift-tools-version: 6.2
import PackageDescription

// A package of its own: everything in it is built with -sanitize=fuzzer,address (docs/security/fuzzing.md). It has the sources of
// the modules whose parsers a peer's bytes reach, by links, so that nothing else has to be built in this way.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]

let package = Package(
    name: "countersign-fuzz",
    platforms: [.macOS(.v15)],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CJansson", pkgConfig: "jansson"),
        .target(name: "CountersignCrypto", dependencies: ["COpenSSL"]),
        .target(name: "CountersignJSON", dependencies: ["CJansson"]),
        .target(name: "CountersignJOSE", dependencies: ["CountersignCrypto", "CountersignJSON"]),
        .target(name: "Countersign", dependencies: ["CountersignJOSE", "CountersignCrypto", "CountersignJSON"]),
        .target(name: "CountersignFiles"),
        .target(name: "CountersignPKI", dependencies: ["CountersignCrypto", "CountersignFiles"]),
        .target(
            name: "CountersignTesting", dependencies: ["Countersign", "CountersignJOSE", "CountersignCrypto", "CountersignPKI"]
        ),
        // The files of CountersignIssuer that read a form.
        .target(name: "IssuerForm", dependencies: ["CountersignCrypto", "CountersignJSON"]),
        .target(name: "CLibFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CLibFuzzer", "Countersign", "CountersignJOSE", "CountersignJSON", "CountersignCrypto", "CountersignTesting",
                "IssuerForm",
            ]
        ),
    ]
)

for target in package.targets where target.type != .system && target.name != "CLibFuzzer" {
    target.swiftSettings = settings
}
