import UpgradeMachine

// The database server's statements.
extension World {
    var position: Position {
        switch scenario.positions {
        case .log: Position("gtid:0-1-\(writes)")
        case .content: Position("content:\(content.digest)")
        }
    }

    func fingerprint(isExact: Bool) -> Fingerprint {
        Fingerprint(
            digest: content.digest, tables: content.exists ? 1 : 0, rows: content.rows.count,
            isExact: isExact)
    }

    /// Takes the read lock, and `read_only` as a second line.
    func takeLock() throws(Failure) -> Session {
        guard lock == nil else {
            throw Failure(code: "fence-busy", message: "another session has it", advice: "wait")
        }
        let session = makeSession()
        lock = session
        return session
    }

    func dropLock() { lock = nil }
    func setReadOnly(_ isOn: Bool) { isReadOnly = isOn }

    /// Begins to load: the schema is dropped and made anew.
    func dropSchema(for rows: [Int]) -> Session {
        checkSaved()
        let session = makeSession()
        if sabotage == .restoreDoesNotClear {
            content.exists = true
        } else {
            content = Content(rows: [])
        }
        writes += 1
        let third = (rows.count + 2) / 3
        loader = Loader(
            session: session,
            rest: [
                rows.prefix(third), rows.dropFirst(third).prefix(third), rows.dropFirst(2 * third),
            ]
            .map(Array.init))
        return session
    }

    /// What the candidate has made of the data is saved before it is dropped.
    private func checkSaved() {
        let backups = disk.durableBackups(of: plan.upgrade)
        if !backups.keys.contains(where: { $0.contains("before") }) {
            violate(.backedUp, "the data is dropped, and no durable backup is there to put back")
        }
        let isSaved = backups.keys.contains { $0.contains("migrated") }
        if !isSaved, !plan.mayLoseMigratedData {
            violate(.backedUp, "the migrated data is dropped before it is saved")
        }
    }

    /// Loads the next part; none where it was the last.
    func load(_ session: Session) throws(Failure) -> Bool {
        guard var loader, loader.session.id == session.id else {
            throw Failure(code: "session-lost", message: "the session has ended", advice: "again")
        }
        content.rows += loader.rest.removeFirst()
        writes += 1
        self.loader = loader.rest.isEmpty ? nil : loader
        return !loader.rest.isEmpty
    }
}
