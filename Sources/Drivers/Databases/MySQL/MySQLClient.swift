internal import UpgradeMachine

/// A connection's particulars, and what can be asked through the client programs.
struct MySQLClient: Sendable {
    let settings: MySQLDatabase
    let tools: any DatabaseTools
    let desk: DatabaseDesk
    let password: Secret
    /// Found once; asked for again with the next step.
    let program: String
    /// From the option files of where it runs.
    private let defaults: [String]
    let tag: StepTag?
    let limit: Duration

    /// How long one question about settings or state may take.
    static let questionLimit = Duration.seconds(30)

    private static let programs = ["mariadb", "mysql"]

    /// Each product's own writes what its server takes back: MariaDB's writes the values of
    /// generated columns, which MySQL refuses (error 3105).
    static func dumpPrograms(for product: MySQLDialect.Product) -> [String] {
        switch product {
        case .mariadb: ["mariadb-dump", "mysqldump"]
        case .mysql: ["mysqldump", "mariadb-dump"]
        }
    }

    init(
        settings: MySQLDatabase, tools: any DatabaseTools, desk: DatabaseDesk, password: Secret,
        tag: StepTag?, limit: Duration
    ) async throws(Failure) {
        self.settings = settings
        self.tools = tools
        self.desk = desk
        self.password = password
        self.tag = tag
        self.limit = limit
        program = try await desk.locate(Self.programs, with: tools)
        defaults = try await desk.connection(of: program, with: tools, tag: tag)
    }

    // MARK: Calls

    /// - Parameter schema: The default one; none where it may be missing.
    func call(schema: String?) -> ToolCall {
        let options =
            defaults + connection + [
                "--batch", "--skip-column-names", "--unbuffered", "--skip-reconnect",
                // No byte of a dump is a command to the client: `\!` would run one on its machine.
                "--binary-mode", "--local-infile=0", "--skip-force", "--connect-timeout=10",
                "--default-character-set=utf8mb4", "--max-allowed-packet=1G",
            ]
        return ToolCall(
            family: .mysql, program: program, options: options + (schema.map { ["--", $0] } ?? []),
            password: password, tag: tag, limit: limit)
    }

    func dumpTool(for dialect: MySQLDialect) async throws(Failure) -> MySQLDumpTool {
        let path = try await desk.locate(Self.dumpPrograms(for: dialect.product), with: tools)
        let line = ToolOutput(limitInBytes: 4096)
        let call = ToolCall(
            family: .mysql, program: path, options: ["--version"], password: Secret(""), tag: tag,
            limit: Self.questionLimit)
        let ending = try await tools.run(call, pull: nil) { line.take($0) }
        guard ending.isSuccess else {
            throw .mysql(
                "`\(path) --version` in \(tools.place)", standardError: ending.standardError,
                ending: ending.text)
        }
        return MySQLDumpTool(name: path, versionLine: line.text)
    }

    func dumpCall(_ tool: MySQLDumpTool, _ extent: MySQLDumpExtent) async throws(Failure)
        -> ToolCall
    {
        let defaults = try await desk.connection(of: tool.name, with: tools, tag: tag)
        return ToolCall(
            family: .mysql, program: tool.name,
            options: defaults + connection
                + tool.arguments(schema: settings.schema, extent),
            password: password, tag: tag, limit: limit)
    }

    /// A host that begins with a slash is the path of a local socket.
    private var connection: [String] {
        var options = ["--user=\(settings.user)"]
        if let host = settings.host, host.hasPrefix("/") {
            options.append("--socket=\(host)")
        } else if settings.host != nil || settings.port != nil {
            options += ["--protocol=tcp", "--host=\(settings.host ?? "127.0.0.1")"]
        }
        if let port = settings.port { options.append("--port=\(port)") }
        return options
    }

    // MARK: Questions

    /// Executes statements that may be executed twice, and answers all of their rows.
    ///
    /// - Parameters:
    ///   - action: What they are for, as in `read the server's settings`.
    ///   - inSchema: Whether the schema is the default one; then it must exist.
    func ask(
        _ statements: String, for action: String, inSchema: Bool = true,
        within limit: Duration = questionLimit
    ) async throws(Failure) -> [[String]] {
        if limit <= Self.questionLimit {
            let use = inSchema ? "USE \(MySQLText.identifier(settings.schema));\n" : ""
            let question = use + MySQLText.preamble + statements
            let limit = min(limit, self.limit)
            let rows = await desk.ask(question, within: limit) { () throws(Failure) in
                try await session(for: "ask")
            }
            if let rows { return rows }
        }
        let answer = MySQLAnswer()
        var call = call(schema: inSchema ? settings.schema : nil)
        call.limit = min(limit, self.limit)
        let unread = ToolInput(Array((MySQLText.preamble + statements).utf8))
        let ending = try await tools.run(
            call, pull: { unread.take(into: $0) }, sink: { try answer.take($0) })
        guard ending.isSuccess else {
            throw .mysql(
                "\(action) (schema \(settings.schema), \(tools.place))",
                standardError: try await words(of: ending, call), ending: ending.text)
        }
        return answer.rows
    }

    /// What the client said as it failed.
    ///
    /// Podman 4 loses that where the client ended with its input unread, as after a wrong password;
    /// then it is asked for its words once more, with nothing to read.
    private func words(
        of ending: ToolEnding, _ call: ToolCall
    ) async throws(Failure) -> String {
        guard !ending.standardError.contains("ERROR ") else { return ending.standardError }
        var silent = call
        silent.options.insert("--execute=DO 0", at: 0)
        let second = try await tools.run(silent, pull: nil) { _ in }
        return second.isSuccess ? ending.standardError : second.standardError
    }

    /// Opens a session that stays, without a default schema.
    func session(for action: String) async throws(Failure) -> DatabaseSession {
        let conversation = try await tools.converse(call(schema: nil))
        return DatabaseSession(
            conversation, action: "\(action) (\(tools.place))",
            language: SessionLanguage(
                fields: { MySQLRows.fields(of: $0) },
                failure: { .mysql($0, standardError: $1, ending: $2) }))
    }

    func dialect() async throws(Failure) -> MySQLDialect {
        try MySQLDialect(
            answer: try await ask(
                MySQLDialect.question, for: "read the server's settings", inSchema: false))
    }

    // MARK: Leftover sessions

    /// Ends the session that holds a lock of Pawl's, and proves it gone.
    ///
    /// One run holds an instance at a time, so that it can only be a dead Pawl's.
    func endSession(holding lock: String) async throws(Failure) {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(15)
        let holder = "SELECT IFNULL(IS_USED_LOCK(\(MySQLText.string(lock))), 0);\n"
        while true {
            let rows = try await ask(holder, for: "look for leftover sessions", inSchema: false)
            guard let id = rows.first?.first.flatMap({ UInt64($0) }), id != 0 else { return }
            try await kill("\(id)")
            guard clock.now < deadline else {
                throw Failure(
                    code: "session-survives",
                    message: "session \(id) of a dead run still holds \(lock) after KILL",
                    advice: "look with SHOW PROCESSLIST what it does; it rolls back, or waits")
            }
            try await Self.pause(.milliseconds(100))
        }
    }

    /// Ends a session, as far as the account may; whoever asks for it looks again.
    func kill(_ id: String) async throws(Failure) {
        do throws(Failure) {
            _ = try await ask("KILL \(id);\n", for: "end session \(id)", inSchema: false)
        } catch  where ["1094", "1095"].contains(where: error.message.contains) {
            // It has gone between the look and the act; or it is somebody else's.
        }
    }

    /// Waits; ends at once where the task is asked to stop.
    static func pause(_ duration: Duration) async throws(Failure) {
        do {
            try await Task.sleep(for: duration)
        } catch {
            throw Failure(
                code: "interrupted", message: "ended, because Pawl was asked to stop",
                advice: "go on with `pawl resume`")
        }
    }
}
