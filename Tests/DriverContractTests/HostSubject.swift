import DriverContract
import Drivers
import Foundation
import UpgradeMachine

/// An application of shell scripts with an SQLite database, in a directory of its own.
///
/// The second release adds a table when it is started.
final class HostSubject: Sendable {
    private static let scripts = [
        "start": """
        #!/bin/sh
        test "$(cat RELEASE)" = 1.0.0 || sqlite3 ../../data/app.db "CREATE TABLE new (x)"
        setsid nohup ./loop >/dev/null 2>&1 & echo $! > ../../pid
        """,
        "loop": """
        #!/bin/sh
        i=0; while [ $i -lt 2400 ]; do i=$((i + 1)); sleep 0.05; done
        """,
        "stop": """
        #!/bin/sh
        test -f ../../pid || exit 1
        kill "$(cat ../../pid)"; while ./status; do sleep 0.02; done; rm ../../pid
        """,
        "status": """
        #!/bin/sh
        test -f ../../pid || exit 3
        grep -q loop "/proc/$(cat ../../pid)/cmdline" 2>/dev/null && echo runs || exit 3
        """,
    ]

    private let directory: String
    private let runtime: HostRuntime
    let plan: Plan

    init() async throws {
        directory =
            FileManager.default.temporaryDirectory
            .appending(path: "contract-\(UUID().uuidString)").path
        runtime = HostRuntime(
            directory: directory, start: ["./start"], stop: ["./stop"], status: ["./status"],
            logFile: nil)
        try Self.lay(out: "1.0.0", in: "\(directory)/releases/1.0.0")
        try FileManager.default.createSymbolicLink(
            atPath: "\(directory)/current", withDestinationPath: "releases/1.0.0")
        try Self.lay(out: "2.0.0", in: "\(directory)/stage")
        try FileManager.default.createDirectory(
            atPath: "\(directory)/data", withIntermediateDirectories: true)
        let database = "\(directory)/data/app.db"
        let archive = "\(directory)/2.0.0.tar.gz"
        try await Self.run(["tar", "-czf", archive, "-C", "\(directory)/stage", "."])
        try await Self.run([
            "sqlite3", database, "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)",
        ])
        plan = Plan(
            // An upgrade of its own: its tag must not end what a test beside this one runs.
            upgrade: "up-\(UUID().uuidString)", instance: "board",
            current: try HostService.currentRelease(runtime),
            candidate: try HostService.candidate(archive: archive, version: "2.0.0"),
            runtime: .host(settings: runtime),
            database: .sqlite(settings: SQLiteDatabase(path: database)), fence: .hold,
            backups: "\(directory)/backups", checks: [], steadyFor: 0,
            limits: Limits(stop: 20, start: 20, verify: 20))
        try await Self.run(["./start"], in: "\(directory)/current")
    }

    private static func lay(out version: String, in path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in scripts.merging(["RELEASE": version], uniquingKeysWith: { $1 }) {
            try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: "\(path)/\(name)")
        }
    }

    struct Failed: Error { let text: String }

    private static func run(_ arguments: [String], in place: String = "/") async throws {
        let result = try await Command(arguments, in: place, limit: .seconds(20)).run()
        guard result.isSuccess else { throw Failed(text: "\(arguments): \(result.output)") }
    }

    /// Ends the application and removes the directory.
    func remove() async throws {
        _ = try await Command(["./stop"], in: "\(directory)/current", limit: .seconds(20)).run()
        try FileManager.default.removeItem(atPath: directory)
    }

    func makeDriver() throws -> any Driver {
        let service = HostService(settings: runtime)
        guard case .sqlite(let settings) = plan.database else { throw Failed(text: "no database") }
        return InPlaceDriver(
            service: service, database: SQLiteDriver(settings: settings),
            verification: Verification(service: service))
    }

    /// Every file with its size and the time that it was written, and where links lead.
    func picture() throws -> String {
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory)
        return try names.sorted().map { name in
            let path = "\(directory)/\(name)"
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            if attributes[.type] as? FileAttributeType == .typeSymbolicLink {
                let target = try FileManager.default.destinationOfSymbolicLink(atPath: path)
                return "\(name) leads to \(target)"
            }
            if attributes[.type] as? FileAttributeType == .typeDirectory { return name }
            return "\(name) \(attributes[.size] ?? 0) \(attributes[.modificationDate] ?? 0)"
        }.joined(separator: "\n")
    }

    /// What a crash would leave, by the names that the drivers' own tests know as well.
    func tear(_ effect: Effect) throws -> Bool {
        switch effect {
        case .pull:
            let partial = "\(directory)/releases/.2.0.0.\(plan.upgrade).partial"
            try FileManager.default.createDirectory(
                atPath: partial, withIntermediateDirectories: true)
            try write("half", to: "\(partial)/start")
        case .backUp(let name), .saveData(let name):
            try FileManager.default.createDirectory(
                atPath: plan.backups, withIntermediateDirectories: true)
            try write("half", to: "\(plan.backups)/\(name).sqlite.zst.partial")
        case .restoreData: try write("half", to: "\(directory)/data/.app.db.pawl-restore")
        default: return false
        }
        return true
    }

    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }
}
