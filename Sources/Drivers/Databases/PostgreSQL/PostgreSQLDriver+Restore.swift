internal import HTTPClient
internal import UpgradeMachine

extension PostgreSQLDriver {
    func observeRestored(
        _ backup: Backup, _ client: PostgreSQLClient
    ) async throws(Failure) -> Observation {
        do throws(Failure) {
            let content = try await client.content()
            let found = content.fingerprint(isExact: true)
            let manifest = try BackupManifest.beside(backup)?.postgresql
            guard backup.fingerprint.isExact, found.digest == backup.fingerprint.digest,
                Set(manifest?.sequences ?? []).isSubset(of: content.sequences)
            else {
                return .torn(detail: "database \(settings.database) is not the backup's content")
            }
            return .present(.dataRestored(fingerprint: found))
        } catch  where error.code == PostgreSQLErrorKind.databaseMissing.code {
            return .torn(detail: error.message)
        }
    }

    /// Drops the database, and makes it again from the backup with its settings, owner, privileges
    /// and comment: nothing of what a migration made can be left.
    ///
    /// Sequential, since a dump that comes through a pipe cannot be read in parallel (PostgreSQL 15
    /// manual, pg_restore, `--jobs`).
    func restore(
        _ backup: Backup, _ client: PostgreSQLClient, _ context: Context
    ) async throws(Failure) -> Receipt {
        let reader = try await Blocking.attempt { stop throws(Failure) in
            try BackupReader.verified(backup, isStopped: { stop.isRaised })
        }
        guard await !fence.isUp() else {
            throw Failure(
                code: "fence-stands", message: "the fence stands, and nothing can be restored",
                advice: "this is a defect of Pawl: please report it", isPermanent: true)
        }
        let program = try await client.locate("pg_restore")
        let manifest = try BackupManifest.beside(backup)
        guard let described = manifest?.postgresql else {
            throw Failure(
                code: "backup-of-another-kind",
                message:
                    "\(backup.path) is no backup of a PostgreSQL database; nothing was dropped",
                advice: "name one that is: pawl backup --list", isPermanent: true)
        }
        try await requireRoles(described.roles, client)
        try await client.endSessions(for: .work(step: .restoreData))
        try await drop(client)
        try await load(reader, program, client, context)
        let content = try await client.content()
        return .dataRestored(fingerprint: try compared(backup, manifest, content))
    }

    /// A dump refers to roles, and does not hold them: looked for while the database is still there.
    private func requireRoles(
        _ roles: [String], _ client: PostgreSQLClient
    ) async throws(Failure) {
        let rows = try await client.rows(
            "SELECT rolname FROM pg_roles", for: "list roles", in: .maintenance)
        let missing = Set(roles).subtracting(rows.compactMap(\.first)).sorted()
        guard !missing.isEmpty else { return }
        throw Failure(
            code: PostgreSQLErrorKind.roleMissing.code,
            message: "the backup needs roles that the server does not have: "
                + MySQLSurvey.names(missing) + "; nothing was dropped",
            advice: "create them as they were (CREATE ROLE), then go on with "
                + "`pawl resume --retry --reason WHY`",
            isPermanent: true)
    }

    /// Ends all sessions of the database with it (PostgreSQL 15 manual, DROP DATABASE, `FORCE`).
    private func drop(_ client: PostgreSQLClient) async throws(Failure) {
        let name = PostgreSQLText.identifier(settings.database)
        _ = try await client.ask(
            "DROP DATABASE IF EXISTS \(name) WITH (FORCE);\n",
            for: "drop database \(settings.database)", in: .maintenance, within: client.limit)
    }

    private func load(
        _ reader: BackupReader, _ program: String, _ client: PostgreSQLClient, _ context: Context
    ) async throws(Failure) {
        let report = context.report
        let total = reader.sizeInBytes
        let progress = PostgreSQLProgress { report(.bytes(done: $0, total: total)) }
        let call = client.call(
            program, to: .maintenance, ["--format=custom", "--create", "--exit-on-error"])
        let ending = try await client.tools.run(
            call,
            pull: { buffer in
                let count = try reader.read(into: buffer)
                progress.tell(count == 0 ? total : reader.done)
                return count
            }, sink: { _ in })
        guard ending.isSuccess else {
            throw .postgresql(
                "restore database \(settings.database) with \(program) in \(client.tools.place)",
                standardError: ending.standardError, ending: ending.text)
        }
    }

    private func compared(
        _ backup: Backup, _ manifest: BackupManifest?, _ content: PostgreSQLContent
    ) throws(Failure) -> Fingerprint {
        let found = content.fingerprint(isExact: true)
        let sequences = Set(manifest?.postgresql?.sequences ?? [])
        if found.digest == backup.fingerprint.digest, sequences.isSubset(of: content.sequences) {
            return found
        }
        let tables = manifest?.tables ?? []
        let rows = MySQLContent.differences(tables, content.tables, inRows: true)
        let rest = manifest?.postgresql.map { PostgreSQLContent.differences($0, content) } ?? []
        let all = rows.map { "table \($0)" } + rest
        throw Failure(
            code: "restore-differs",
            message: "\(backup.path) was loaded, but the database is not what was backed up: "
                + (all.isEmpty ? "its digest differs" : MySQLSurvey.names(all)),
            advice: rows.isEmpty && !tables.isEmpty
                ? "all rows are back, and definitions alone differ: compare `pg_dump "
                    + "--schema-only` with the backup; where that is of no account, go on with "
                    + "`pawl settle restoreData --as done --reason WHY`"
                : "see that nothing writes to the database, and that the server is the one that "
                    + "the backup is from; then go on with `pawl resume --retry --reason WHY`",
            isPermanent: true)
    }
}
