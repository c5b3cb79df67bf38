// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built alike: Swift 6 language mode, imports that say who may see them, and
/// strict memory safety, so that each unsafe operation is spelled `unsafe` and can be searched for.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioHTTPTypesHTTP2 = Target.Dependency.product(name: "NIOHTTPTypesHTTP2", package: "swift-nio-extras")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "countersign",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Countersign", targets: ["Countersign"]),
        .library(name: "CountersignHummingbird", targets: ["CountersignHummingbird"]),
        .library(name: "CountersignTLS", targets: ["CountersignTLS"]),
        .library(name: "CountersignClient", targets: ["CountersignClient"]),
        .library(name: "CountersignTesting", targets: ["CountersignTesting"]),
        .executable(name: "countersign", targets: ["CountersignCLI"]),
        // Not for use elsewhere: Tests/Benchmarks measures what is in it.
        .library(name: "_CountersignIssuer", targets: ["CountersignIssuer"]),
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .systemLibrary(name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"]), .brew(["jansson"])]),
        .target(name: "CountersignCrypto", dependencies: ["COpenSSL"]),
        .target(name: "CountersignJSON", dependencies: ["CJansson"]),
        .target(name: "CountersignJOSE", dependencies: ["CountersignCrypto", "CountersignJSON"]),
        .target(name: "Countersign", dependencies: ["CountersignJOSE", "CountersignCrypto", "CountersignJSON"]),
        .target(name: "CountersignTLS", dependencies: ["CountersignCrypto", nioCore, nioPosix, nioTLS, nioSSL]),
        .target(
            name: "CountersignHummingbird",
            dependencies: [
                "Countersign", "CountersignCrypto", "CountersignTLS", hummingbird, hummingbirdCore, httpTypes, nioCore, nioSSL,
                nioHTTP1, nioHTTP2, nioHPACK, nioHTTPTypes, nioHTTPTypesHTTP1, nioHTTPTypesHTTP2, logging, serviceLifecycle,
            ]
        ),
        .target(
            name: "CountersignClient",
            dependencies: [
                "Countersign", "CountersignJOSE", "CountersignJSON", "CountersignCrypto", "CountersignTLS", asyncHTTPClient,
                httpTypes, nioCore, nioPosix, nioSSL, nioTLS, nioHTTP1, logging, serviceLifecycle,
            ]
        ),
        .target(name: "CountersignFiles"),
        .target(name: "CountersignPKI", dependencies: ["CountersignCrypto", "CountersignFiles"]),
        .target(
            name: "CountersignIssuer",
            dependencies: [
                "Countersign", "CountersignJOSE", "CountersignJSON", "CountersignCrypto", "CountersignTLS", "CountersignFiles",
                "CountersignHummingbird", hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTP1, nioPosix, logging,
                serviceLifecycle, unixSignals, yams,
            ]
        ),
        .executableTarget(
            name: "CountersignCLI",
            dependencies: [
                "Countersign", "CountersignJOSE", "CountersignJSON", "CountersignCrypto", "CountersignTLS",
                "CountersignHummingbird", "CountersignClient", "CountersignPKI", "CountersignIssuer", "CountersignFiles",
                asyncHTTPClient, hummingbird, hummingbirdCore, httpTypes,
                argumentParser, histogram, logging, nioCore, nioHTTP1, nioPosix, nioSSL, serviceLifecycle, unixSignals,
            ]
        ),
        .target(
            name: "CountersignTesting",
            dependencies: ["Countersign", "CountersignJOSE", "CountersignCrypto", "CountersignPKI"]
        ),
        .testTarget(name: "CountersignCryptoTests", dependencies: ["CountersignCrypto", "CountersignTesting"]),
        .testTarget(name: "CountersignJSONTests", dependencies: ["CountersignJSON"]),
        .testTarget(name: "CountersignJOSETests", dependencies: ["CountersignJOSE", "CountersignJSON", "CountersignCrypto"]),
        .testTarget(
            name: "CountersignTests",
            dependencies: ["Countersign", "CountersignTesting", "CountersignJOSE", "CountersignJSON", "CountersignCrypto"]
        ),
        .testTarget(
            name: "AttackTests",
            dependencies: ["Countersign", "CountersignTesting", "CountersignJOSE", "CountersignJSON", "CountersignCrypto"]
        ),
        .testTarget(
            name: "CountersignHummingbirdTests",
            dependencies: [
                "CountersignHummingbird", "CountersignTLS", "Countersign", "CountersignTesting", "CountersignCrypto", hummingbird,
                asyncHTTPClient, httpTypes, nioCore, nioEmbedded, nioHTTPTypes, nioPosix, nioSSL, logging, serviceLifecycle,
            ]
        ),
        .testTarget(
            name: "CountersignClientTests",
            dependencies: [
                "CountersignClient", "CountersignHummingbird", "CountersignTLS", "Countersign", "CountersignTesting",
                "CountersignJOSE", "CountersignJSON", "CountersignCrypto", asyncHTTPClient, httpTypes, hummingbird, nioCore,
                nioPosix,
                nioSSL,
                logging, serviceLifecycle,
            ]
        ),
        .testTarget(
            name: "CountersignPKITests",
            dependencies: ["CountersignPKI", "CountersignFiles", "CountersignTesting", "CountersignCrypto"]
        ),
        .testTarget(
            name: "CountersignIssuerTests",
            dependencies: [
                "CountersignIssuer", "Countersign", "CountersignClient", "CountersignTesting", "CountersignJOSE",
                "CountersignJSON", "CountersignCrypto", "CountersignTLS", "CountersignFiles", httpTypes, hummingbird, logging,
                serviceLifecycle,
            ]
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "CountersignCLI", "CountersignTesting", "CountersignPKI", "CountersignIssuer", "CountersignClient",
                "CountersignHummingbird", "CountersignTLS", "Countersign", "CountersignJOSE", "CountersignJSON",
                "CountersignCrypto", asyncHTTPClient, httpTypes, hummingbird, logging, nioCore, nioHTTP1, nioPosix, nioSSL,
                serviceLifecycle, unixSignals,
            ]
        ),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = settings
}
