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
        try header?.check(path: path)
        if header == nil, purpose == .reading {
            throw .unreadable(path: path, reason: "there is no log yet; nothing has been done")
        }
        self.path = path
        do {
            queue = try DatabaseQueue(path: path, configuration: Self.configuration)
        } catch {
            throw Self.explained(error, path: path)
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
        let reason = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return .damaged(path: path, sequence: nil, found: reason)
        default:
            return .unreadable(path: path, reason: reason)
        }
    }
}
