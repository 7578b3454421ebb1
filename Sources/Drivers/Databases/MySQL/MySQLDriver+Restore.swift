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
        return .dataRestored(
            fingerprint: try compared(backup, try await loaded(reader, client, context)))
    }

    /// A dump of somebody else's: what is there afterwards is what it holds, if it was whole.
    func load(
        _ dump: Dump, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) -> Fingerprint {
        let reader = try await Blocking.attempt { stop throws(Failure) in
            try DumpReader.verified(dump, isStopped: { stop.isRaised })
        }
        let found = try await loaded(
            reader, client, context, definition: try await definition(client)
        )
        .fingerprint(isExact: true)
        guard found.tables > 0 else {
            throw Failure(
                code: "dump-empty",
                message: "\(dump.path) was loaded, and schema \(settings.schema) has no table",
                advice: "look into the dump for statements that lead elsewhere", isPermanent: true)
        }
        return found
    }

    /// The schema's own character set and collation, which a dump of it need not hold.
    private func definition(_ client: MySQLClient) async throws(Failure) -> String {
        let rows = try await client.ask(
            """
            SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME
              FROM information_schema.SCHEMATA
              WHERE SCHEMA_NAME = \(MySQLText.string(settings.schema));

            """, for: "read the schema's character set", inSchema: false)
        guard let row = rows.first, row.count == 2 else { return "" }
        return " CHARACTER SET \(row[0]) COLLATE \(row[1])"
    }

    /// Loads a backup or a dump in place of the schema, and answers what is there then.
    ///
    /// - Parameter definition: What follows the schema's name where it is made anew.
    private func loaded(
        _ reader: any DataReader, _ client: MySQLClient, _ context: Context,
        definition: String = ""
    ) async throws(Failure) -> MySQLContent {
        guard await !fence.isUp() else {
            throw Failure(
                code: "fence-stands", message: "the fence stands, and nothing can be restored",
                advice: "this is a defect of Pawl: please report it", isPermanent: true)
        }
        try await client.endSession(holding: restoreLock(context))
        let dialect = try await client.dialect()
        let mayWiden = dialect.packetLimitInBytes < Self.packetSizeInBytes
        let wasWidened = mayWiden ? try await widenPackets(client) : false
        let result: Result<MySQLContent, Failure>
        do throws(Failure) {
            let parts = MySQLBackupParts(reader)
            result = .success(try await loaded(parts, client, dialect, context, definition))
        } catch {
            result = .failure(error)
        }
        if wasWidened {
            // Of no consequence to the data, and a crash leaves it as well.
            _ = try? await setPackets(dialect.packetLimitInBytes, client)
        }
        return try result.get()
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

    /// Loads the parts one after the other.
    ///
    /// Events act as soon as they are there, and what they write must not count as a difference: so
    /// what lies still is looked at before they are loaded. Killed in between, the schema is not
    /// the backup's, and all is done once more.
    private func loaded(
        _ parts: MySQLBackupParts, _ client: MySQLClient, _ dialect: MySQLDialect,
        _ context: Context, _ definition: String
    ) async throws(Failure) -> MySQLContent {
        let schema = MySQLText.identifier(settings.schema)
        let lenient = try await client.lenientSettings(dialect).map { "SET SESSION \($0);\n" }
        let dropping =
            "DROP DATABASE IF EXISTS \(schema);\nCREATE DATABASE \(schema)\(definition);\n"
        try await load(parts, lenient.joined() + dropping, client, context)
        let content = try await client.content(dialect)
        guard parts.isDivided else { return content }
        try await load(parts, "", client, context)
        return content.adding(try await client.events(dialect))
    }

    /// Loads one part of the backup in one session, which has the lock or does nothing.
    private func load(
        _ parts: MySQLBackupParts, _ first: String, _ client: MySQLClient, _ context: Context
    ) async throws(Failure) {
        let lock = MySQLText.string(restoreLock(context))
        // Where the lock is not to be had the second query has two rows, and that is an error.
        let before =
            MySQLText.preamble + """
                SET SESSION lock_wait_timeout=60, foreign_key_checks=0, unique_checks=0;
                SELECT IF(GET_LOCK(\(lock), 0) = 1, 1, (SELECT 1 UNION SELECT 2));
                \(first)USE \(MySQLText.identifier(settings.schema));

                """
        let report = context.report
        let source = MySQLLoadSource(
            // A dump may have led elsewhere.
            before: before, reader: parts,
            after: "\nSELECT IF(DATABASE() = \(MySQLText.string(settings.schema)), "
                + "'\(Self.loadedMark)', 'elsewhere');\n"
        ) { report(.bytes(done: $0, total: $1)) }
        let answer = ToolOutput(limitInBytes: 4096)
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
        _ backup: Backup, _ content: MySQLContent
    ) throws(Failure) -> Fingerprint {
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
        let areRowsEqual = original.isExact && MySQLContent.haveEqualRows(tables, content.tables)
        throw Failure(
            code: "restore-differs",
            message: "\(backup.path) was loaded, but the schema is not what was backed up: \(what)",
            advice: areRowsEqual ? Self.adviceWhereRowsAreEqual : Self.adviceWhereRowsDiffer,
            isPermanent: true)
    }

    private static let adviceWhereRowsAreEqual =
        "all rows are back, and definitions alone differ: compare SHOW CREATE with the backup; "
        + "where that is of no account, go on with `pawl settle restoreData --as done "
        + "--reason WHY`"
    private static let adviceWhereRowsDiffer =
        "see that nothing writes to the schema, and that the server is the one that the backup "
        + "is from; then go on with `pawl resume --retry --reason WHY`"
}

extension BackupManifest {
    /// The manifest of a backup by its path; `nil` where there is none.
    static func beside(_ backup: Backup) throws(Failure) -> BackupManifest? {
        let file = Files.name(of: backup.path)
        let found = [".sql.", ".pgdump."].lazy.compactMap { file.firstRange(of: $0) }.first
        guard let name = found.map({ file[..<$0.lowerBound] }) else { return nil }
        let path = "\(Files.parent(of: backup.path))/\(name).manifest.json"
        guard let bytes = try Files.read(path, limitInBytes: 16 << 20) else { return nil }
        return try Files.decoded(BackupManifest.self, from: bytes, path: path)
    }
}
