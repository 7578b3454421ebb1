import UpgradeMachine

/// `database` as it is written: what it is, and whether it is fenced.
struct DatabaseSettings: Sendable {
    let database: Database
    let fence: FencePolicy

    /// The key that it is written under.
    var kind: String {
        switch database {
        case .mysql: "mysql"
        case .postgresql: "postgresql"
        case .sqlite: "sqlite"
        case .none: "none"
        }
    }
}

extension Shape where Value == DatabaseSettings {
    static let database = mapping(
        "a mapping with mysql, postgresql or sqlite", example: "{ sqlite: { path: app.db } }",
        .one(
            of: Choice(
                "mysql", Shape<MySQLDatabase>.mysql.map { .mysql(settings: $0) },
                "A schema on MySQL or MariaDB."),
            Choice(
                "postgresql",
                Shape<PostgreSQLDatabase>.postgresql.map { .postgresql(settings: $0) },
                "A database on PostgreSQL 14 or newer."),
            Choice(
                "sqlite", Shape<SQLiteDatabase>.sqlite.map { .sqlite(settings: $0) },
                "A database file of SQLite's.")),
        .optional(
            "fence", .word([.hold, .none]), default: .hold,
            "Whether the database refuses writes from the backup to the stop; otherwise hold.")
    ) { (_, _, database, fence) throws(Refused) in
        DatabaseSettings(database: database, fence: fence)
    }
}

/// What a server keeps its accounts and its state in.
private let systemSchemas: Set = ["mysql", "sys", "information_schema", "performance_schema"]

extension Shape where Value == MySQLDatabase {
    static let mysql = mapping(
        "a mapping with schema, user and password",
        example: "{ schema: studio, user: root, password: { env: STUDIO_DB_PASSWORD } }",
        .optional(
            "container", .container,
            "The container whose client tools are used; otherwise those of this host."),
        .optional(
            "host", .host, "The server, as the tools reach it; otherwise its local socket."),
        .optional(
            "port", .wholeNumber(1...65_535, "a port", example: "3306"),
            "The server's port; otherwise 3306."),
        .required(
            "schema", Shape<String>.schemaName.located, "The schema's name."),
        .required(
            "user", .text("an account's name", example: "root"),
            "An account that may dump, restore and lock."),
        .required("password", .secret, "Where its password is kept.")
    ) { (cursor, reading, container, host, port, schema, user, password) throws(Refused) in
        if port != nil, host == nil {
            throw reading.refuse(
                "\(cursor.name) has a port and no host", "add host: 127.0.0.1",
                at: reading.place(of: "\(cursor.path).port", beside: cursor))
        }
        guard !systemSchemas.contains(schema.value.lowercased()) else {
            throw reading.refuse(
                "the schema '\(schema.value)' is the server's own, and a rollback would drop it",
                "name the application's schema", at: schema.place)
        }
        let server = [container, host, port.map { "\($0)" }].map { $0 ?? "" }
        reading.claim(
            "the schema", schema.value, scope: server.joined(separator: "/"),
            advice: "an instance has a schema of its own", at: schema.place)
        return MySQLDatabase(
            container: container, host: host, port: port, schema: schema.value, user: user,
            password: password)
    }
}

/// What a new database is copied from.
private let templateDatabases: Set = ["template0", "template1"]

extension Shape where Value == PostgreSQLDatabase {
    static let postgresql = mapping(
        "a mapping with database, user and password",
        example: "{ database: studio, user: postgres, password: { env: STUDIO_DB_PASSWORD } }",
        .optional(
            "container", .container,
            "The container whose client tools are used; otherwise those of this host."),
        .optional(
            "host", .serverOrSocket,
            "The server, as the tools reach it, or the directory of its socket; otherwise the "
                + "usual one."),
        .optional(
            "port", .wholeNumber(1...65_535, "a port", example: "5432"),
            "The server's port; otherwise 5432."),
        .required(
            "database", Shape<String>.databaseName.located, "The database's name."),
        .required(
            "user", .text("an account's name", example: "postgres"),
            "An account that may dump, drop and create it, and lock its tables."),
        .required("password", .secret, "Where its password is kept.")
    ) { (_, reading, container, host, port, database, user, password) throws(Refused) in
        guard !templateDatabases.contains(database.value) else {
            throw reading.refuse(
                "the database '\(database.value)' is the server's own, and a rollback would drop it",
                "name the application's database", at: database.place)
        }
        let server = [container, host, port.map { "\($0)" }].map { $0 ?? "" }
        reading.claim(
            "the database", database.value, scope: server.joined(separator: "/"),
            advice: "an instance has a database of its own", at: database.place)
        return PostgreSQLDatabase(
            container: container, host: host, port: port, database: database.value, user: user,
            password: password)
    }
}

extension Shape where Value == SQLiteDatabase {
    static let sqlite = mapping(
        "a mapping with path", example: "{ path: /var/lib/noticeboard/app.db }",
        .required(
            "path",
            Shape<String>.path("a database file", example: "/var/lib/noticeboard/app.db").located,
            "The database file.")
    ) { (_, reading, path) throws(Refused) in
        reading.claim(
            "the database file", path.value, advice: "an instance has a database of its own",
            at: path.place)
        return SQLiteDatabase(path: path.value)
    }
}
