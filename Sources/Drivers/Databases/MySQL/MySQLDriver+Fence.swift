internal import UpgradeMachine

extension MySQLDriver {
    /// How long sessions that wait to write may take to end.
    private static let writersLimit = Duration.seconds(5)

    func raiseFence(
        _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Receipt {
        let dialect = try await client.dialect()
        try await fence.raise(with: client, dialect, lock: fenceLock(context))
        return .fenceRaised(position: try await position(client, dialect))
    }

    func observeFence(_ client: MySQLClient) async throws(Failure) -> Observation {
        if await fence.isUp() {
            let dialect = try await client.dialect()
            return .present(.fenceRaised(position: try await position(client, dialect)))
        }
        return try await client.dialect().isReadOnly
            ? .torn(detail: "read_only is set, but no session of this run holds the lock")
            : .absent
    }

    /// Lifted, and the position is the expected one; a lift without proof is done once more.
    func observeLifted(
        proving expected: Position?, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Observation {
        let dialect = try await client.dialect()
        if await fence.isUp() { return .absent }
        guard try await !client.holdsLock(fenceLock(context)), !dialect.isReadOnly else {
            return .absent
        }
        guard let expected else { return .present(.fenceLifted) }
        let found = try await position(client, dialect)
        return found == expected ? .present(.fenceLifted) : .absent
    }

    func liftFence(
        proving expected: Position?, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Receipt {
        if let expected {
            try await prove(expected, client)
        }
        try await removeFence(client, context)
        return .fenceLifted
    }

    private func prove(_ expected: Position, _ client: MySQLClient) async throws(Failure) {
        let dialect = try await client.dialect()
        let found = try await position(client, dialect)
        guard found == expected else {
            throw Failure(
                code: "fence-broken",
                message: "something was written behind the fence: the database stood at "
                    + "\(expected.text) and stands at \(found.text)",
                advice: "find out who writes there (an administrator, a job, a replica), and stop "
                    + "it before the next upgrade",
                isPermanent: true)
        }
        try await endWaiting(client)
    }

    /// Whoever waits now would write right after the proof.
    ///
    /// All writers have stopped by now, so that the clients of these have gone: MySQL does not look
    /// for that while a statement waits for the lock (`sql/mdl.cc`), and they are ended. What waits
    /// to write to another schema is free to go on.
    private func endWaiting(_ client: MySQLClient) async throws(Failure) {
        let deadline = ContinuousClock.now + Self.writersLimit
        while true {
            let waiting = try await client.processes().filter {
                $0.waitsForFence && ($0.hasNoSchema || $0.schema == settings.schema)
            }
            if waiting.isEmpty { return }
            for process in waiting where !process.hasNoSchema {
                try await client.kill(process.id)
            }
            guard ContinuousClock.now < deadline else {
                let names = waiting.prefix(5).map(\.text).joined(separator: "; ")
                throw Failure(
                    code: "writers-waiting",
                    message: "these would write as soon as the fence is lifted: \(names)",
                    advice: "stop what writes there besides the application, and go on as "
                        + "`pawl status` shows")
            }
            try await MySQLClient.pause(.milliseconds(200))
        }
    }

    /// Takes away every part of it that there is, this run's and a dead one's.
    func removeFence(_ client: MySQLClient, _ context: Context) async throws(Failure) {
        let dialect = try await client.dialect()
        if dialect.isReadOnly {
            _ = try await client.ask(
                dialect.lowerReadOnly + "\n", for: "allow writing again", inSchema: false)
        }
        await fence.drop()
        try await client.endSession(holding: fenceLock(context))
        guard try await !client.dialect().isReadOnly else {
            throw Failure(
                code: "fence-stays", message: "the server is read-only after it was set writable",
                advice: "look who sets read_only on this server")
        }
    }
}

extension MySQLClient {
    func holdsLock(_ lock: String) async throws(Failure) -> Bool {
        let rows = try await ask(
            "SELECT IS_USED_LOCK(\(MySQLText.string(lock))) IS NOT NULL;\n",
            for: "look for the lock", inSchema: false)
        return rows == [["1"]]
    }
}
