internal import HTTPClient
internal import UpgradeMachine

extension MySQLDriver {
    private static let loadedMark = "pawl-load-complete"
    /// The largest that a server takes (MySQL 8.0 manual, `max_allowed_packet`).
    private static let packetSizeInBytes = 1 << 30

    func observeRestored(
        _ backup: Backup, _ client: MySQLClient
    ) async throws(Failure) -> Observation {
        do throws(Failure) {
            let content = try await client.content(try await client.dialect())
            let found = content.fingerprint(isExact: true)
            guard backup.fingerprint.isExact, found.digest == backup.fingerprint.digest else {
                return .torn(detail: "schema \(settings.schema) is not the backup's content")
            }
            return .present(.dataRestored(fingerprint: found))
        } catch  where error.code == MySQLErrorKind.schemaMissing.code {
            return .torn(detail: error.message)
        }
    }

    func restore(
        _ backup: Backup, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Receipt {
        let reader = try await Blocking.attempt { stop throws(Failure) in
            try BackupReader.verified(backup, isStopped: { stop.isRaised })
        }
        guard await !fence.isUp() else {
            throw Failure(
                code: "fence-stands", message: "the fence stands, and nothing can be restored",
                advice: "this is a defect of Pawl: please report it", isPermanent: true)
        }
        try await client.endSession(holding: restoreLock(context))
        let dialect = try await client.dialect()
        let mayWiden = dialect.packetLimitInBytes < Self.packetSizeInBytes
        let wasWidened = mayWiden ? try await widenPackets(client) : false
        let result: Result<Void, Failure>
        do throws(Failure) {
            result = .success(try await load(reader, client, context))
        } catch {
            result = .failure(error)
        }
        if wasWidened {
            // Of no consequence to the data, and a crash leaves it as well.
            _ = try? await setPackets(dialect.packetLimitInBytes, client)
        }
        try result.get()
        return .dataRestored(fingerprint: try await compared(backup, client, dialect))
    }

    /// A row of a dump is longer than it was: twice in hexadecimal, and the statement around it.
    ///
    /// A session has the limit that was global when it began. An account that may not set it goes on
    /// with what there is.
    private func widenPackets(_ client: MySQLClient) async throws(Failure) -> Bool {
        do throws(Failure) {
            try await setPackets(Self.packetSizeInBytes, client)
            return true
        } catch  where error.code == MySQLErrorKind.privilegeMissing.code {
            return false
        }
    }

    private func setPackets(_ size: Int, _ client: MySQLClient) async throws(Failure) {
        _ = try await client.ask(
            "SET GLOBAL max_allowed_packet=\(size);\n", for: "set max_allowed_packet",
            inSchema: false)
    }

    /// Drops the schema and loads the backup in one session, which has the lock or does nothing.
    private func load(
        _ reader: BackupReader, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) {
        let schema = MySQLText.identifier(settings.schema)
        let lock = MySQLText.string(restoreLock(context))
        // Where the lock is not to be had the second query has two rows, and that is an error.
        let before =
            MySQLText.preamble + """
                SET SESSION lock_wait_timeout=60, foreign_key_checks=0, unique_checks=0;
                SELECT IF(GET_LOCK(\(lock), 0) = 1, 1, (SELECT 1 UNION SELECT 2));
                DROP DATABASE IF EXISTS \(schema);
                CREATE DATABASE \(schema);
                USE \(schema);

                """
        let report = context.report
        let source = MySQLLoadSource(
            before: before, reader: reader, after: "\nSELECT '\(Self.loadedMark)';\n"
        ) { report(.bytes(done: $0, total: $1)) }
        let answer = MySQLOutput(limitInBytes: 4096)
        let ending = try await client.tools.run(
            client.call(schema: nil), pull: { try source.take(into: $0) }, sink: { answer.take($0) }
        )
        let action =
            "restore schema \(settings.schema) with \(client.program) "
            + "in \(client.tools.place)"
        guard ending.isSuccess else {
            throw .mysql(action, standardError: ending.standardError, ending: ending.text)
        }
        guard answer.text.split(separator: "\n").last.map(String.init) == Self.loadedMark else {
            throw Failure(
                code: "restore-incomplete",
                message: "\(action): the client \(ending.text), but did not execute all of it",
                advice: "look whether somebody ended it, or the server was stopped",
                excerpt: ending.standardError.isEmpty ? nil : ending.standardError)
        }
    }

    private func compared(
        _ backup: Backup, _ client: MySQLClient, _ dialect: MySQLDialect
    ) async throws(Failure) -> Fingerprint {
        let content = try await client.content(dialect)
        let found = content.fingerprint(isExact: true)
        let original = backup.fingerprint
        if original.isExact, found.digest == original.digest { return found }
        let tables = try BackupManifest.beside(backup)?.tables ?? []
        let differing = MySQLContent.differences(
            tables, content.tables, inRows: original.isExact)
        // Where writing went on beside the dump, its rows are no measure.
        if !original.isExact, differing.isEmpty, found.tables == original.tables { return found }
        let what =
            differing.isEmpty
            ? "definitions of the schema, its views, triggers, routines or events"
            : "tables " + differing.prefix(20).joined(separator: ", ")
        throw Failure(
            code: "restore-differs",
            message: "\(backup.path) was loaded, but the schema is not what was backed up: \(what)",
            advice: "see that nothing writes to the schema, and that the server is the one that "
                + "the backup is from; then go on with `pawl resume --retry --reason WHY`",
            isPermanent: true)
    }
}

extension BackupManifest {
    /// The manifest of a backup by its path; `nil` where there is none.
    static func beside(_ backup: Backup) throws(Failure) -> BackupManifest? {
        let directory = Files.parent(of: backup.path)
        guard
            let name = Files.name(of: backup.path).firstRange(of: ".sql.").map({
                String(Files.name(of: backup.path)[..<$0.lowerBound])
            })
        else { return nil }
        let path = "\(directory)/\(name).manifest.json"
        guard let bytes = try Files.read(path, limitInBytes: 16 << 20) else { return nil }
        return try Files.decoded(BackupManifest.self, from: bytes, path: path)
    }
}
