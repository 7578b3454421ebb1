internal import UpgradeMachine

/// What the server or the client said went wrong.
struct PostgreSQLError: Hashable, Sendable {
    /// Five characters (PostgreSQL 15 manual, appendix A); none where the client names none, as
    /// `pg_dump` does, and `psql` where it gets no connection.
    let state: String?
    /// The line that named it.
    let text: String
    /// All that was said: `pg_dump` tells the reason in later lines.
    private let whole: String

    /// Reads the first error that a client program wrote to its standard error.
    init?(standardError: String) {
        whole = standardError
        let lines = standardError.split(whereSeparator: \.isNewline).map(String.init)
        let found = lines.firstIndex { line in
            ["ERROR:  ", "FATAL:  ", "error: "].contains { line.contains($0) }
        }
        guard let found else { return nil }
        let line = lines[found]
        // `psql` tells in a second line why a connection failed.
        text = line.hasSuffix("failed:") ? lines[found...].prefix(2).joined(separator: " ") : line
        state =
            ["ERROR:  ", "FATAL:  "].lazy.compactMap { mark in
                line.firstRange(of: mark).flatMap { Self.state(at: line[$0.upperBound...]) }
            }.first
    }

    private static func state(at rest: Substring) -> String? {
        let state = rest.prefix(5)
        guard state.count == 5, rest.dropFirst(5).hasPrefix(": "),
            state.allSatisfy({ $0.isASCII && ($0.isNumber || $0.isUppercase) })
        else { return nil }
        return String(state)
    }
}

extension PostgreSQLError {
    var kind: PostgreSQLErrorKind {
        if let kind = state.flatMap(PostgreSQLErrorKind.init(state:)) { return kind }
        let kind = PostgreSQLErrorKind(words: text)
        return kind == .other ? PostgreSQLErrorKind(words: whole) : kind
    }
}

extension Failure {
    /// The failure of a database that is known by its SQLSTATE, or by its words.
    ///
    /// - Parameters:
    ///   - action: What was tried and on what, as in `dump database app`.
    ///   - ending: How the program ended, where it named no error.
    static func postgresql(
        _ action: String, standardError: String, ending: String
    ) -> Failure {
        let excerpt = standardError.isEmpty ? nil : String(standardError.suffix(4096))
        guard let error = PostgreSQLError(standardError: standardError) else {
            return Failure(
                code: "database-tool-ended", message: "\(action): the client \(ending)",
                advice: "look whether somebody ended it, or memory was short", excerpt: excerpt)
        }
        let kind = error.kind
        return Failure(
            code: kind.code, message: "\(action): \(error.text)", advice: kind.advice,
            excerpt: excerpt, isPermanent: kind.isPermanent)
    }
}

/// What an error means to an operator.
enum PostgreSQLErrorKind: Hashable, Sendable, CaseIterable {
    case accessDenied, privilegeMissing, databaseMissing, unreachable, connectionLost, tooBusy
    case lockTimeout, deadlock, locksExhausted, diskFull, inUse, readOnly, toolTooOld, roleMissing
    case other

    fileprivate init?(state: String) {
        switch state {
        case "28000", "28P01": self = .accessDenied
        case "42501": self = .privilegeMissing
        case "3D000": self = .databaseMissing
        case "57P03": self = .unreachable
        case "57P01", "57P02", "57P05", "25P03": self = .connectionLost
        case "53300": self = .tooBusy
        case "55P03": self = .lockTimeout
        case "40P01": self = .deadlock
        case "53200": self = .locksExhausted
        case "53100": self = .diskFull
        case "55006": self = .inUse
        case "25006": self = .readOnly
        case _ where state.hasPrefix("08"): self = .connectionLost
        default: return nil
        }
    }

    /// In the order in which they are looked for: a lost connection is told of in many words.
    private static let words: [(kind: PostgreSQLErrorKind, words: [String])] = [
        (.toolTooOld, ["server version mismatch"]),
        (
            .connectionLost,
            [
                "terminating connection", "server closed the connection",
                "connection to server was", "connection has been closed",
                "no connection to the server", "could not receive data", "could not send data",
            ]
        ),
        (
            .accessDenied,
            [
                "authentication failed", "no password supplied", "no pg_hba.conf entry",
                "is not permitted to log in", "FATAL:  role ",
            ]
        ),
        (
            .unreachable,
            [
                "Connection refused", "Is the server running", "could not translate host name",
                "timeout expired", "the database system is", "No route to host",
                "could not connect to server", "Connection timed out",
            ]
        ),
        (.tooBusy, ["too many clients", "remaining connection slots", "too many connections for"]),
        (.lockTimeout, ["lock timeout"]), (.deadlock, ["deadlock detected"]),
        (.locksExhausted, ["out of shared memory"]), (.diskFull, ["No space left on device"]),
        (.privilegeMissing, ["permission denied", "must be owner", "must be superuser"]),
        (.inUse, ["is being accessed by other users", "is used by an active logical"]),
        (.readOnly, ["read-only transaction"]),
    ]

    fileprivate init(words text: String) {
        if text.contains("does not exist") {
            if text.contains("database \"") {
                self = .databaseMissing
                return
            }
            if text.contains("ERROR:  role \"") {
                self = .roleMissing
                return
            }
        }
        let found = Self.words.first { $0.words.contains { text.contains($0) } }
        self = found?.kind ?? (text.contains("connection to server") ? .unreachable : .other)
    }

    /// Stable; those that MySQL's failures have as well mean the same.
    var code: String {
        switch self {
        case .accessDenied: "database-access-denied"
        case .privilegeMissing: "database-privilege-missing"
        case .databaseMissing: "database-schema-missing"
        case .unreachable: "database-unreachable"
        case .connectionLost: "database-connection-lost"
        case .tooBusy: "database-too-busy"
        case .lockTimeout: "database-lock-timeout"
        case .deadlock: "database-deadlock"
        case .locksExhausted: "database-locks-exhausted"
        case .diskFull: "database-disk-full"
        case .inUse: "database-in-use"
        case .readOnly: "database-read-only"
        case .toolTooOld: "database-tool-too-old"
        case .roleMissing: "database-role-missing"
        case .other: "database-error"
        }
    }

    var advice: String {
        switch self {
        case .accessDenied:
            "correct the database's user or the reference to its password in the configuration, or "
                + "the server's pg_hba.conf"
        case .privilegeMissing:
            "grant the account what it lacks; `pawl check` lists what is needed"
        case .databaseMissing:
            "correct the database's name in the configuration, or create the database"
        case .unreachable: "start the database server, or correct its address in the configuration"
        case .connectionLost: "look into the server's log: it was stopped, or ended the session"
        case .tooBusy: "wait until sessions end, or allow the server more connections"
        case .lockTimeout, .deadlock:
            "find the session that holds the lock (pg_locks, pg_stat_activity) and let it end"
        case .locksExhausted: "raise max_locks_per_transaction on the server and restart it"
        case .diskFull: "make room on the disk that the server's data is on"
        case .inUse:
            "end what uses the database: a prepared transaction (pg_prepared_xacts), a replication "
                + "slot or a subscription"
        case .readOnly: "see that the server is no standby, and who sets it read-only"
        case .toolTooOld: "install client programs of the server's version, or name its container"
        case .roleMissing: "create the role that is named, as it was when the backup was taken"
        case .other: "look into the server's log, and up the error in its manual"
        }
    }

    var isPermanent: Bool {
        switch self {
        case .accessDenied, .privilegeMissing, .locksExhausted, .diskFull, .readOnly, .toolTooOld,
            .roleMissing, .databaseMissing:
            true
        case .unreachable, .connectionLost, .tooBusy, .lockTimeout, .deadlock, .inUse, .other: false
        }
    }
}
