import GRDB
import Migrations

/// The tables, indexes and triggers of a log, as the file says them.
struct Schema: Equatable {
    /// SQL by name; what SQLite makes by itself has none.
    private let statements: [String: String]

    init(of database: Database) throws {
        let rows = try Row.fetchAll(
            database, sql: "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        statements = try Dictionary(
            rows.map { (try $0.decode(String.self, atIndex: 0), try $0.decode(atIndex: 1)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// What the first `count` migrations make.
    static func made(byMigrations count: Int) throws -> Schema {
        try DatabaseQueue().write { database in
            for migration in Migrations.all.prefix(count) {
                try database.execute(sql: migration.sql)
            }
            return try Schema(of: database)
        }
    }

    /// What differs from `other`, in words; none where they are one.
    func difference(from other: Schema) -> String? {
        let names = Set(statements.keys).union(other.statements.keys).sorted()
        let words: [String] = names.compactMap { name in
            switch (statements[name], other.statements[name]) {
            case (nil, _): "\(name) is missing"
            case (_, nil): "\(name) is not Pawl's"
            case (let mine, let theirs): mine == theirs ? nil : "\(name) was altered"
            }
        }
        return words.isEmpty ? nil : words.joined(separator: ", ")
    }
}

extension EventLog {
    /// Refuses a log whose guards have gone: without its triggers it is not append-only any more.
    func checkSchema() throws(EventLogError) {
        let difference: String? = try read { database in
            let applied = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
            return try Schema(of: database).difference(from: .made(byMigrations: applied))
        }
        guard let difference else { return }
        throw .damaged(path: path, sequence: nil, found: "in its schema \(difference)")
    }
}
