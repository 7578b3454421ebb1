internal import UpgradeMachine

/// Keeps a transaction open that holds a lock on every table, for as long as it is asked to.
///
/// Who reads goes on; who writes waits, superusers too (PostgreSQL 15 manual, 13.3.1, EXCLUSIVE).
/// `default_transaction_read_only` would be a courtesy: a session sets it off and writes. The locks
/// go with the session, and so with this process; a short `idle_in_transaction_session_timeout` sees
/// to it that they go too where the server cannot notice the end. Nothing else is left on the server.
///
/// A table that somebody makes meanwhile has no lock, and who writes into a large object takes the
/// same one as who reads it (so `lo_get` waited for a lock on `pg_largeobject`, on 15.20; the
/// guard is the test "What no lock can stop is seen by the proof"). Both are seen by the proof.
actor PostgreSQLFence {
    /// Behind a longer transaction the locks are not waited for: all writers would wait behind them.
    private static let lockWaitInSeconds = 10
    private static let silenceLimitInSeconds = 30
    private static let keepAliveEvery = Duration.seconds(5)
    private static let answerLimit = Duration.seconds(20)
    /// Shorter than a server's `deadlock_timeout` (1 s), after which it ends one of two that wait for
    /// one another: this one gives up before, and lets the other go on.
    private static let oneWaitInMilliseconds = 700
    private static let rest = Duration.milliseconds(200)
    /// In one statement; each takes its locks in the order in which they stand.
    private static let tablesPerStatement = 200

    private var session: DatabaseSession?
    private var keepAlive: Task<Void, Never>?
    private var lockCount = 0
    private var locked: Set<String> = []
    private var held: [String: BackupManifest.Table] = [:]
    /// The server's process that holds the locks.
    private(set) var processID: String?

    /// Whether this process's session is there, answers, and has its locks.
    func isUp() async -> Bool {
        guard let session else { return false }
        // Any failure means that the fence may be open, whatever its reason.
        let rows = try? await session.ask(Self.lockQuestion, within: Self.answerLimit)
        if rows == [["\(lockCount)"]] { return true }
        await drop(session)
        return false
    }

    private static let lockQuestion = PostgreSQLText.rows(
        """
        SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'
          AND mode = 'ExclusiveLock' AND granted
        """)

    /// Raises it, or leaves it as it is where it stands.
    ///
    /// - Throws: `fence-busy` where a transaction holds it up; then nothing is left of it.
    func raise(with client: PostgreSQLClient) async throws(Failure) {
        if await isUp() { return }
        try await client.endSessions(for: .fence)
        let deadline = ContinuousClock.now + .seconds(Self.lockWaitInSeconds)
        while true {
            let session = try await client.session(for: "hold the fence", .fence)
            do throws(Failure) {
                try await take(session)
                self.session = session
                break
            } catch {
                await session.close()
                let busyCodes = [PostgreSQLErrorKind.deadlock, .lockTimeout].map(\.code)
                guard busyCodes.contains(error.code) else { throw error }
                guard ContinuousClock.now < deadline else { throw try await busy(client) }
                // Woken early by a request to stop, the next try ends at once by itself.
                try? await Task.sleep(for: Self.rest)
            }
        }
        keepAlive = Task { [weak self] in
            while !Task.isCancelled {
                // Ended by `drop`; the next question comes a little early then.
                try? await Task.sleep(for: Self.keepAliveEvery)
                guard await self?.isUp() == true else { return }
            }
        }
    }

    /// Tables and, as far as the account may, the list of large objects.
    private static let tableQuestion = PostgreSQLText.rows(
        """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
            AND (n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
              OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                AND c.oid = 'pg_largeobject_metadata'::regclass)
          ORDER BY c.oid
        """)

    /// Takes the locks, again until there is no table without one.
    private func take(_ session: DatabaseSession) async throws(Failure) {
        let silence = "\(Self.silenceLimitInSeconds)s"
        let start = try await session.ask(
            """
            SET idle_in_transaction_session_timeout = '\(silence)';
            SET lock_timeout = '\(Self.oneWaitInMilliseconds)ms';
            BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
            \(PostgreSQLText.rows("SELECT pg_backend_pid()"))
            """, within: Self.answerLimit)
        processID = start.first?.first
        locked = []
        while true {
            let rows = try await session.ask(Self.tableQuestion, within: Self.answerLimit)
            let missing = rows.compactMap(\.first).filter { !locked.contains($0) }
            if missing.isEmpty { break }
            for part in stride(from: 0, to: missing.count, by: Self.tablesPerStatement) {
                let names = missing[part..<min(part + Self.tablesPerStatement, missing.count)]
                let list = names.map { "ONLY \($0)" }.joined(separator: ", ")
                _ = try await session.ask(
                    "LOCK TABLE \(list) IN EXCLUSIVE MODE;",
                    within: .milliseconds(Self.oneWaitInMilliseconds) * names.count
                        + Self.answerLimit)
            }
            locked.formUnion(missing)
        }
        let rows = try await session.ask(Self.lockQuestion, within: Self.answerLimit)
        lockCount = rows.first?.first.flatMap { Int($0) } ?? 0
    }

    private func busy(_ client: PostgreSQLClient) async throws(Failure) -> Failure {
        let running = try await client.openTransactions()
        let names = running.prefix(5).joined(separator: "; ")
        return Failure(
            code: "fence-busy",
            message: "the locks on all tables were not to be had within "
                + "\(Self.lockWaitInSeconds) s; open transactions: "
                + (names.isEmpty ? "none any more" : names),
            advice: "wait until they have ended, or end them with pg_terminate_backend, and try "
                + "again")
    }

    /// What the database holds, with the sums of locked tables as they were first read.
    ///
    /// - Returns: None where the fence does not stand, or did not while it was read.
    func content(
        reading read:
            @Sendable ([String: BackupManifest.Table]) async throws(Failure)
            -> PostgreSQLContent
    ) async throws(Failure) -> PostgreSQLContent? {
        guard await isUp() else { return nil }
        let content = try await read(held)
        guard await isUp() else { return nil }
        for table in content.tables where locked.contains(table.name) { held[table.name] = table }
        return content
    }

    /// Ends the session, and the locks with it; nothing is proved.
    func drop() async {
        if let session { await drop(session) }
    }

    private func drop(_ dropped: DatabaseSession) async {
        await dropped.close()
        guard session === dropped else { return }
        session = nil
        processID = nil
        held = [:]
        keepAlive?.cancel()
        keepAlive = nil
    }
}

extension PostgreSQLClient {
    /// Sessions of the database that are in a transaction, without their statements, which may hold
    /// data; and prepared transactions.
    func openTransactions() async throws(Failure) -> [String] {
        try await rows(
            """
            SELECT text FROM (
              SELECT xact_start AS since, concat('session ', pid, ' of ', usename, ', ', state,
                  ', for ', extract(epoch FROM now() - xact_start)::int, ' s') AS text
                FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL
                  AND pid <> pg_backend_pid() AND application_name NOT LIKE 'pawl/%'
              UNION ALL
              SELECT prepared, concat('prepared transaction ', quote_literal(gid), ' of ', owner)
                FROM pg_prepared_xacts WHERE database = current_database()
            ) found ORDER BY since LIMIT 20
            """, for: "list transactions"
        ).compactMap(\.first)
    }

    /// Sessions that wait for a process, or behind one that does.
    func sessions(waitingFor process: String) async throws(Failure) -> [String] {
        try await rows(
            """
            WITH RECURSIVE waiter(pid) AS (
                SELECT pid FROM pg_stat_activity WHERE \(process) = ANY (pg_blocking_pids(pid))
                UNION
                SELECT a.pid FROM waiter w JOIN pg_stat_activity a
                  ON w.pid = ANY (pg_blocking_pids(a.pid)))
              SELECT pid FROM waiter
            """, for: "list who waits"
        ).compactMap(\.first)
    }
}
