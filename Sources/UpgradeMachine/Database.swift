/// The data that an upgrade may migrate and a rollback puts back.
public enum Database: Hashable, Sendable, Codable {
    /// The application keeps nothing; a rollback only changes the release.
    case none
    case mysql(settings: MySQLDatabase)
    case postgresql(settings: PostgreSQLDatabase)
    case sqlite(settings: SQLiteDatabase)

    public var isPresent: Bool { self != .none }

    /// The container that the server runs in, or whose client tools are used.
    public var container: String? {
        switch self {
        case .mysql(let settings): settings.container
        case .postgresql(let settings): settings.container
        case .none, .sqlite: nil
        }
    }

    /// Where the account's password is kept.
    public var password: SecretReference? {
        switch self {
        case .mysql(let settings): settings.password
        case .postgresql(let settings): settings.password
        case .none, .sqlite: nil
        }
    }

    /// Whether it is a server of its own, which may be down.
    public var isServer: Bool { password != nil }
}

/// A schema on MySQL or MariaDB.
public struct MySQLDatabase: Hashable, Sendable, Codable {
    /// The container whose client tools are used; none for those of this host.
    public let container: String?
    /// Server to reach from where the tools run; none for its local socket.
    public let host: String?
    public let port: Int?
    /// The schema's name.
    public let schema: String
    /// An account that may dump, restore and lock.
    public let user: String
    public let password: SecretReference

    public init(
        container: String?, host: String?, port: Int?, schema: String, user: String,
        password: SecretReference
    ) {
        self.container = container
        self.host = host
        self.port = port
        self.schema = schema
        self.user = user
        self.password = password
    }
}

/// A database of a PostgreSQL server, all of it.
public struct PostgreSQLDatabase: Hashable, Sendable, Codable {
    /// The container whose client tools are used; none for those of this host.
    public let container: String?
    /// Server to reach from where the tools run, or the directory of its socket; none for the usual
    /// one.
    public let host: String?
    public let port: Int?
    /// The database's name.
    public let database: String
    /// An account that may dump, drop and create it, and lock its tables.
    public let user: String
    public let password: SecretReference

    public init(
        container: String?, host: String?, port: Int?, database: String, user: String,
        password: SecretReference
    ) {
        self.container = container
        self.host = host
        self.port = port
        self.database = database
        self.user = user
        self.password = password
    }
}

/// A database file of SQLite's.
public struct SQLiteDatabase: Hashable, Sendable, Codable {
    public let path: String
    public init(path: String) { self.path = path }
}

/// Whether the database refuses writes between the backup and the stop.
public enum FencePolicy: String, Hashable, Sendable, Codable {
    /// Nothing written is lost by a rollback.
    case hold
    /// What is written between the backup and the stop is lost by a rollback; the report says so.
    case none
}
