public import Drivers
public import UpgradeMachine

/// Backups, and the data of an application in `DIRECTORY/data/app.db`.
public struct DataWork {
    public static let name = "board-up-1-before-1"
    public let plan: Plan
    private let driver: SQLiteDriver

    public init(in directory: String) {
        let settings = SQLiteDatabase(path: "\(directory)/data/app.db")
        driver = SQLiteDriver(settings: settings)
        plan = .forDiskWork(
            in: directory, candidate: Release(version: "2", reference: "-", digest: "sha256:2"),
            database: .sqlite(settings: settings))
    }

    private var context: Context { Context(plan: plan, report: { _ in }) }
    public var store: BackupStore { BackupStore(plan) }

    /// Bytes that do not compress, so that they come to the disk in several writes.
    public static let dumped: [UInt8] = {
        var state: UInt32 = 1
        return (0..<400_000).map { _ in
            // xorshift32 (Marsaglia, 2003).
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            return UInt8(truncatingIfNeeded: state)
        }
    }()

    /// As a dump comes from a database's tool: part by part.
    public func dump() throws {
        let writer = try store.writer(name: Self.name, fileExtension: "sql")
        try Self.dumped.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: 65_536) {
                let end = min(start + 65_536, bytes.count)
                try writer.write(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
        }
        let fingerprint = Fingerprint(digest: "d", tables: 1, rows: 2, isExact: true)
        let backup = try writer.finish(
            BackupContent(
                fingerprint: fingerprint, tables: [], position: nil, server: "server",
                tool: "tool"))
        Acknowledgement.give(backup.sha256)
    }

    public func backUp() async throws {
        for effect in [Effect.raiseFence, .backUp(name: Self.name)] {
            Acknowledgement.give(try await driver.perform(effect, in: context).step.rawValue)
        }
    }

    public func restore() async throws {
        guard case .present(let backup) = try await store.find(Self.name) else {
            throw Failure(code: "test", message: "there is no backup", advice: "")
        }
        _ = try await driver.perform(.restoreData(from: backup), in: context)
    }

    /// The data as it is now.
    public func fingerprint() async throws -> Fingerprint {
        try await driver.fingerprint(in: context)
    }

    /// What a resumed upgrade does first, and then goes on to.
    public func observeRestore(of backup: Backup) async throws -> Observation {
        try await driver.observe(.restoreData(from: backup), in: context)
    }
}

extension Plan {
    /// As little as the drivers look at.
    static func forDiskWork(
        in directory: String, candidate: Release, database: Database = .none
    ) -> Plan {
        let runtime = HostRuntime(
            directory: "\(directory)/app", start: ["true"], stop: ["true"], status: ["true"],
            logFile: nil)
        return Plan(
            upgrade: "up-1", instance: "board",
            current: Release(
                version: "1.0.0", reference: "\(directory)/app/releases/1.0.0",
                digest: "sha256:1"),
            candidate: candidate, runtime: .host(settings: runtime), database: database,
            fence: .hold, backups: "\(directory)/state/backups/board", checks: [], steadyFor: 0,
            limits: Limits())
    }
}
