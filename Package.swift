// swift-tools-version: 6.2
import PackageDescription

/// `FERRY_EMBEDDED=1` builds only the client library, as Embedded Swift (docs/adr/0002).
let embedded = Context.environment["FERRY_EMBEDDED"] == "1"

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// For targets that see both `CLinux`, which shows all of glibc, and Swift's `Glibc`: one view.
let gnu: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-D_GNU_SOURCE"])]

/// Settings of everything that also goes into the client library.
let portable: [SwiftSetting] =
    strict
    + (embedded
        ? [
            .enableExperimentalFeature("Embedded"),
            // What Embedded Swift would check at run time is a call of an empty function.
            .unsafeFlags(["-wmo", "-enforce-exclusivity=unchecked"]),
        ] : [])

/// Of `Wire`, whose constants and records each call on a server needs: without it nothing that is `package` and not
/// public is inlined in another module, not even a constant. On one module only: two of them would each define what
/// they specialise of the standard library. Embedded Swift does so anyway.
let inlined: [SwiftSetting] =
    embedded ? [] : [.unsafeFlags(["-enable-cmo-everything"], .when(configuration: .release))]

/// The soft GPU's inner loops: optimised in debug builds too, with the vector unit that every
/// x86-64 server of the last ten years has (docs/adr/0003).
let lanes: [SwiftSetting] =
    strict + [.unsafeFlags(["-Ounchecked", "-wmo", "-Xcc", "-march=x86-64-v3"])]

/// Linker flags of a library that stands in for a driver library.
func driverLibrary(soname: String, map: String) -> [LinkerSetting] {
    let here = Context.packageDirectory
    let runtime =
        embedded
        ? ["-enable-experimental-feature", "Embedded", "-Xlinker", "-lm"]
        : ["-static-stdlib", "-L\(here)/build/link"]
    return [
        .unsafeFlags(
            runtime + [
                "-use-ld=lld",
                "-Xlinker", "-soname=\(soname)",
                "-Xlinker", "--version-script=\(here)/packaging/linker/\(map)",
                "-Xlinker", "-z", "-Xlinker", "defs",
                "-Xlinker", "-z", "-Xlinker", "now",
                "-Xlinker", "-z", "-Xlinker", "nodelete",
                "-Xlinker", "-Bsymbolic",
                "-Xlinker", "--gc-sections", "-Xlinker", "--icf=safe",
            ],
            .when(configuration: .release)
        )
    ]
}

/// Linker flags of a program that needs nothing but glibc (docs/adr/0008). Not `--static-swift-stdlib`,
/// which would compile everything once more, because tests cannot be linked that way.
///
/// - Parameter libraries: static libraries behind those that the compiler names by itself, when it
///   takes the runtime for a shared one.
func standalone(_ libraries: [String] = []) -> [LinkerSetting] {
    let own = [
        "-static-stdlib", "-L\(Context.packageDirectory)/build/link", "-use-ld=lld",
        "-Xlinker", "--gc-sections", "-Xlinker", "--icf=safe",
    ]
    return [.unsafeFlags(own + libraries.map { "-l\($0)" })]
}

// MARK: - What the client library is made of

let clientTargets: [Target] = [
    .target(name: "CUDAABI", path: "Sources/C/CUDAABI"),
    .target(
        name: "CGlibc",
        path: "Sources/C/CGlibc",
        cSettings: [.unsafeFlags(["-fno-builtin", "-ffunction-sections", "-fdata-sections"])],
        linkerSettings: [
            .unsafeFlags(
                ["--no-as-needed", "-l:libpthread.so.0", "-l:libdl.so.2"].flatMap {
                    ["-Xlinker", $0]
                }
            )
        ]
    ),
    .target(name: "CLinux", dependencies: ["CGlibc"], path: "Sources/C/CLinux"),
    // OpenSSL inside, where nobody else sees it (docs/adr/0010).
    .target(
        name: "CTLS",
        dependencies: ["CGlibc"],
        path: "Sources/C/CTLS",
        linkerSettings: [
            .unsafeFlags(
                ["-l:libssl.a", "-l:libcrypto.a", "--exclude-libs=libssl.a:libcrypto.a"].flatMap {
                    ["-Xlinker", $0]
                }
            )
        ]
    ),
    .target(name: "NVMLABI", path: "Sources/C/NVMLABI"),
    .target(
        name: "NVML",
        dependencies: ["CLinux", "NVMLABI"],
        swiftSettings: portable + gnu
    ),
    .target(name: "CProcTable", dependencies: ["CUDAABI"], path: "Sources/C/CProcTable"),
    .target(name: "Driver", dependencies: ["CUDAABI"], swiftSettings: portable),
    .target(
        name: "DriverFrontend",
        dependencies: ["CUDAABI", "CLinux", "Driver"],
        swiftSettings: portable
    ),
    .target(
        name: "CHash",
        path: "Sources/C/CHash",
        linkerSettings: [
            .unsafeFlags(
                ["-l:libcrypto.a", "--exclude-libs=libcrypto.a"].flatMap { ["-Xlinker", $0] }
            )
        ]
    ),
    .target(
        name: "CPacking",
        path: "Sources/C/CPacking",
        linkerSettings: [.unsafeFlags(["-Xlinker", "-l:liblz4.a"])]
    ),
    .target(name: "Wire", dependencies: ["CHash", "Driver"], swiftSettings: portable + inlined),
    .target(
        name: "Transport",
        dependencies: ["CLinux", "CPacking", "CTLS", "Wire"],
        swiftSettings: portable
    ),
    .target(
        name: "Client",
        dependencies: [
            "CUDAABI", "NVMLABI", "CLinux", "Driver", "DriverFrontend", "Wire", "Transport",
        ],
        swiftSettings: portable + gnu
    ),
    .target(
        name: "CUDAShim",
        dependencies: [
            "CUDAABI", "CProcTable", "Driver", "DriverFrontend", "Client", "NVML", "NVMLABI",
        ],
        swiftSettings: portable + gnu,
        linkerSettings: driverLibrary(soname: "libcuda.so.1", map: "client.map")
    ),
]

// MARK: - Servers, tools and the software GPU

let hummingbird: [Target.Dependency] = [
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "HummingbirdTLS", package: "hummingbird"),
]

let serverTargets: [Target] = [
    .target(
        name: "CLanes",
        path: "Sources/C/CLanes",
        cSettings: [.unsafeFlags(["-march=x86-64-v3", "-O2"])],
        linkerSettings: [.linkedLibrary("m")]
    ),
    .target(
        name: "CCompression",
        path: "Sources/C/CCompression",
        linkerSettings: [.unsafeFlags(["-Xlinker", "-l:libzstd.a"])]
    ),
    .target(name: "SoftDevice", dependencies: ["CLinux"], swiftSettings: strict),
    .target(name: "CWorker", path: "Sources/C/CWorker"),
    .target(
        name: "Worker",
        dependencies: ["CUDAABI", "CLinux", "CWorker", "Driver", "Wire", "Transport"],
        swiftSettings: strict
    ),
    .executableTarget(
        name: "FerryWorker",
        dependencies: ["Worker", "CLinux", "Version"],
        swiftSettings: strict,
        linkerSettings: standalone()
    ),
    .target(name: "PTX", swiftSettings: strict + [.unsafeFlags(["-O", "-wmo"])]),
    .target(name: "Lanes", dependencies: ["CLanes"], swiftSettings: lanes),
    .target(
        name: "SoftGPU",
        dependencies: [
            "CUDAABI", "CLinux", "CLanes", "CCompression", "CPacking", "Driver", "DriverFrontend",
            "PTX",
            "Lanes", "SoftDevice",
        ],
        // _GNU_SOURCE, so that the standard library's view of the C headers agrees with CLinux's.
        swiftSettings: strict + [
            .unsafeFlags(["-O", "-wmo", "-Xcc", "-march=x86-64-v3", "-Xcc", "-D_GNU_SOURCE"])
        ]
    ),
    .target(
        name: "SoftCUDA",
        dependencies: ["CUDAABI", "CLinux", "CProcTable", "Driver", "DriverFrontend", "SoftGPU"],
        swiftSettings: strict + gnu,
        linkerSettings: driverLibrary(soname: "libcuda.so.1", map: "libcuda.map")
    ),
    .target(
        name: "SoftNVML",
        dependencies: ["NVML", "NVMLABI", "CLinux", "SoftDevice"],
        swiftSettings: strict + gnu,
        linkerSettings: driverLibrary(soname: "libnvidia-ml.so.1", map: "libnvidia-ml.map")
    ),
    .target(name: "CProcess", dependencies: ["CGlibc"], path: "Sources/C/CProcess"),
    .target(name: "Version", swiftSettings: strict),
    .target(name: "Pool", swiftSettings: strict),
    .target(
        name: "Store",
        dependencies: ["Pool", .product(name: "GRDB", package: "GRDB.swift")],
        swiftSettings: strict
    ),
    .target(
        name: "Server",
        dependencies: [
            "CProcess", "Pool", "Store", "Version", "Wire",
            .product(name: "Logging", package: "swift-log"),
            .product(name: "X509", package: "swift-certificates"),
            .product(name: "SwiftASN1", package: "swift-asn1"),
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ] + hummingbird,
        swiftSettings: strict
    ),
    .executableTarget(
        name: "Ferryd",
        dependencies: [
            "Server", "Version", "Wire",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Logging", package: "swift-log"),
        ],
        swiftSettings: strict,
        linkerSettings: standalone([
            "CoreFoundation", "_FoundationICU", "_FoundationCShims", "_FoundationCollections",
        ])
    ),
    .target(
        name: "CLI",
        dependencies: [
            "CProcess", "Driver", "Transport", "Version", "Wire",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
        ],
        swiftSettings: strict
    ),
    .executableTarget(
        name: "Ferry",
        dependencies: ["CLI", .product(name: "ArgumentParser", package: "swift-argument-parser")],
        swiftSettings: strict,
        linkerSettings: standalone(["_FoundationCShims", "_FoundationCollections"])
    ),
    .target(name: "Generator", swiftSettings: strict),
    .executableTarget(
        name: "Ferrygen",
        dependencies: [
            "Generator", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict
    ),
]

// MARK: - Tests mirror the modules

func tests(
    _ name: String,
    _ more: [Target.Dependency] = [],
    exclude: [String] = [],
    isOptimized: Bool = false
) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.target(name: name)] + more,
        exclude: exclude,
        // Much of a cold build's time is the optimiser's, and most tests gain nothing from it.
        swiftSettings: strict + gnu + (isOptimized ? [] : [.unsafeFlags(["-Onone"])])
    )
}

let testTargets: [Target] = [
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    .target(
        name: "CProcNames",
        dependencies: ["CUDAABI"],
        path: "Tests/Support/CProcNames",
        cSettings: [.headerSearchPath("../../../Sources/C/CProcTable/include")]
    ),
    .target(
        name: "TestSupport",
        dependencies: ["CLinux"],
        path: "Tests/Support/TestSupport",
        swiftSettings: strict + gnu
    ),
    tests("Driver"),
    tests("DriverFrontend", ["CProcNames", "CUDAABI", "CLinux", "Driver", "TestSupport"]),
    // These two look at many bytes.
    tests("Wire", ["Driver", "TestSupport"], isOptimized: true),
    tests("Transport", ["CLinux", "TestSupport", "Wire"], isOptimized: true),
    tests(
        "Client",
        [
            "CUDAABI", "CLinux", "Driver", "DriverFrontend", "TestSupport", "Transport", "Wire",
        ]
    ),
    tests("NVML", ["NVMLABI", "TestSupport"]),
    tests("Worker", ["Driver", "Wire", "Transport", "CUDAABI", "CLinux"]),
    tests("PTX"),
    tests("SoftDevice"),
    tests(
        "SoftGPU",
        ["PTX", "CLinux", "Driver", "CUDAABI", "SoftDevice"],
        exclude: ["Engine/Kernels"]
    ),
    tests("Pool"),
    tests("Store", ["Pool"]),
    tests(
        "Server",
        [
            "CTestSupport", "Pool", "Store", "Wire",
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"),
            .product(name: "X509", package: "swift-certificates"),
        ]
    ),
    tests("CLI", ["Server", "Transport", "Wire", .product(name: "Logging", package: "swift-log")]),
    tests("Generator"),
    .testTarget(name: "TidyTests", swiftSettings: strict),
]

let package = Package(
    name: "ferry",
    products: embedded
        ? [.library(name: "cuda", type: .dynamic, targets: ["CUDAShim"])]
        : [
            .executable(name: "ferry", targets: ["Ferry"]),
            .executable(name: "ferryd", targets: ["Ferryd"]),
            .executable(name: "ferry-worker", targets: ["FerryWorker"]),
            .executable(name: "ferrygen", targets: ["Ferrygen"]),
            .library(name: "cuda", type: .dynamic, targets: ["CUDAShim"]),
            .library(name: "softcuda", type: .dynamic, targets: ["SoftCUDA"]),
            .library(name: "softnvml", type: .dynamic, targets: ["SoftNVML"]),
        ],
    dependencies: embedded
        ? []
        : [
            .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
            .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
            .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
            .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
            .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
            .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
            .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
            .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
            .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
            .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
            .package(
                url: "https://github.com/hummingbird-project/hummingbird",
                from: "2.28.1"
            ),
            .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
            .package(
                url: "https://github.com/swift-server/swift-service-lifecycle",
                from: "2.13.0"
            ),
        ],
    targets: embedded ? clientTargets : clientTargets + serverTargets + testTargets
)
