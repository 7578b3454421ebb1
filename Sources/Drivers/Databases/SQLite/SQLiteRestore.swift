internal import GRDB
internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

// Putting a backup's data back in place of what is there.
//
// A database is not one file: a journal or a write-ahead log of the old one beside the new one would
// be played into it and damage it. So the old one is first brought to be one file alone, by SQLite
// itself, under a lock that only a stopped application leaves free; then one rename(2) exchanges
// all. Killed before the rename: the old data, whole. After it: the new data, whole. A file that
// SQLite cannot bring there (it is no database any more) goes first and its companions after it:
// killed in between there is no database, which is seen, where a wrong one would not be.
extension SQLiteDriver {
    /// Beside the real file, since a rename works within one file system.
    func restoreScratch() throws(Failure) -> String {
        let path = try realPath()
        return "\(Files.parent(of: path))/.\(Files.name(of: path)).pawl-restore"
    }

    /// Where the data lies, if the configured path is a link.
    private func realPath() throws(Failure) -> String {
        guard let resolved = realpath(file.path, nil) else {
            guard errno == ENOENT else { throw .system("resolve", on: file.path) }
            return file.path
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    func observeRestore(_ backup: Backup) async throws(Failure) -> Observation {
        let scratch = try restoreScratch()
        guard try Files.status(of: scratch) == nil else {
            return .torn(detail: "\(scratch) is not in its place")
        }
        do throws(Failure) {
            let content = try await content()
            guard content.fingerprint.digest == backup.fingerprint.digest else { return .absent }
            // Whoever renamed it into place may have died before that was durable.
            try Files.syncDirectory(Files.parent(of: try realPath()))
            return .present(.dataRestored(fingerprint: content.fingerprint))
        } catch {
            switch error.code {
            case "database-missing": return .absent
            case "not-a-database", "database-damaged": return .torn(detail: error.message)
            default: throw error
            }
        }
    }

    /// Whether a dump's data has come to its place cannot be seen; what is left of a try can.
    func observeLoad() throws(Failure) -> Observation {
        let scratch = try restoreScratch()
        return try Files.status(of: scratch) == nil
            ? .absent : .torn(detail: "\(scratch) is not in its place")
    }

    func restore(_ backup: Backup, in context: Context) async throws(Failure) -> Receipt {
        let fingerprint = try await replaceData(in: context) { stop throws(Failure) in
            try BackupReader.verified(backup) { stop.isRaised }
        } check: { [self] found, path throws(Failure) in
            guard found.digest == backup.fingerprint.digest else {
                throw differs(backup, found, in: path)
            }
        }
        return .dataRestored(fingerprint: fingerprint)
    }

    /// A database file of somebody else's, such as a copy that a vendor's script has made.
    func load(_ dump: Dump, in context: Context) async throws(Failure) -> Fingerprint {
        try await replaceData(in: context) { stop throws(Failure) in
            try DumpReader.verified(dump) { stop.isRaised }
        } check: { _, _ in
        }
    }

    /// - Parameters:
    ///   - open: Gives the bytes of the database file that shall be there.
    ///   - check: Refuses content that is not what was expected, and where it lies.
    private func replaceData(
        in context: Context,
        _ open: @escaping @Sendable (StopFlag) throws(Failure) -> any DataReader,
        check: @escaping @Sendable (Fingerprint, String) throws(Failure) -> Void
    ) async throws(Failure) -> Fingerprint {
        let path = try realPath()
        let scratch = SQLiteFile(path: try restoreScratch())
        try await Blocking.attempt { [self] stop throws(Failure) in
            try removeScratch(scratch.path)
            // Above all on a full disk; what stays nevertheless is torn, and cleared.
            defer { try? removeScratch(scratch.path) }
            let descriptor = try createPrivately(scratch.path)
            defer { close(descriptor) }
            try unpack(try open(stop), into: scratch, descriptor, stop, context.report)
            try check(try checked(scratch, stop).fingerprint, scratch.path)
            try makeAlike(descriptor, scratch.path, path)
            // Owner and mode have to be there when its name is.
            guard fsync(descriptor) == 0 else { throw .system("fsync", on: scratch.path) }
            try SQLiteFile(path: path).settleForReplacement(stop)
            try Files.rename(scratch.path, to: path)
            try Files.syncDirectory(Files.parent(of: path))
        }
        let live = try await content().fingerprint
        try check(live, path)
        return live
    }

    private func unpack(
        _ reader: any DataReader, into scratch: SQLiteFile, _ descriptor: CInt, _ stop: StopFlag,
        _ report: @Sendable (Progress) -> Void
    ) throws(Failure) {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)
        defer { chunk.deallocate() }
        while case let count = try reader.read(into: chunk), count > 0 {
            try Files.writeAll(Array(chunk[..<count]), to: descriptor, path: scratch.path)
            report(.bytes(done: reader.done, total: reader.sizeInBytes))
            guard !stop.isRaised else { throw .sqliteInterrupted(file.path) }
        }
        guard fsync(descriptor) == 0 else { throw .system("fsync", on: scratch.path) }
    }

    /// Owner and mode of the file that is replaced, or of its directory where there is none.
    ///
    /// By the descriptor of the file that Pawl has made: the directory is the application's, which
    /// may have put a link to another file in the path's place.
    private func makeAlike(
        _ descriptor: CInt, _ scratch: String, _ path: String
    ) throws(Failure) {
        let old = try Files.followed(path)
        let directory = try Files.followed(Files.parent(of: path))
        guard let model = old ?? directory else { return }
        if model.st_uid != geteuid() || model.st_gid != getegid() {
            guard fchown(descriptor, model.st_uid, model.st_gid) == 0 else {
                throw .system("chown", on: scratch, advice: "run Pawl as root, or as the owner")
            }
        }
        guard fchmod(descriptor, old.map { $0.st_mode & 0o7777 } ?? 0o640) == 0 else {
            throw .system("chmod", on: scratch)
        }
    }

    private func differs(_ backup: Backup, _ found: Fingerprint, in path: String) -> Failure {
        Failure(
            code: "restore-differs",
            message:
                "\(path) holds \(found.rows) rows in \(found.tables) tables (\(found.digest)), "
                + "the backup \(backup.fingerprint.rows) in \(backup.fingerprint.tables) "
                + "(\(backup.fingerprint.digest))",
            advice: "do not start the application; compare \(path) with \(backup.path)",
            isPermanent: true)
    }
}

extension SQLiteFile {
    /// Leaves the database as one file that nobody has locked, or leaves none.
    fileprivate func settleForReplacement(_ stop: StopFlag) throws(Failure) {
        let directory = Files.parent(of: path)
        do throws(Failure) {
            let queue = try open(readOnly: false, stop: stop)
            try perform("settle") {
                try queue.inDatabase { database in
                    // Plays a journal back and a log in; both need that nobody else is there.
                    let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = DELETE")
                    guard mode == "delete" else { throw inUse }
                    try database.execute(sql: "BEGIN EXCLUSIVE")
                    try database.execute(sql: "ROLLBACK")
                }
                try queue.close()
            }
        } catch  where SQLiteFile.isUnreadable(error) {
            try Files.remove(path)
            try Files.syncDirectory(directory)
        }
        // After the main file has gone, or when they are empty: nothing reads them any more.
        for companion in Self.companions { try Files.remove(path + companion) }
        try Files.syncDirectory(directory)
    }

    private var inUse: Failure {
        Failure(
            code: "database-in-use", message: "\(path) is still open elsewhere",
            advice: "find what has it open (`fuser`) and stop it, then go on as "
                + "`pawl status` shows")
    }
}
