internal import UpgradeMachine

extension PostgreSQLDriver {
    /// How long sessions that wait to write may take to end.
    private static let writersLimit = Duration.seconds(5)

    func raiseFence(_ client: PostgreSQLClient) async throws(Failure) -> Receipt {
        try await fence.raise(with: client)
        return .fenceRaised(position: try await content(client).position)
    }

    func observeFence(_ client: PostgreSQLClient) async throws(Failure) -> Observation {
        if await fence.isUp() {
            return .present(.fenceRaised(position: try await content(client).position))
        }
        return try await client.hasSessions(for: .fence)
            ? .torn(detail: "a session of another run holds the fence") : .absent
    }

    /// Lifted, and the position is the expected one; a lift without proof is done once more.
    func observeLifted(
        proving expected: Position?, _ client: PostgreSQLClient
    ) async throws(Failure) -> Observation {
        if await fence.isUp() { return .absent }
        guard try await !client.hasSessions(for: .fence) else { return .absent }
        guard let expected else { return .present(.fenceLifted) }
        return try await content(client).position == expected ? .present(.fenceLifted) : .absent
    }

    func liftFence(
        proving expected: Position?, _ client: PostgreSQLClient
    ) async throws(Failure) -> Receipt {
        if let expected { try await prove(expected, client) }
        try await removeFence(client)
        return .fenceLifted
    }

    private func prove(_ expected: Position, _ client: PostgreSQLClient) async throws(Failure) {
        let found = try await content(client).position
        guard found == expected else {
            throw Failure(
                code: "fence-broken",
                message: "something was written behind the fence: the database stood at "
                    + "\(expected.text) and stands at \(found.text)",
                advice: "find out who writes there (an administrator, a job, a subscription), and "
                    + "stop it before the next upgrade",
                isPermanent: true)
        }
        try await endWaiting(client)
    }

    /// Whoever waits now would write right after the proof.
    ///
    /// All writers have stopped by now, so that the clients of these have gone: the server does not
    /// look for that while a statement waits (PostgreSQL 15 manual, 20.3.1,
    /// `client_connection_check_interval`), and they are ended.
    private func endWaiting(_ client: PostgreSQLClient) async throws(Failure) {
        guard let holder = await fence.processID else { return }
        let deadline = ContinuousClock.now + Self.writersLimit
        while true {
            let waiting = try await client.sessions(waitingFor: holder)
            if waiting.isEmpty { return }
            for process in waiting { try await client.terminate(process) }
            guard ContinuousClock.now < deadline else {
                throw Failure(
                    code: "writers-waiting",
                    message: "these sessions would write as soon as the fence is lifted: "
                        + waiting.prefix(5).joined(separator: ", "),
                    advice: "stop what writes there besides the application, and go on as "
                        + "`pawl status` shows")
            }
            try await MySQLClient.pause(.milliseconds(200))
        }
    }

    /// Takes it away, this run's and a dead one's.
    func removeFence(_ client: PostgreSQLClient) async throws(Failure) {
        await fence.drop()
        try await client.endSessions(for: .fence)
    }
}

extension PostgreSQLClient {
    func hasSessions(for purpose: Purpose) async throws(Failure) -> Bool {
        let name = PostgreSQLText.string(sessionName(purpose))
        let rows = try await rows(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = \(name)",
            for: "look for the fence")
        return !rows.isEmpty
    }

    /// Ends a session, as far as the account may; whoever asks for it looks again.
    func terminate(_ process: String) async throws(Failure) {
        do throws(Failure) {
            _ = try await rows(
                "SELECT pg_terminate_backend(\(process))", for: "end session \(process)")
        } catch  where error.code == PostgreSQLErrorKind.privilegeMissing.code {
            // It is a superuser's.
        }
    }
}
