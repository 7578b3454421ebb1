internal import GRDB
internal import Glibc
internal import HTTPClient
internal import Synchronization
public import UpgradeMachine

/// The data of an application that keeps it in an SQLite file.
///
/// Works while the application runs: SQLite's own locks keep the two apart. One driver serves one
/// upgrade, since it holds the fence.
public final class SQLiteDriver: DatabaseDriver {
    let file: SQLiteFile
    private let fence: SQLiteFence

    public init(settings: SQLiteDatabase) {
        file = SQLiteFile(path: settings.path)
        fence = SQLiteFence(file: file)
    }

    // MARK: DatabaseDriver

    public func position(in context: Context) async throws(Failure) -> Position {
        try await content().position
    }

    public func fingerprint(in context: Context) async throws(Failure) -> Fingerprint {
        try await content().fingerprint
    }

    func content() async throws(Failure) -> SQLiteFingerprint {
        try await Blocking.attempt { [file] stop throws(Failure) in
            let queue = try file.open(readOnly: true, stop: stop)
            return try SQLiteFingerprint(of: file, queue, stop: stop)
        }
    }

    public func survey(in context: Context) async throws(Failure) -> DatabaseSurvey {
        try await Blocking.attempt { [file] stop throws(Failure) in
            let queue = try file.open(readOnly: true, stop: stop)
            return try file.perform("survey") {
                try queue.read { database in
                    let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
                    let size = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
                    let tables = try Int.fetchOne(
                        database, sql: "SELECT count(*) FROM sqlite_schema WHERE type = 'table'")
                    let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode")
                    var findings = try Self.unreadable(database)
                    if mode == "off" || mode == "memory" {
                        findings.append(
                            PlanFinding(
                                .warning,
                                "journal_mode is \(mode ?? ""): a crash of the application "
                                    + "damages it"))
                    }
                    return DatabaseSurvey(
                        server: SQLiteFile.server, sizeInBytes: pages * size,
                        // The copy that a backup is made from.
                        scratchInBytes: pages * size + (1 << 20), tables: tables ?? 0,
                        findings: findings)
                }
            }
        }
    }

    /// What only the application's own SQLite can work with: its collations, functions, modules.
    ///
    /// The check of a backup needs them all, and to compile it tells what is missing.
    private static func unreadable(_ database: GRDB.Database) throws -> [PlanFinding] {
        do {
            _ = try database.makeStatement(sql: "EXPLAIN \(SQLiteFile.quickCheck)")
            return []
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            return [
                PlanFinding(
                    .refusal,
                    "a backup cannot be checked, since the database needs what the application "
                        + "brings to its own SQLite: \(error.message ?? "\(error)")",
                    advice: "have the application back up its database itself, and leave database "
                        + "out of the configuration")
            ]
        }
    }

    // MARK: Driver

    /// There is nothing to end: all is done in Pawl's own process, and its locks go with it.
    public func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {}

    public func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation {
        switch effect {
        case .raiseFence:
            guard fence.isHeld else { return .absent }
            return .present(.fenceRaised(position: try await position(in: context)))
        case .liftFence(let proven):
            guard !fence.isHeld else { return .absent }
            guard let proven, try await position(in: context) != proven else {
                return .present(.fenceLifted)
            }
            return .absent
        case .backUp(let name):
            return try await observeBackup(name, in: context) { .backedUp(backup: $0) }
        case .saveData(let name):
            return try await observeBackup(name, in: context) { .dataSaved(backup: $0) }
        case .restoreData(let backup): return try await observeRestore(backup)
        case .loadDump: return try observeLoad()
        default: throw .notADatabasesMatter(effect)
        }
    }

    public func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        switch effect {
        case .raiseFence:
            try await fence.raise()
            return .fenceRaised(position: try await position(in: context))
        case .liftFence(let proven):
            if let proven { try await prove(proven, in: context) }
            fence.lift()
            return .fenceLifted
        case .backUp(let name):
            guard context.plan.fence != .hold || fence.isHeld else { throw .sqliteFenceLost(file) }
            return .backedUp(backup: try await backUp(name, in: context))
        case .saveData(let name): return try await saveData(name, in: context)
        case .restoreData(let backup): return try await restore(backup, in: context)
        case .loadDump(let dump):
            return .dumpLoaded(fingerprint: try await load(dump, in: context))
        default: throw .notADatabasesMatter(effect)
        }
    }

    public func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        switch effect {
        case .backUp(let name), .saveData(let name):
            try removeScratch(backupScratch(name, in: context))
            try await BackupStore(context.plan).clear(name)
        case .restoreData, .loadDump: try removeScratch(try restoreScratch())
        default: return
        }
    }

    /// Before the fence goes, and whether it stood or not: nothing was written since.
    private func prove(_ proven: Position, in context: Context) async throws(Failure) {
        let now = try await position(in: context)
        guard now != proven else { return }
        throw Failure(
            code: "written-after-backup",
            message: "\(file.path) was written after its backup: \(now.text), not \(proven.text)",
            advice: "find the other writer: all have to stop before the backup counts",
            isPermanent: true)
    }

    private func observeBackup(
        _ name: String, in context: Context, _ receipt: (Backup) -> Receipt
    ) async throws(Failure) -> Observation {
        switch try await BackupStore(context.plan).find(name) {
        case .present(let backup): return .present(receipt(backup))
        case .torn(let detail): return .torn(detail: detail)
        case .absent: return .absent
        }
    }

    /// What the migrated data is, where it can be saved.
    private func saveData(_ name: String, in context: Context) async throws(Failure) -> Receipt {
        do throws(Failure) {
            do throws(Failure) {
                return .dataSaved(backup: try await backUp(name, in: context))
            } catch  where SQLiteFile.isUnreadable(error) && !fence.isHeld {
                context.report(.note("the files are saved as they are: \(error.message)"))
                return .dataSaved(backup: try await archive(name, because: error, in: context))
            }
        } catch  where context.plan.mayLoseMigratedData && error.isPermanent {
            context.report(.note("the migrated data is not saved: \(error.message)"))
            return .dataSaved(backup: nil)
        }
    }
}

/// A transaction of ours that no other writer can begin beside; readers go on.
///
/// Source: `BEGIN IMMEDIATE`, https://www.sqlite.org/lang_transaction.html
final class SQLiteFence: Sendable {
    private let file: SQLiteFile
    private let held = Mutex<DatabaseQueue?>(nil)

    init(file: SQLiteFile) { self.file = file }

    var isHeld: Bool { held.withLock { $0 != nil } }

    func raise() async throws(Failure) {
        guard !isHeld else { return }
        try await Blocking.attempt { [file, self] stop throws(Failure) in
            let queue = try file.open(readOnly: false, stop: stop, mayStayInTransaction: true)
            try file.perform("lock") {
                try queue.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
            }
            held.withLock { $0 = queue }
        }
    }

    func lift() {
        // Its transaction wrote nothing; closing the connection ends it all the same.
        let queue = held.withLock { held in
            defer { held = nil }
            return held
        }
        try? queue?.inDatabase { try $0.execute(sql: "ROLLBACK") }
        try? queue?.close()
    }
}

extension Failure {
    fileprivate static func notADatabasesMatter(_ effect: Effect) -> Failure {
        Failure(
            code: "wrong-driver", message: "SQLite was asked for \(effect.step.rawValue)",
            advice: "this is a defect of Pawl: please report it", isPermanent: true)
    }

    fileprivate static func sqliteFenceLost(_ file: SQLiteFile) -> Failure {
        Failure(
            code: "fence-lost",
            message: "the lock that kept others from writing \(file.path) is not held",
            advice: "nothing to do: the fence is raised again and the backup taken anew")
    }
}
