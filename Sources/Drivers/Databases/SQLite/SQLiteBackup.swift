internal import GRDB
internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

// A backup by SQLite's online backup, checked before it counts.
extension SQLiteDriver {
    private static let pagesPerStep: CInt = 512

    func backupScratch(_ name: String, in context: Context) -> String {
        "\(context.plan.backups)/.\(name).scratch"
    }

    /// Copies the live file, checks the copy, and streams it into the backup.
    func backUp(_ name: String, in context: Context) async throws(Failure) -> Backup {
        let store = BackupStore(context.plan)
        if case .present(let backup) = try await store.find(name) { return backup }
        let scratch = SQLiteFile(path: backupScratch(name, in: context))
        return try await Blocking.attempt { [self] stop throws(Failure) in
            try removeScratch(scratch.path)
            defer { try? removeScratch(scratch.path) }  // `clear` takes what stays
            try copy(to: scratch, store, stop, context.report)
            let content = try checked(scratch, stop)
            return try publish(scratch, name, store, content, stop)
        }
    }

    private func copy(
        to scratch: SQLiteFile, _ store: BackupStore, _ stop: StopFlag,
        _ report: @escaping @Sendable (Progress) -> Void
    ) throws(Failure) {
        let source = try file.open(readOnly: true, stop: stop)
        let size = try file.perform("size") {
            try source.read { database in
                let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
                return pages * (try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0)
            }
        }
        let path = file.path
        // The copy, and beside it the backup, which may not compress at all.
        try store.requireSpace(ofBytes: 2 * size + (1 << 20), for: "a backup of \(file.path)")
        // Closed before SQLite opens it, whose locks a later close would drop.
        close(try createPrivately(scratch.path))
        let target = try scratch.open(readOnly: false, stop: stop)
        try file.perform("back up") {
            // One read transaction around all steps: one state of the data, and no beginning anew
            // when somebody writes.
            try source.read { live in
                let mode = try String.fetchOne(live, sql: "PRAGMA journal_mode")
                try target.writeWithoutTransaction { copy in
                    try live.backup(to: copy, pagesPerStep: Self.pagesPerStep) { progress in
                        if stop.isRaised { throw Failure.sqliteInterrupted(path) }
                        report(
                            .bytes(
                                done: size / max(1, progress.totalPageCount)
                                    * progress.completedPageCount, total: size))
                    }
                    // It is a property of the file, which the backup does not copy.
                    if mode == "wal" { try copy.execute(sql: "PRAGMA journal_mode = WAL") }
                }
            }
            try target.close()
            try source.close()
        }
    }

    /// Follows no link, and opens nothing that is there already.
    func createPrivately(_ path: String) throws(Failure) -> CInt {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("create", on: path) }
        return descriptor
    }

    /// The fingerprint of a copy that is whole and in order.
    func checked(_ copy: SQLiteFile, _ stop: StopFlag) throws(Failure) -> SQLiteFingerprint {
        let queue = try copy.open(readOnly: true, stop: stop)
        try copy.quickCheck(queue, stop: stop)
        let content = try SQLiteFingerprint(of: copy, queue, stop: stop)
        try copy.perform("close") { try queue.close() }
        for companion in SQLiteFile.companions {
            // Closed, all of it is in the file itself; else a copy of the file were not the data.
            guard try Files.status(of: copy.path + companion)?.st_size ?? 0 == 0 else {
                throw Failure(
                    code: "database-busy", message: "\(copy.path)\(companion) is still in use",
                    advice: "find out what has opened \(copy.path)")
            }
        }
        return content
    }

    private func publish(
        _ scratch: SQLiteFile, _ name: String, _ store: BackupStore, _ content: SQLiteFingerprint,
        _ stop: StopFlag
    ) throws(Failure) -> Backup {
        let descriptor = open(scratch.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", on: scratch.path) }
        defer { close(descriptor) }
        let writer = try store.writer(name: name, fileExtension: "sqlite")
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = read(descriptor, chunk.baseAddress, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0, !stop.isRaised else {
                writer.discard()
                throw stop.isRaised
                    ? .sqliteInterrupted(file.path) : .system("read", on: scratch.path)
            }
            if count == 0 { break }
            try writer.write(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        }
        return try writer.finish(
            BackupContent(
                fingerprint: content.fingerprint, tables: content.tables,
                position: content.position, server: SQLiteFile.server,
                tool: "SQLite's online backup"))
    }

    /// Removes a scratch database with all that SQLite may have put beside it.
    func removeScratch(_ path: String) throws(Failure) {
        for companion in SQLiteFile.companions { try Files.remove(path + companion) }
        try Files.remove(path)
    }
}
