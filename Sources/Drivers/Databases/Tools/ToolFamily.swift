internal import UpgradeMachine

/// Whose client programs a call runs: how they take a password, and what they read unasked.
enum ToolFamily: Sendable {
    case mysql
    /// `libpq`'s: "Environment Variables" and "The Password File", PostgreSQL 15 manual, 34.15 and
    /// 34.16.
    case postgresql

    /// The program and its arguments; never a password.
    ///
    /// - Parameter passwordFile: Where the program finds it; none where its environment has it.
    func arguments(of call: ToolCall, passwordFile: String?) -> [String] {
        switch self {
        case .postgresql: [call.program] + call.options
        case .mysql:
            if call.readsOptionFiles {
                [call.program] + call.options
            } else {
                // That file alone, and none of the machine's.
                [call.program, passwordFile.map { "--defaults-file=\($0)" } ?? "--no-defaults"]
                    + call.options
            }
        }
    }

    /// For a program inside a container, which holds the password anyway.
    func environment(password: Secret) -> [String: String] {
        let name =
            switch self {
            case .mysql: "MYSQL_PWD"
            case .postgresql: "PGPASSWORD"
            }
        return fixed.merging([name: password.reveal { $0 }]) { $1 }
    }

    /// For a program of this host, whose environment others may see.
    func environment(passwordFile: String) -> [String: String] {
        switch self {
        case .mysql: fixed
        case .postgresql: fixed.merging(["PGPASSFILE": passwordFile]) { $1 }
        }
    }

    private var fixed: [String: String] {
        switch self {
        // MySQL's programs read a `.mylogin.cnf` at home whatever they are told.
        case .mysql: ["HOME": "/nonexistent"]
        // Errors that have no code are known by their words.
        case .postgresql: ["LC_ALL": "C"]
        }
    }

    /// Variables of this process's own that would lead a program to another server, or as another
    /// account, than it is told; a later Pawl may not have them.
    func misleading(among names: some Sequence<String>) -> Set<String> {
        switch self {
        case .mysql: []
        case .postgresql: Set(names.filter { $0.hasPrefix("PG") })
        }
    }

    /// The password as the text of a file that the programs read.
    func passwordFile(_ password: Secret) -> String {
        switch self {
        case .mysql: "[client]\npassword=\"\(password.reveal(PasswordFile.escapedOption))\"\n"
        case .postgresql: "*:*:*:*:\(password.reveal(PasswordFile.escapedEntry))\n"
        }
    }
}
