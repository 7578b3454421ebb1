internal import UpgradeMachine

/// What differs between MySQL and MariaDB, and between their versions, decided from what they say.
///
/// MariaDB 10.11 was there to try it on. MySQL's server was not: what is decided for it follows its
/// manual (8.0 and 8.4) and is tested on recorded answers alone.
struct MySQLDialect: Hashable, Sendable {
    enum Product: String, Hashable, Sendable {
        case mysql = "MySQL"
        case mariadb = "MariaDB"
    }

    let product: Product
    let version: MySQLVersion
    /// The system variables that ``question`` asks for; one that the server lacks is missing.
    private let variables: [String: String]

    /// One statement for every product: a server leaves out the variables that it does not have.
    static let question = """
        SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'version_comment', 'log_bin', \
        'read_only', 'super_read_only', 'gtid_mode', 'gtid_binlog_pos', 'event_scheduler', \
        'max_allowed_packet', 'log_bin_trust_function_creators', 'datadir', \
        'innodb_strict_mode', 'sql_require_primary_key', 'restrict_fk_on_non_standard_key');

        """

    /// - Parameter answer: Name and value of each row that ``question`` brought.
    init(answer: [[String]]) throws(Failure) {
        let pairs = answer.filter { $0.count == 2 }.map { ($0[0].lowercased(), $0[1]) }
        let variables = Dictionary(pairs) { first, _ in first }
        guard let text = variables["version"], let version = MySQLVersion(text) else {
            throw Failure(
                code: "database-unknown-server",
                message: "the server's version is \(variables["version"] ?? "not said")",
                advice: "use MySQL 5.7 or newer, or MariaDB 10.5 or newer", isPermanent: true)
        }
        let comment = variables["version_comment"] ?? ""
        let isMariaDB = (text + " " + comment).lowercased().contains("mariadb")
        product = isMariaDB || variables["gtid_binlog_pos"] != nil ? .mariadb : .mysql
        self.version = version
        self.variables = variables
    }

    /// As in `MariaDB 10.11.6`.
    var server: String { "\(product.rawValue) \(version)" }

    // MARK: Read only

    private static func isOn(_ value: String?) -> Bool {
        // MariaDB 12 has more values than two, and all but one refuse writes.
        guard let value = value?.uppercased() else { return false }
        return value != "OFF" && value != "0"
    }

    var isReadOnly: Bool { Self.isOn(variables["read_only"]) || isSuperReadOnly }
    var isSuperReadOnly: Bool { Self.isOn(variables["super_read_only"]) }

    /// MySQL's accounts with CONNECTION_ADMIN or SUPER write on beside `read_only` alone.
    var raiseReadOnly: String {
        variables["super_read_only"] == nil
            ? "SET GLOBAL read_only=ON;" : "SET GLOBAL read_only=ON; SET GLOBAL super_read_only=ON;"
    }

    /// The stronger one first: while it is on, MySQL keeps the other on as well.
    var lowerReadOnly: String {
        variables["super_read_only"] == nil
            ? "SET GLOBAL read_only=OFF;"
            : "SET GLOBAL super_read_only=OFF; SET GLOBAL read_only=OFF;"
    }

    // MARK: Position

    var writesBinaryLog: Bool { Self.isOn(variables["log_bin"]) }

    /// Answers one value that grows with each write, or the empty string; none where there is none.
    var gtidQuestion: String? {
        guard writesBinaryLog else { return nil }
        switch product {
        case .mariadb: return "SELECT @@GLOBAL.gtid_binlog_pos;\n"
        case .mysql:
            // ON_PERMISSIVE and OFF_PERMISSIVE also write transactions without a GTID.
            return variables["gtid_mode"]?.uppercased() == "ON"
                ? "SELECT @@GLOBAL.gtid_executed;\n" : nil
        }
    }

    /// Answers file, position and the schemas that are left in or out.
    ///
    /// MySQL has the new name since 8.2 and not the old one since 8.4.
    var binaryLogQuestion: String? {
        guard writesBinaryLog else { return nil }
        let isRenamed = product == .mysql && version >= MySQLVersion(8, 2)
        return isRenamed ? "SHOW BINARY LOG STATUS;\n" : "SHOW MASTER STATUS;\n"
    }

    /// The position that the answers make, or `nil` where only the content can tell.
    ///
    /// - Parameters:
    ///   - gtid: First field of the answer to ``gtidQuestion``.
    ///   - binaryLog: The row that answers ``binaryLogQuestion``; none where it was refused.
    func position(gtid: String?, binaryLog: [String]?) -> Position? {
        guard writesBinaryLog else { return nil }
        // A schema that the binary log leaves out does not move its position.
        if let row = binaryLog, row.dropFirst(2).prefix(2).contains(where: Self.isFilter) {
            return nil
        }
        let gtid = gtid?.filter { !$0.isWhitespace } ?? ""
        if !gtid.isEmpty, gtid != "NULL" { return Position("gtid:\(gtid)") }
        guard let row = binaryLog, row.count >= 2, !row[0].isEmpty else { return nil }
        return Position("binlog:\(row[0]):\(row[1])")
    }

    private static func isFilter(_ field: String) -> Bool { !field.isEmpty && field != "NULL" }

    // MARK: Restoring

    /// Settings under which tables that are there could not be made anew, as far as they are on.
    ///
    /// Each may have been off when the tables were made. MariaDB lets every account set them for its
    /// session; MySQL asks for SESSION_VARIABLES_ADMIN (MySQL 8.4 manual 7.1.9.1).
    var strictSettings: [String] {
        ["innodb_strict_mode", "sql_require_primary_key", "restrict_fk_on_non_standard_key"]
            .filter { Self.isOn(variables[$0]) }
    }

    // MARK: Content

    /// Whether a dump can hold the history of system-versioned tables.
    var keepsHistory: Bool { product == .mariadb && version >= MySQLVersion(10, 11) }

    var runsEvents: Bool { variables["event_scheduler"]?.uppercased() == "ON" }

    /// Whether a stored function needs more than an ordinary account beside the binary log.
    var guardsFunctions: Bool {
        writesBinaryLog && !Self.isOn(variables["log_bin_trust_function_creators"])
    }

    /// The largest statement or row that a new session may send, in bytes.
    var packetLimitInBytes: Int { Int(variables["max_allowed_packet"] ?? "") ?? 16 << 20 }
}

/// A server's or a tool's version; suffixes are left out.
struct MySQLVersion: Hashable, Sendable, Comparable, CustomStringConvertible {
    let major: Int
    let minor: Int
    let patch: Int

    init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
        (self.major, self.minor, self.patch) = (major, minor, patch)
    }

    /// Reads the beginning of `10.11.6-MariaDB-log`, also behind the prefix `5.5.5-`.
    init?(_ text: String) {
        // MariaDB once put it there for MySQL's replication, which knew one digit alone.
        let text = text.hasPrefix("5.5.5-") ? text.dropFirst(6) : text[...]
        let numbers = text.prefix { $0.isNumber || $0 == "." }.split(separator: ".")
            .map { Int($0) ?? 0 }
        guard numbers.count >= 2 else { return nil }
        self.init(numbers[0], numbers[1], numbers.count > 2 ? numbers[2] : 0)
    }

    var description: String { "\(major).\(minor).\(patch)" }

    static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }
}
