import Foundation
import GRDB
import Migrations
import UpgradeMachine

/// The append-only log of everything that Pawl did and decided, one file per state directory.
///
/// A rollback journal with `synchronous=EXTRA`: a commit is on disk, its directory entry included,
/// before it is acknowledged (sqlite.org/pragma.html#pragma_synchronous).
public final class EventLog: Sendable {
    /// "Pawl" in ASCII, in the database's header (sqlite.org/fileformat2.html, offset 68).
    static let applicationID: Int32 = 0x5061_776C
    /// Rows in one reading transaction; a longer one would keep the writer waiting.
    static let rowsPerRead = 1000

    public let path: String
    let queue: DatabaseQueue

    /// What a log is opened for.
    public enum Purpose: Sendable {
        case reading, writing
    }

    /// Opens the log, and makes it where there is none and it is to be written.
    ///
    /// A foreign, damaged or newer file is refused before SQLite may change a byte of it. No other
    /// connection to the file may be open in this process: closing any descriptor of it drops the
    /// locks of all (fcntl(2)).
    public init(path: String, for purpose: Purpose) throws(EventLogError) {
        let header = try Header.read(from: path)
        let isToBeRolledBack = try header?.isToBeRolledBack(path: path) ?? false
        if !isToBeRolledBack { try header?.check(path: path) }
        if header == nil, purpose == .reading {
            throw Self.missing(path)
        }
        self.path = path
        do {
            queue = try DatabaseQueue(path: path, configuration: Self.configuration)
        } catch {
            throw Self.explained(error, path: path)
        }
        if isToBeRolledBack {
            _ = try read { try Int.fetchOne($0, sql: "PRAGMA schema_version") }
            try Header.read(from: path)?.check(path: path)
        }
        try prepare(for: purpose)
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { database in
            try database.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA synchronous = EXTRA;
                    """)
        }
        return configuration
    }

    private func prepare(for purpose: Purpose) throws(EventLogError) {
        do {
            if purpose == .writing {
                try queue.writeWithoutTransaction { database in
                    try database.execute(sql: "PRAGMA journal_mode = TRUNCATE")
                }
                try migrate()
                try quickCheck()
                try checkSchema()
                try makeNamesDurable()
            } else {
                try requireSchema()
            }
            try readBack(for: purpose)
        } catch let error as EventLogError {
            throw error
        } catch {
            throw Self.explained(error, path: path)
        }
    }

    /// Applies what the file lacks of the schema's history; `user_version` counts it.
    private func migrate() throws {
        try queue.write { database in
            let applied = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
            for migration in Migrations.all.dropFirst(applied) {
                try database.execute(sql: migration.sql)
            }
            if applied < Migrations.all.count {
                try database.execute(
                    sql: """
                        PRAGMA application_id = \(Self.applicationID);
                        PRAGMA user_version = \(Migrations.all.count);
                        """)
            }
        }
    }

    /// Until the first event: SQLite syncs the log's own directory and passes over a failure, and
    /// whoever made the directories may have been killed before their names were on disk.
    private func makeNamesDurable() throws {
        let isEmpty = try queue.read { database in
            try Int.fetchOne(database, sql: "SELECT max(seq) FROM event") == nil
        }
        if isEmpty { try Directories.sync(above: path) }
    }

    /// A crash in the making leaves a file without a table, which only a writer may complete.
    private func requireSchema() throws {
        let applied = try queue.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
        if applied == 0 { throw Self.missing(path) }
    }

    private static func missing(_ path: String) -> EventLogError {
        .unreadable(path: path, reason: "there is no log yet; nothing has been done")
    }

    private func quickCheck() throws {
        let answer = try queue.read { database in
            try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
        }
        guard answer == ["ok"] else {
            throw EventLogError.damaged(
                path: path, sequence: nil, found: answer.joined(separator: "; "))
        }
    }

    /// A pragma that did not take is silent, so each is asked for.
    private func readBack(for purpose: Purpose) throws {
        var expected = ["synchronous": "3", "foreign_keys": "1", "trusted_schema": "0"]
        if purpose == .writing { expected["journal_mode"] = "truncate" }
        try queue.read { database in
            for (setting, value) in expected.sorted(by: { $0.key < $1.key }) {
                let found = try String.fetchOne(database, sql: "PRAGMA \(setting)") ?? "nothing"
                guard found == value else {
                    throw EventLogError.notDurable(path: path, setting: setting, found: found)
                }
            }
        }
    }

    static func explained(_ error: any Error, path: String) -> EventLogError {
        if let error = error as? RowDecodingError {
            return .damaged(path: path, sequence: nil, found: "\(error)")
        }
        guard let error = error as? DatabaseError else {
            return .unreadable(path: path, reason: "\(error)")
        }
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return .damaged(path: path, sequence: nil, found: error.reason)
        default:
            return .unreadable(path: path, reason: error.reason)
        }
    }
}

extension DatabaseError {
    /// SQLite's words, and at what it was when the disk failed (sqlite.org/rescode.html).
    var reason: String {
        let words = message ?? "SQLite error \(extendedResultCode.rawValue)"
        let call: String? =
            switch extendedResultCode {
            case .SQLITE_IOERR_READ, .SQLITE_IOERR_SHORT_READ: "reading"
            case .SQLITE_IOERR_WRITE: "writing"
            case .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC: "syncing"
            case .SQLITE_IOERR_TRUNCATE: "truncating"
            default: nil
            }
        return call.map { "\(words), in \($0)" } ?? words
    }
}
