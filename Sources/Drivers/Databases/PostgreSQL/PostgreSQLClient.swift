internal import UpgradeMachine

/// A connection's particulars, and what can be asked through the client programs.
struct PostgreSQLClient: Sendable {
    let settings: PostgreSQLDatabase
    let tools: any DatabaseTools
    let desk: DatabaseDesk
    let password: Secret
    let instance: String
    /// Of the step that it works for; none for a look beside the steps.
    let step: Step?
    let tag: StepTag?
    let limit: Duration
    /// The path of `psql`.
    private let program: String

    /// How long one question about settings or state may take.
    static let questionLimit = Duration.seconds(30)

    init(
        settings: PostgreSQLDatabase, tools: any DatabaseTools, desk: DatabaseDesk,
        password: Secret, instance: String, step: Step?, tag: StepTag?, limit: Duration
    ) async throws(Failure) {
        self.settings = settings
        self.tools = tools
        self.desk = desk
        self.password = password
        self.instance = instance
        self.step = step
        self.tag = tag
        self.limit = limit
        program = try await desk.locate(["psql"], with: tools)
    }

    // MARK: Calls

    /// Which database a program works in.
    enum Target: Hashable, Sendable {
        case database
        /// Another one, from which the database can be dropped and made.
        case maintenance
    }

    func name(_ target: Target) -> String {
        switch target {
        case .database: settings.database
        // Every server has both (PostgreSQL 15 manual, 23.3).
        case .maintenance: settings.database == "postgres" ? "template1" : "postgres"
        }
    }

    /// What a session is for.
    enum Purpose: Hashable, Sendable {
        /// Short questions, which change nothing.
        case asking
        case fence
        /// The work of a step; a look beside the steps has none.
        case work(step: Step?)
    }

    /// What sessions are called; a dead Pawl's are found by it.
    func sessionName(_ purpose: Purpose) -> String {
        let word =
            switch purpose {
            case .asking: "ask"
            case .fence: "fence"
            case .work(let step): step?.rawValue ?? "look"
            }
        return PostgreSQLText.sessionName(
            word, instance: instance, database: settings.database)
    }

    /// Never a password.
    private func connection(
        to target: Target, _ purpose: Purpose, _ more: [(String, String)] = []
    ) -> String {
        var parts = [
            (keyword: "dbname", value: name(target)), ("user", settings.user),
            ("connect_timeout", "10"),
            ("application_name", sessionName(purpose)),
        ]
        if let host = settings.host { parts.append(("host", host)) }
        if let port = settings.port { parts.append(("port", "\(port)")) }
        return PostgreSQLText.connection(parts + more)
    }

    /// A run of `psql`, which reads statements and ends with the first error.
    private func call(to target: Target, _ purpose: Purpose) -> ToolCall {
        toolCall(
            program,
            [
                "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password",
                "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose",
                "--dbname=\(connection(to: target, purpose, [("client_encoding", "UTF8")]))",
            ])
    }

    /// A run of `pg_dump` or `pg_restore` that connects.
    func call(_ program: String, to target: Target, _ options: [String]) -> ToolCall {
        let connection = connection(to: target, .work(step: step))
        return toolCall(program, options + ["--no-password", "--dbname=\(connection)"])
    }

    func toolCall(_ program: String, _ options: [String]) -> ToolCall {
        ToolCall(
            family: .postgresql, program: program, options: options, password: password, tag: tag,
            limit: limit)
    }

    /// A program by its name, as in `pg_dump`.
    func locate(_ name: String) async throws(Failure) -> String {
        try await desk.locate([name], with: tools)
    }

    /// What a program says of itself, as in `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    func version(of program: String) async throws(Failure) -> PostgreSQLVersion {
        let line = ToolOutput(limitInBytes: 4096)
        var call = toolCall(program, ["--version"])
        call.limit = Self.questionLimit
        let ending = try await tools.run(call, pull: nil) { line.take($0) }
        guard ending.isSuccess, let version = PostgreSQLVersion(line: line.text) else {
            throw .postgresql(
                "`\(program) --version` in \(tools.place)", standardError: ending.standardError,
                ending: "\(ending.text) and said `\(line.text.prefix(80))`")
        }
        return version
    }

    // MARK: Questions

    /// Executes statements that may be executed twice, and answers all of their rows.
    ///
    /// - Parameter action: What they are for, as in `list sessions`.
    func ask(
        _ statements: String, for action: String, in target: Target = .database,
        within limit: Duration = questionLimit
    ) async throws(Failure) -> [[String]] {
        let limit = min(limit, self.limit)
        if target == .database, limit <= Self.questionLimit {
            let rows = await desk.ask(statements, within: limit) { () throws(Failure) in
                try await session(for: "ask", .asking)
            }
            if let rows { return rows }
        }
        let answer = ToolOutput(limitInBytes: Self.answerLimitInBytes)
        var call = call(to: target, .asking)
        call.limit = limit
        let unread = ToolInput(Array((PostgreSQLText.preamble + statements).utf8))
        let ending = try await tools.run(
            call, pull: { unread.take(into: $0) }, sink: { answer.take($0) })
        guard ending.isSuccess else {
            throw .postgresql(
                "\(action) (database \(name(target)), \(tools.place))",
                standardError: ending.standardError, ending: ending.text)
        }
        return answer.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map { PostgreSQLRows.fields(of: Array($0.utf8)[...]) }
    }

    /// Rows of one query.
    func rows(
        _ query: String, for action: String, in target: Target = .database
    ) async throws(Failure) -> [[String]] {
        try await ask(PostgreSQLText.rows(query), for: action, in: target)
    }

    private static let answerLimitInBytes = 64 << 20

    /// Opens a session that stays.
    func session(
        for action: String, _ purpose: Purpose
    ) async throws(Failure) -> DatabaseSession {
        let conversation = try await tools.converse(call(to: .database, purpose))
        let session = DatabaseSession(
            conversation, action: "\(action) (database \(settings.database), \(tools.place))",
            language: SessionLanguage(
                fields: { PostgreSQLRows.fields(of: $0) },
                failure: { .postgresql($0, standardError: $1, ending: $2) }))
        _ = try await session.ask(PostgreSQLText.preamble, within: Self.questionLimit)
        return session
    }

    // MARK: Leftover sessions

    /// Ends the sessions that a dead Pawl left for a purpose, and proves them gone.
    ///
    /// One run holds an instance at a time, so that they can only be a dead Pawl's. Asked from
    /// another database, since this one may be gone.
    func endSessions(for purpose: Purpose) async throws(Failure) {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(15)
        let name = PostgreSQLText.string(sessionName(purpose))
        while true {
            let rows = try await rows(
                """
                SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE application_name = \(name) AND pid <> pg_backend_pid()
                """, for: "end leftover sessions", in: .maintenance)
            guard let id = rows.first?.first else { return }
            guard clock.now < deadline else {
                throw Failure(
                    code: "session-survives",
                    message: "session \(id) of a dead run is there after pg_terminate_backend",
                    advice: "look in pg_stat_activity what it does; it rolls back, or waits")
            }
            try await MySQLClient.pause(.milliseconds(100))
        }
    }
}

/// A server's or a program's version; since 10 its first number is the major one.
struct PostgreSQLVersion: Hashable, Sendable, CustomStringConvertible {
    let major: Int
    let description: String

    /// - Parameter line: As `--version` prints it.
    init?(line: String) {
        guard let mark = line.firstRange(of: "(PostgreSQL) ") else { return nil }
        let text = line[mark.upperBound...].prefix { $0.isNumber || $0 == "." }
        let digits = line[mark.upperBound...].prefix { $0.isNumber }
        guard let major = Int(digits) else { return nil }
        self.major = major
        description = String(text)
    }

    /// - Parameters:
    ///   - number: `server_version_num`, as in `150018`.
    ///   - text: `server_version`, as in `15.18 (Debian 15.18-0+deb12u1)`.
    init?(number: String, text: String) {
        guard let number = Int(number) else { return nil }
        major = number / 10_000
        description = String(text.prefix { $0 != " " })
    }
}
