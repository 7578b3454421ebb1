// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "pawl",
    products: [.executable(name: "pawl", targets: ["pawl"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
    ],
    targets: [
        // Libraries of the distribution: they cost nothing to build, and it patches them.
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev", "libssl-dev"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

        .target(name: "UpgradeMachine", swiftSettings: strict),
        .target(
            name: "Migrations", path: "migrations",
            resources: [.embedInCode("V0001_event_log.sql")], swiftSettings: strict),
        .target(name: "Digests", dependencies: ["COpenSSL"], swiftSettings: strict),
        .target(
            name: "EventLog", dependencies: ["UpgradeMachine", "Migrations", "Digests", grdb],
            swiftSettings: strict),
        .target(name: "HTTPClient", dependencies: ["CCurl"], swiftSettings: strict),
        .target(name: "DockerEngine", dependencies: ["HTTPClient"], swiftSettings: strict),
        .target(
            name: "Drivers",
            dependencies: [
                "UpgradeMachine", "DockerEngine", "HTTPClient", "Digests", "CZstd", grdb, sqlite,
                subprocess, systemPackage,
            ],
            swiftSettings: strict),
        .target(name: "Runner", dependencies: ["UpgradeMachine"], swiftSettings: strict),
        .target(name: "Settings", dependencies: ["UpgradeMachine", yams], swiftSettings: strict),
        .target(name: "Reports", dependencies: ["UpgradeMachine"], swiftSettings: strict),
        .executableTarget(
            name: "pawl",
            dependencies: [
                "UpgradeMachine", "EventLog", "Digests", "DockerEngine", "HTTPClient", "Drivers",
                "Runner", "Settings", "Reports", argumentParser,
            ],
            swiftSettings: strict),

        // Run by tools/bench; nobody else builds it.
        .executableTarget(
            name: "LogBenchmark", dependencies: ["EventLog", "Runner", "UpgradeMachine"],
            path: "tools/bench.d/LogBenchmark", swiftSettings: strict),

        // A seeded world in place of the real one, and the program that runs many upgrades in it.
        .target(
            name: "SimulatedWorld", dependencies: ["EventLog", "Runner", "UpgradeMachine"],
            path: "Tests/Support/SimulatedWorld", swiftSettings: strict),
        .executableTarget(
            name: "Simulate", dependencies: ["SimulatedWorld"],
            path: "Tests/Support/Simulate",
            swiftSettings: strict),
        .target(
            name: "DriverContract", dependencies: ["UpgradeMachine"],
            path: "Tests/Support/DriverContract", swiftSettings: strict),

        // Values of chance that shrink, and the core's own among them.
        .target(
            name: "PropertyTesting", path: "Tests/Support/PropertyTesting", swiftSettings: strict),
        .target(
            name: "GeneratedEvents", dependencies: ["PropertyTesting", "UpgradeMachine"],
            path: "Tests/Support/GeneratedEvents", swiftSettings: strict),

        // A disk whose calls are recorded, made to fail, or lost with the power; and what uses it.
        .target(
            name: "RecordedDisk", path: "Tests/Support/RecordedDisk", swiftSettings: strict),
        .target(
            name: "DiskWork", dependencies: ["EventLog", "Drivers", "UpgradeMachine", grdb],
            path: "Tests/Support/DiskWork", swiftSettings: strict),
        .executableTarget(
            name: "DiskSubject", dependencies: ["DiskWork"],
            path: "Tests/Support/DiskSubject", swiftSettings: strict),

        .testTarget(
            name: "PropertyTestingTests", dependencies: ["PropertyTesting"],
            swiftSettings: strict),
        .testTarget(
            name: "UpgradeMachineTests",
            dependencies: ["UpgradeMachine", "PropertyTesting", "GeneratedEvents"],
            swiftSettings: strict),
        .testTarget(
            name: "EventLogTests",
            dependencies: [
                "EventLog", "UpgradeMachine", "Digests", "PropertyTesting", "GeneratedEvents", grdb,
            ],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "RunnerTests", dependencies: ["Runner", "UpgradeMachine"],
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["SimulatedWorld", "EventLog", "UpgradeMachine"],
            swiftSettings: strict),
        .testTarget(
            name: "DriverContractTests",
            dependencies: ["DriverContract", "SimulatedWorld", "Drivers", "UpgradeMachine"],
            swiftSettings: strict),
        .testTarget(
            name: "SettingsTests", dependencies: ["Settings", "UpgradeMachine"],
            swiftSettings: strict),
        .testTarget(
            name: "HTTPClientTests", dependencies: ["HTTPClient"], swiftSettings: strict),
        .testTarget(
            name: "DockerEngineTests", dependencies: ["DockerEngine", "HTTPClient"],
            swiftSettings: strict),
        .testTarget(
            name: "DriversTests",
            dependencies: ["Drivers", "UpgradeMachine", "DockerEngine", "HTTPClient", "Digests"],
            swiftSettings: strict),
        // Runs a program that is built beside it under strace.
        .testTarget(
            name: "DiskFaultTests",
            dependencies: [
                "RecordedDisk", "DiskSubject", "DiskWork", "EventLog", "Drivers", "UpgradeMachine",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "LiveTests",
            dependencies: [
                "pawl", "Drivers", "DriverContract", "UpgradeMachine", "DockerEngine",
                "HTTPClient", "Digests", grdb,
            ],
            swiftSettings: strict),
        // Runs the program that is built beside it.
        .testTarget(
            name: "PawlTests", dependencies: ["pawl", "EventLog", "UpgradeMachine", grdb],
            swiftSettings: strict),
        .testTarget(
            name: "ReportsTests", dependencies: ["Reports", "UpgradeMachine"],
            exclude: ["Golden"], swiftSettings: strict),
    ]
)
