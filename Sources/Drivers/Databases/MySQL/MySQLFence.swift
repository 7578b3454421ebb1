internal import UpgradeMachine

/// Keeps a session open that holds the server's global read lock, for as long as it is asked to.
///
/// The lock goes with the session, and so with this process: a short `wait_timeout` sees to it that
/// it goes too where the server cannot notice the end. Sources: `FLUSH TABLES WITH READ LOCK`, MySQL
/// 8.0 manual 15.7.8.3; MariaDB Knowledge Base, "FLUSH".
actor MySQLFence {
    /// Behind a longer query the lock is not waited for: all writers would wait behind it.
    private static let lockWaitInSeconds = 10
    private static let silenceLimitInSeconds = 30
    private static let keepAliveEvery = Duration.seconds(5)
    private static let answerLimit = Duration.seconds(20)

    private var session: DatabaseSession?
    private var keepAlive: Task<Void, Never>?
    private var heldContent: MySQLContent?
    private var lock = ""

    /// Whether this process's session is there, answers, and is the one that has the lock.
    func isUp() async -> Bool {
        guard let session else { return false }
        let question = "SELECT IS_USED_LOCK(\(MySQLText.string(lock))) = CONNECTION_ID();\n"
        // Any failure means that the fence may be open, whatever its reason.
        let rows = try? await session.ask(question, within: Self.answerLimit)
        if rows == [["1"]] { return true }
        await drop(session)
        return false
    }

    /// Raises it, or leaves it as it is where it stands.
    ///
    /// - Throws: `fence-busy` where a query holds it up; then nothing is left of it.
    func raise(
        with client: MySQLClient, _ dialect: MySQLDialect, lock: String
    ) async throws(Failure) {
        self.lock = lock
        if await isUp() { return }
        try await client.endSession(holding: lock)
        let session = try await client.session(for: "hold the fence")
        do throws(Failure) {
            try await take(session, client, dialect)
        } catch {
            await session.close()
            throw error
        }
        self.session = session
        keepAlive = Task { [weak self] in
            while !Task.isCancelled {
                // Ended by `drop`; the next question comes a little early then.
                try? await Task.sleep(for: Self.keepAliveEvery)
                guard await self?.isUp() == true else { return }
            }
        }
    }

    /// What the schema holds, read once: while the fence stands, nothing can change it.
    ///
    /// - Returns: None where the fence does not stand, or did not while it was read.
    func content(
        reading read: () async throws(Failure) -> MySQLContent
    ) async throws(Failure) -> MySQLContent? {
        guard await isUp() else { return nil }
        if let heldContent { return heldContent }
        let content = try await read()
        guard await isUp() else { return nil }
        heldContent = content
        return content
    }

    private func take(
        _ session: DatabaseSession, _ client: MySQLClient, _ dialect: MySQLDialect
    ) async throws(Failure) {
        let rows = try await session.ask(
            MySQLText.preamble + """
                SET SESSION wait_timeout=\(Self.silenceLimitInSeconds), \
                lock_wait_timeout=\(Self.lockWaitInSeconds);
                SELECT GET_LOCK(\(MySQLText.string(lock)), 5);
                """, within: Self.answerLimit)
        guard rows == [["1"]] else {
            throw Failure(
                code: "fence-busy", message: "another session holds \(lock)",
                advice: "see that no other Pawl works on this instance, and try again")
        }
        do throws(Failure) {
            // LOCAL: it must not be written to the binary log, whose position is the proof.
            _ = try await session.ask(
                "FLUSH LOCAL TABLES WITH READ LOCK;",
                within: .seconds(Self.lockWaitInSeconds) + Self.answerLimit)
        } catch  where error.code == MySQLErrorKind.lockTimeout.code {
            let running = try await client.processes().filter { $0.isRunning(forSeconds: 1) }
            let names = running.prefix(5).map(\.text).joined(separator: "; ")
            throw Failure(
                code: "fence-busy",
                message: "the read lock was not to be had within \(Self.lockWaitInSeconds) s; "
                    + "running: \(names.isEmpty ? "nothing any more" : names)",
                advice: "wait until that has ended, or end it with KILL, and try again")
        }
        _ = try await session.ask(dialect.raiseReadOnly, within: Self.answerLimit)
    }

    /// Ends the session, and the lock with it; nothing is proved. `read_only` stays as it is.
    func drop() async {
        if let session { await drop(session) }
    }

    private func drop(_ dropped: DatabaseSession) async {
        await dropped.close()
        guard session === dropped else { return }
        session = nil
        heldContent = nil
        keepAlive?.cancel()
        keepAlive = nil
    }
}

/// A session of the server's, as it lists them.
///
/// Source: `SHOW PROCESSLIST`; without the privilege PROCESS only the account's own are shown.
struct MySQLProcess: Hashable, Sendable {
    let id: String
    let user: String
    let host: String
    /// The session's default schema; empty or `NULL` where it has none.
    let schema: String
    let command: String
    let seconds: Int
    let state: String

    init?(row: [String]) {
        guard row.count >= 7 else { return nil }
        (id, user, host, schema) = (row[0], row[1], row[2], row[3])
        (command, state) = (row[4], row[6])
        seconds = Int(row[5]) ?? 0
    }

    /// For people; without its statement, which may hold data.
    var text: String { "session \(id) of \(user)@\(host), \(command) for \(seconds) s (\(state))" }

    func isRunning(forSeconds limit: Int) -> Bool {
        ["Query", "Execute", "Prepare", "Fetch", "Long Data"].contains(command) && seconds >= limit
    }

    /// Whether it writes as soon as the fence is lifted.
    ///
    /// The event scheduler itself does not: it keeps its books, and its events have sessions of
    /// their own.
    var waitsForFence: Bool {
        guard !(user == "event_scheduler" && command == "Daemon") else { return false }
        return ["backup lock", "global read lock", "commit lock"].contains {
            state.lowercased().contains("waiting for \($0)")
        }
    }

    /// Whether it has no default schema, and may write to any.
    var hasNoSchema: Bool { schema.isEmpty || schema == "NULL" }

    /// Whether it sends the binary log to a replica.
    var servesReplica: Bool { command.hasPrefix("Binlog Dump") }
    /// Whether this server is a replica itself.
    var isReplication: Bool { user == "system user" && command != "Daemon" }
}

extension MySQLClient {
    func processes() async throws(Failure) -> [MySQLProcess] {
        try await ask("SHOW PROCESSLIST;\n", for: "list sessions", inSchema: false)
            .compactMap { MySQLProcess(row: $0) }
    }

    /// How far writing has got by the binary log; `nil` where only the content can tell.
    func binaryLogPosition(_ dialect: MySQLDialect) async throws(Failure) -> Position? {
        guard let logQuestion = dialect.binaryLogQuestion else { return nil }
        var gtid: String?
        if let question = dialect.gtidQuestion {
            let rows = try await ask(question, for: "read the position", inSchema: false)
            gtid = rows.first?.first
        }
        var row: [String]?
        do throws(Failure) {
            row = try await ask(logQuestion, for: "read the position", inSchema: false).first
        } catch  where error.code == MySQLErrorKind.privilegeMissing.code {
            // The GTIDs will do; without them the content has to.
        }
        return dialect.position(gtid: gtid, binaryLog: row)
    }

    func inventory() async throws(Failure) -> MySQLInventory {
        MySQLInventory(
            answer: try await ask(MySQLInventory.question, for: "list what the schema holds"))
    }

    /// The definitions of the schema's events, and nothing else.
    func events(_ dialect: MySQLDialect) async throws(Failure) -> MySQLContent {
        let events = try await inventory().events
        let rows = try await ask(
            events.contentQuestion(keepsHistory: false), for: "read the events", within: limit)
        return try events.content(rows, product: dialect.product)
    }

    /// Reads every row of the schema.
    func content(_ dialect: MySQLDialect) async throws(Failure) -> MySQLContent {
        let inventory = try await inventory()
        let rows = try await ask(
            inventory.contentQuestion(keepsHistory: dialect.keepsHistory),
            for: "fingerprint the schema", within: limit)
        return try inventory.content(rows, product: dialect.product)
    }
}
