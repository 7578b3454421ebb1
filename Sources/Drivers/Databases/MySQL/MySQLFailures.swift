internal import UpgradeMachine

/// What the server or the client said went wrong.
///
/// Numbers: "MySQL 8.0 Error Message Reference" and "MariaDB Error Codes"; below 2000 they are the
/// server's, from there the client's.
struct MySQLError: Hashable, Sendable {
    let number: Int
    /// The line that named it.
    let text: String

    /// Reads the first error that a client program wrote to its standard error.
    ///
    /// The clients have several forms: `ERROR 1045 (28000): …`, `mysqldump: Got error: 1049: …`,
    /// `Error 2013: …` and `Couldn't execute '…': … (1356)`.
    init?(standardError: String) {
        for line in standardError.split(whereSeparator: \.isNewline) {
            guard let number = Self.number(in: line) else { continue }
            self.init(number: number, text: String(line))
            return
        }
        return nil
    }

    /// Whether all that a client program complained of are views that cannot be used.
    static func areBrokenViewsAlone(_ standardError: String) -> Bool {
        // What was cut off may have been anything.
        guard standardError.utf8.count < ToolEnding.standardErrorLimitInBytes else { return false }
        let numbers = standardError.split(whereSeparator: \.isNewline).compactMap {
            number(in: $0)
        }
        return !numbers.isEmpty
            && numbers.allSatisfy { MySQLErrorKind(number: $0) == .brokenView }
    }

    init(number: Int, text: String) {
        self.number = number
        self.text = text
    }

    private static func number(in line: Substring) -> Int? {
        for mark in ["ERROR ", "Got error: ", "Error: ", "Error "] {
            guard let found = line.firstRange(of: mark) else { continue }
            if let number = Int(line[found.upperBound...].prefix { $0.isNumber }) { return number }
        }
        guard line.hasSuffix(")"), let open = line.lastIndex(of: "(") else { return nil }
        return Int(line[line.index(after: open)...].dropLast())
    }
}

extension Failure {
    /// The failure of a database that is known by the number of its error.
    ///
    /// - Parameters:
    ///   - action: What was tried and on what, as in `dump schema app`.
    ///   - ending: How the program ended, where it named no error.
    static func mysql(
        _ action: String, standardError: String, ending: String
    ) -> Failure {
        let excerpt = standardError.isEmpty ? nil : String(standardError.suffix(4096))
        guard let error = MySQLError(standardError: standardError) else {
            return Failure(
                code: "database-tool-ended", message: "\(action): the client \(ending)",
                advice: "look whether somebody ended it, or memory was short", excerpt: excerpt)
        }
        let kind = MySQLErrorKind(number: error.number)
        return Failure(
            code: kind.code, message: "\(action): \(error.text)", advice: kind.advice,
            excerpt: excerpt, isPermanent: kind.isPermanent)
    }
}

/// What an error means to an operator.
enum MySQLErrorKind: Hashable, Sendable, CaseIterable {
    case accessDenied, privilegeMissing, schemaMissing, unreachable, connectionLost, tooBusy
    case lockTimeout, packetTooLarge, diskFull, functionRefused, readOnly, brokenView
    case schemaDirectory, other

    init(number: Int) {
        self =
            switch number {
            case 1045, 1698, 2059, 3118, 4151: .accessDenied
            case 1044, 1142, 1143, 1227, 1370, 1410, 4134: .privilegeMissing
            case 1049: .schemaMissing
            case 2002, 2003, 2005, 2026, 1130: .unreachable
            case 1053, 1077, 1927, 2006, 2013, 2055, 1152, 1158, 1159, 1160, 1161, 4031:
                .connectionLost
            case 1040, 1203, 1226: .tooBusy
            case 1205: .lockTimeout
            case 1153, 2020: .packetTooLarge
            case 1021, 1114, 3: .diskFull
            case 1418, 1419: .functionRefused
            case 1290, 1836: .readOnly
            case 1356, 1449: .brokenView
            case 1010: .schemaDirectory
            default: .other
            }
    }

    /// Stable; a part of ``Failure/code``'s set.
    var code: String {
        switch self {
        case .accessDenied: "database-access-denied"
        case .privilegeMissing: "database-privilege-missing"
        case .schemaMissing: "database-schema-missing"
        case .unreachable: "database-unreachable"
        case .connectionLost: "database-connection-lost"
        case .tooBusy: "database-too-busy"
        case .lockTimeout: "database-lock-timeout"
        case .packetTooLarge: "database-packet-too-large"
        case .diskFull: "database-disk-full"
        case .functionRefused: "database-function-refused"
        case .readOnly: "database-read-only"
        case .brokenView: "database-broken-view"
        case .schemaDirectory: "database-schema-directory"
        case .other: "database-error"
        }
    }

    var advice: String {
        switch self {
        case .accessDenied:
            "correct the database's user or the reference to its password in the configuration"
        case .privilegeMissing:
            "grant the account what it lacks; `pawl check` lists the privileges that are needed"
        case .schemaMissing: "correct the schema's name in the configuration, or create the schema"
        case .unreachable: "start the database server, or correct its address in the configuration"
        case .connectionLost:
            "look into the server's log: it was stopped, ended the session, or met a row longer than "
                + "its max_allowed_packet"
        case .tooBusy: "wait until sessions end, or allow the server more connections"
        case .lockTimeout: "find the session that holds the lock (SHOW PROCESSLIST) and let it end"
        case .packetTooLarge: "raise max_allowed_packet on the server"
        case .diskFull: "make room on the disk that the server's data is on"
        case .functionRefused:
            "SET GLOBAL log_bin_trust_function_creators=ON, or use an account with SUPER"
        case .readOnly: "look who set the server to read_only; SET GLOBAL read_only=OFF"
        case .brokenView:
            "repair or drop the view that is named: it refers to what is not there any more"
        case .schemaDirectory:
            "move foreign files out of the schema's directory in the server's data directory"
        case .other: "look up the error's number in the server's manual"
        }
    }

    var isPermanent: Bool {
        switch self {
        case .accessDenied, .privilegeMissing, .schemaMissing, .packetTooLarge, .diskFull,
            .functionRefused, .readOnly, .brokenView, .schemaDirectory:
            true
        case .unreachable, .connectionLost, .tooBusy, .lockTimeout, .other: false
        }
    }
}
