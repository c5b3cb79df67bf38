// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "countersign-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "countersign", path: "../.."),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        .executableTarget(
            name: "VerifyBenchmark",
            dependencies: [
                .product(name: "Countersign", package: "countersign"),
                .product(name: "CountersignTesting", package: "countersign"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
        .executableTarget(
            name: "TokenBenchmark",
            dependencies: [
                .product(name: "CountersignClient", package: "countersign"),
                .product(name: "CountersignTesting", package: "countersign"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
        .executableTarget(
            name: "LibraryBenchmark",
            dependencies: [
                .product(name: "Countersign", package: "countersign"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
    ]
)
