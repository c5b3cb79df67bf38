// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

func countersign(_ product: String) -> Target.Dependency { .product(name: product, package: "countersign") }

let package = Package(
    name: "countersign-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "countersign", path: "../.."),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        // Without its traits it needs no interposers; its counts of allocations and references are 0 then and say nothing.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .target(name: "CBenchmark", linkerSettings: [.linkedLibrary("crypto")]),
        .target(
            name: "Workloads",
            dependencies: [
                "CBenchmark", countersign("Countersign"), countersign("CountersignHummingbird"),
                countersign("CountersignTesting"),
                countersign("CountersignTLS"), countersign("_CountersignIssuer"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(name: "RatioBenchmark", dependencies: ["Workloads"], swiftSettings: settings),
        .executableTarget(name: "InstructionBenchmark", dependencies: ["Workloads", "CBenchmark"], swiftSettings: settings),
        .executableTarget(
            name: "TokenBenchmark",
            dependencies: [countersign("CountersignClient"), countersign("CountersignTesting")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "CountersignBenchmarks",
            dependencies: ["Workloads", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/CountersignBenchmarks",
            swiftSettings: settings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),
    ]
)
