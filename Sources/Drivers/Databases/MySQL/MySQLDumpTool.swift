/// Which dump program there is, and what it has to be told.
///
/// Its product may differ from the server's. MySQL's options follow its manual (`mysqldump`, 5.7 to
/// 8.4) and are tested on recorded version lines alone; MariaDB's were tried on 10.11.
struct MySQLDumpTool: Hashable, Sendable {
    let name: String
    let product: MySQLDialect.Product
    let version: MySQLVersion

    /// - Parameter versionLine: What `--version` says, such as
    ///   `mysqldump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)`,
    ///   `mariadb-dump from 11.4.2-MariaDB, client 10.19 for Linux (x86_64)` or
    ///   `mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)`.
    init(name: String, versionLine: String) {
        self.name = name
        let words = versionLine.split(whereSeparator: { $0 == " " || $0 == "," }).map(String.init)
        // The word after the last of these is the product's version; another is the protocol's.
        let after = ["from", "Distrib", "Ver"].lazy.compactMap { mark in
            words.firstIndex(of: mark).flatMap { words.dropFirst($0 + 1).first }
        }.first
        product = versionLine.lowercased().contains("mariadb") ? .mariadb : .mysql
        version = after.flatMap { MySQLVersion($0) } ?? MySQLVersion(0, 0)
    }

    /// What tells the whole dump from one that was cut off.
    static let footer = "-- Dump completed"

    /// - Parameter schema: Behind all options, as the last argument.
    func arguments(schema: String, _ extent: MySQLDumpExtent) -> [String] {
        var arguments = [
            "--single-transaction", "--quick", "--skip-lock-tables", "--hex-blob",
            "--default-character-set=utf8mb4", "--max-allowed-packet=1G",
            extent.skipsBrokenViews ? "--force" : "--skip-force",
            // The footer is a comment; without the date equal data makes an equal dump.
            "--comments", "--skip-dump-date",
            // It would need the global privilege PROCESS.
            "--no-tablespaces",
        ]
        switch extent.part {
        case .everything: arguments += ["--routines", "--triggers", "--events"]
        case .withoutEvents: arguments += ["--routines", "--triggers", "--skip-events"]
        case .eventsAlone:
            arguments += [
                "--skip-routines", "--skip-triggers", "--events", "--no-create-info", "--no-data",
            ]
        }
        switch product {
        case .mariadb:
            if extent.keepsHistory, extent.part != .eventsAlone, version >= MySQLVersion(10, 11) {
                arguments.append("--dump-history")
            }
        case .mysql:
            // Otherwise the dump sets the server's GTIDs, or asks MariaDB for tables it lacks.
            arguments.append("--set-gtid-purged=OFF")
            if version >= MySQLVersion(8, 0) { arguments.append("--column-statistics=0") }
        }
        return arguments + ["--", schema]
    }
}

/// How much of a schema one run of a dump program writes.
struct MySQLDumpExtent: Hashable, Sendable {
    enum Part: Hashable, Sendable {
        case everything, withoutEvents, eventsAlone
    }

    var part = Part.everything
    /// Whether the server has system-versioned tables with a history.
    var keepsHistory = false
    /// Goes on behind an error; whoever asks for it has to look at all of them.
    var skipsBrokenViews = false
}
