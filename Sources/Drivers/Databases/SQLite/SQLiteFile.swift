internal import GRDB
internal import GRDBSQLite
internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

/// An SQLite database file, opened the way a visitor does: nothing is created, nothing configured.
///
/// Nothing of Pawl opens the file itself beside SQLite: a `close(2)` of such a descriptor would
/// drop the locks that SQLite holds on it in this process (`fcntl(2)`), the fence among them.
struct SQLiteFile: Sendable {
    /// How long another's lock is waited for.
    static let lockWait = Duration.seconds(10)

    let path: String

    static var server: String { "SQLite \(String(cString: sqlite3_libversion()))" }

    /// Opens a connection, for one thread.
    ///
    /// Always for writing, since a journal that a crash left has to be played back before anybody
    /// can read; what only looks is told so by `query_only`.
    ///
    /// - Parameter stop: When raised, a lock is not waited for any longer.
    func open(
        readOnly: Bool, stop: StopFlag, mayStayInTransaction: Bool = false
    ) throws(Failure) -> DatabaseQueue {
        guard let status = try Files.followed(path), status.isRegular else { throw missing }
        var configuration = Configuration()
        let waitUntil = ContinuousClock.now + Self.lockWait
        configuration.busyMode = .callback { _ in
            guard !stop.isRaised, ContinuousClock.now < waitUntil else { return false }
            usleep(20_000)
            return true
        }
        configuration.allowsUnsafeTransactions = mayStayInTransaction
        configuration.prepareDatabase { database in
            // A database with functions of its own in views or triggers must not run them here.
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            if readOnly { try database.execute(sql: "PRAGMA query_only = ON") }
        }
        return try perform("open") { try DatabaseQueue(path: path, configuration: configuration) }
    }

    /// Does something with SQLite, and says what it was where it fails.
    func perform<Value>(_ what: String, _ work: () throws -> Value) throws(Failure) -> Value {
        do {
            return try work()
        } catch let error as Failure {
            throw error
        } catch let error as DatabaseError {
            throw failure(what, error)
        } catch {
            throw Failure(
                code: "database", message: "\(what) \(path): \(error)",
                advice: "look at the file with the sqlite3 shell")
        }
    }

    private var missing: Failure {
        Failure(
            code: "database-missing", message: "\(path) is not a file that is there",
            advice: "correct the path of the database in the configuration", isPermanent: true)
    }

    private func failure(_ what: String, _ error: DatabaseError) -> Failure {
        let (code, advice, isPermanent) = Self.meaning(of: error.resultCode)
        return Failure(
            code: code,
            message: "\(what) \(path): SQLite: \(error.message ?? "\(error.resultCode)")",
            advice: advice, isPermanent: isPermanent)
    }

    private static func meaning(of code: ResultCode) -> (String, String, Bool) {
        switch code {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            (
                "database-locked",
                "find what holds the lock (`fuser`); an application with locking_mode=EXCLUSIVE "
                    + "lets nobody else in while it runs", false
            )
        case .SQLITE_NOTADB:
            ("not-a-database", "correct the path; an encrypted database cannot be read", true)
        case .SQLITE_CORRUPT:
            ("database-damaged", "run `PRAGMA integrity_check`, and restore a good copy", true)
        case .SQLITE_FULL:
            ("disk-full", "make room on the disk of the database", true)
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            ("not-permitted", "let Pawl's user write the file and its directory", true)
        default:
            ("database", "look at the file with the sqlite3 shell, and at the kernel's log", false)
        }
    }

    static let quickCheck = "PRAGMA quick_check(1)"

    /// Whether a failure says that there is no database to read, as a candidate may leave it.
    static func isUnreadable(_ failure: Failure) -> Bool {
        ["database-missing", "not-a-database", "database-damaged"].contains(failure.code)
    }

    /// Refuses a damaged file.
    func quickCheck(_ queue: DatabaseQueue, stop: StopFlag) throws(Failure) {
        let answer = try perform("check") {
            try queue.inDatabase { try String.fetchOne($0, sql: Self.quickCheck) ?? "" }
        }
        guard answer == "ok" else {
            throw Failure(
                code: "database-damaged", message: "quick_check of \(path): \(answer)",
                advice: "run `PRAGMA integrity_check`, and restore a good copy", isPermanent: true)
        }
        guard !stop.isRaised else { throw .sqliteInterrupted(path) }
    }

    /// The files that SQLite keeps beside a database while it is in use, and after a crash.
    static let companions = ["-journal", "-wal", "-shm"]
}

extension Failure {
    static func sqliteInterrupted(_ path: String) -> Failure {
        Failure(
            code: "interrupted", message: "work on \(path) was ended on request",
            advice: "go on with `pawl resume`")
    }
}
