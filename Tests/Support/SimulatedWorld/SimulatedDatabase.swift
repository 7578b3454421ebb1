import UpgradeMachine

/// The database's driver, call by call as the real one for MySQL makes them.
struct SimulatedDatabase {
    let process: Process
    private var world: World { process.world }
    private var plan: Plan { world.plan }

    // MARK: Fence

    private func isUp() async throws(Failure) -> Bool {
        guard let fence = process.fence else { return false }
        if world.sabotage == .fenceIsNotRechecked { return true }
        let holder = try await process.call(.ask, world.lock?.id)
        if holder == fence.id { return true }
        process.fence = nil
        return false
    }

    func position() async throws(Failure) -> Position {
        try await process.call(.ask, world.position)
    }

    func observeFence() async throws(Failure) -> Observation {
        if try await isUp() {
            return .present(.fenceRaised(position: try await position()))
        }
        return try await process.call(.ask, world.isReadOnly)
            ? .torn(detail: "read_only is set, and no session of this run holds the lock") : .absent
    }

    func raiseFence() async throws(Failure) -> Receipt {
        if try await !isUp() {
            // A dead Pawl's session.
            try await process.call(.ask, world.dropLock())
            process.fence = try await process.call(.lock, try world.takeLock())
            try await process.call(.ask, world.setReadOnly(true))
        }
        return .fenceRaised(position: try await position())
    }

    func observeLifted(_ expected: Position?) async throws(Failure) -> Observation {
        if try await isUp() { return .absent }
        guard try await process.call(.ask, world.lock == nil && !world.isReadOnly) else {
            return .absent
        }
        guard let expected else { return .present(.fenceLifted) }
        return try await position() == expected ? .present(.fenceLifted) : .absent
    }

    func liftFence(_ expected: Position?) async throws(Failure) -> Receipt {
        let isProved = world.sabotage != .fenceIsNotRechecked
        if isProved, let expected, try await position() != expected {
            throw Failure(
                code: "fence-broken", message: "something was written behind the fence",
                advice: "find out who", isPermanent: true)
        }
        try await removeFence()
        return .fenceLifted
    }

    func removeFence() async throws(Failure) {
        try await process.call(.lift, world.setReadOnly(false))
        try await process.call(.ask, world.dropLock())
        process.fence = nil
    }

    // MARK: Backup

    private enum Found {
        case absent, torn
        case present(Backup)
    }

    private func find(_ name: String) async throws(Failure) -> Found {
        let leavings = try await process.call(
            .file, world.disk.names(beginningWith: "/backups/\(name)."))
        let manifest = try await process.call(.file, world.disk.content(of: Disk.manifest(name)))
        guard case .manifest(let manifest) = manifest else {
            return leavings.isEmpty ? .absent : .torn
        }
        let dump = try await process.call(.file, world.disk.content(of: manifest.backup.path))
        guard case .dump(let content) = dump, content.digest == manifest.backup.sha256 else {
            return .torn
        }
        // Its writer may have died between the name and its way to the disk.
        try await process.call(.sync, world.disk.syncDirectory())
        return .present(manifest.backup)
    }

    func observeBackup(_ effect: Effect, _ name: String) async throws(Failure) -> Observation {
        switch try await find(name) {
        case .absent: .absent
        case .torn: .torn(detail: "\(name) is not whole")
        case .present(let backup): .present(Self.receipt(effect, backup))
        }
    }

    static func receipt(_ effect: Effect, _ backup: Backup) -> Receipt {
        effect.step == .saveData ? .dataSaved(backup: backup) : .backedUp(backup: backup)
    }

    func clearBackup(_ name: String) async throws(Failure) {
        guard case .torn = try await find(name) else { return }
        for path in world.disk.names(beginningWith: "/backups/\(name).") {
            try await process.call(.file, world.disk.remove(path))
        }
        try await process.call(.sync, world.disk.syncDirectory())
    }

    private func requireFence() async throws(Failure) {
        guard try await isUp() else {
            throw Failure(
                code: "fence-lost", message: "the session that held the fence has ended",
                advice: "the backup is taken again")
        }
    }

    func backUp(_ effect: Effect, _ name: String) async throws(Failure) -> Receipt {
        switch try await find(name) {
        case .present(let backup): return Self.receipt(effect, backup)
        case .torn: try await clearBackup(name)
        case .absent: break
        }
        let isFenced = effect.step == .backUp && plan.fence == .hold
        if isFenced { try await requireFence() }
        let partial = Disk.dump(name) + ".partial"
        try await process.call(.file, world.disk.create(partial))
        do throws(Failure) {
            let backup = try await dump(effect, name, into: partial, isFenced: isFenced)
            return Self.receipt(effect, backup)
        } catch {
            if !process.isDead { world.disk.remove(partial) }
            throw error
        }
    }

    private func dump(
        _ effect: Effect, _ name: String, into partial: String, isFenced: Bool
    ) async throws(Failure) -> Backup {
        let before = try await position()
        // One consistent read, and then the writing of it.
        let content = try await process.call(.dump, world.content)
        for _ in 0..<2 {
            try await process.call(.dump, world.disk.write(.incomplete, to: partial))
        }
        try await process.call(.dump, world.disk.write(.dump(content), to: partial))
        if isFenced { try await requireFence() }
        let print = try await process.call(.ask, world.fingerprint(isExact: true))
        let isQuiet = isFenced || effect.step == .saveData
        let after = isQuiet ? try await position() : before
        let isExact = isQuiet && after == before
        if isFenced { try await requireFence() }
        if world.sabotage != .renamedBeforeSync {
            try await process.call(.sync, world.disk.sync(partial))
        }
        let path = Disk.dump(name)
        guard try await process.call(.file, world.disk.content(of: path) == nil) else {
            throw .changed("\(path) is there")
        }
        try await process.call(.file, world.disk.link(partial, to: path))
        try await process.call(.file, world.disk.remove(partial))
        try await process.call(.sync, world.disk.syncDirectory())
        let backup = Backup(
            instance: plan.instance, path: path, sha256: content.digest,
            sizeInBytes: content.rows.count,
            fingerprint: Fingerprint(
                digest: print.digest, tables: print.tables, rows: print.rows, isExact: isExact),
            position: after)
        try await writeManifest(
            Disk.Manifest(upgrade: plan.upgrade, name: name, backup: backup), name)
        return backup
    }

    private func writeManifest(
        _ manifest: Disk.Manifest, _ name: String
    ) async throws(Failure) {
        let path = Disk.manifest(name)
        let partial = path + ".new"
        try await process.call(.file, world.disk.create(partial))
        try await process.call(.file, world.disk.write(.manifest(manifest), to: partial))
        try await process.call(.sync, world.disk.sync(partial))
        try await process.call(.file, world.disk.rename(partial, to: path))
        try await process.call(.sync, world.disk.syncDirectory())
    }

    // MARK: Restore

    func observeRestored(_ backup: Backup) async throws(Failure) -> Observation {
        let found = try await process.call(.ask, world.fingerprint(isExact: true))
        guard backup.fingerprint.isExact, found.digest == backup.fingerprint.digest else {
            return .torn(detail: "the schema is not the backup's content")
        }
        return .present(.dataRestored(fingerprint: found))
    }

    func restore(_ backup: Backup) async throws(Failure) -> Receipt {
        let payload = try await process.call(.file, world.disk.content(of: backup.path))
        guard case .dump(let dump) = payload, dump.digest == backup.sha256 else {
            throw .changed("\(backup.path) is not what was written")
        }
        if world.sabotage != .leftoversStay { try await endLoading() }
        let session = try await process.call(.load, world.dropSchema(for: dump.rows))
        while try await process.call(.load, try world.load(session)) {}
        let found = try await process.call(.ask, world.fingerprint(isExact: true))
        let original = backup.fingerprint
        if world.sabotage == .restoreDoesNotClear { return .dataRestored(fingerprint: original) }
        if original.isExact ? found.digest == original.digest : found.tables == original.tables {
            return .dataRestored(fingerprint: found)
        }
        throw .changed("the schema is not what was backed up")
    }

    /// Ends the session of a load whose client may be dead.
    func endLoading() async throws(Failure) {
        try await process.call(.ask, world.endLoads())
    }
}
