internal import Digests
internal import Foundation
internal import Glibc
public import UpgradeMachine

/// What stands beside a backup, in `NAME.manifest.json`; without it a file is no backup.
public struct BackupManifest: Codable, Hashable, Sendable {
    /// One table at the time of the backup.
    public struct Table: Codable, Hashable, Sendable {
        public let name: String
        public let rows: Int
        public let checksum: String

        public init(name: String, rows: Int, checksum: String) {
            self.name = name
            self.rows = rows
            self.checksum = checksum
        }
    }

    static let formatVersion = 1

    public let formatVersion: Int
    public let instance: String
    public let upgrade: String
    public let name: String
    /// The data, beside the manifest.
    public let file: String
    /// SHA-256 of the file as it is stored, in hexadecimal.
    public let sha256: String
    public let storedSizeInBytes: Int
    public let rawSizeInBytes: Int
    public let fingerprint: Fingerprint
    public let tables: [Table]
    public let position: Position?
    /// As in `SQLite 3.40.1`.
    public let server: String
    /// What made it, as in `mysqldump 8.0.36`.
    public let tool: String
    /// RFC 3339, in UTC.
    public let takenAt: String
    /// What a restore is compared with beside its tables; none where the database is another.
    var postgresql: PostgreSQLManifest?
}

/// What only the database's driver knows about a backup.
public struct BackupContent: Hashable, Sendable {
    public let fingerprint: Fingerprint
    public let tables: [BackupManifest.Table]
    public let position: Position?
    public let server: String
    public let tool: String
    var postgresql: PostgreSQLManifest?

    public init(
        fingerprint: Fingerprint, tables: [BackupManifest.Table], position: Position?,
        server: String, tool: String
    ) {
        self.fingerprint = fingerprint
        self.tables = tables
        self.position = position
        self.server = server
        self.tool = tool
    }
}

/// Takes a backup's bytes, compresses and hashes them on their way into a file.
///
/// Memory is bounded. The name appears when the file is whole and durable, and the manifest after
/// it; until then there is a `.partial`. One that exists is never overwritten.
public final class BackupWriter: @unchecked Sendable {
    // Used by one thread after the other, never by two at a time.
    private let store: BackupStore
    private let name: String
    private let file: String
    /// -1 once it has been given up.
    private var descriptor: CInt
    private let compressor: Compressor
    private let hash = SHA256()
    private var stored = 0
    private var isSealed = false
    /// Bytes taken so far, before compression.
    public private(set) var rawSizeInBytes = 0

    init(_ store: BackupStore, name: String, fileExtension: String) throws(Failure) {
        self.store = store
        self.name = name
        file = "\(name).\(fileExtension).zst"
        compressor = try Compressor()
        try Files.makeDirectory(store.directory, mode: 0o700)
        let partial = "\(store.directory)/\(file).partial"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .system("create", on: partial) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private var partial: String { "\(store.directory)/\(file).partial" }

    /// Takes the next part; blocks until it is written.
    ///
    /// - Throws: `disk-full`, with how much was there; the partial file has then gone.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        do throws(Failure) {
            try compressor.write(bytes, store)
            rawSizeInBytes += bytes.count
        } catch {
            throw given(up: error)
        }
    }

    func write(_ text: String) throws(Failure) { try write(bytes: Array(text.utf8)) }

    func write(bytes: [UInt8]) throws(Failure) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
            try write(UnsafeRawBufferPointer(bytes))
        }
    }

    private func store(_ block: ArraySlice<UInt8>) throws(Failure) {
        try Files.writeAll(Array(block), to: descriptor, path: partial)
        hash.update(block)
        stored += block.count
    }

    /// Ends the data, and gives it back to be looked at before it has a name.
    func sealed() throws(Failure) -> BackupReader {
        do throws(Failure) {
            try seal()
            guard let reader = try BackupReader.open(partial) else {
                throw Failure.system("open", on: partial)
            }
            return reader
        } catch {
            throw given(up: error)
        }
    }

    private func seal() throws(Failure) {
        guard !isSealed else { return }
        isSealed = true
        try compressor.finish(store)
        guard fsync(descriptor) == 0 else { throw Failure.system("fsync", on: partial) }
    }

    /// Makes the file durable under its name, and then its manifest.
    ///
    /// - Throws: `backup-exists` where the name is taken.
    public func finish(_ content: BackupContent) throws(Failure) -> Backup {
        do throws(Failure) {
            try seal()
            let manifest = manifest(content)
            try publish()
            try Files.write(try Files.json(manifest), to: store.manifestPath(name))
            return store.backup(manifest)
        } catch {
            throw given(up: error)
        }
    }

    /// `link(2)` refuses a name that is there; `rename(2)` would overwrite it.
    private func publish() throws(Failure) {
        let path = "\(store.directory)/\(file)"
        guard link(partial, path) == 0 else {
            guard errno == EEXIST else { throw .system("link", on: path) }
            throw Failure(
                code: "backup-exists", message: "\(path) is there, and backups are written once",
                advice: "move it away, if nobody needs it", isPermanent: true)
        }
        try Files.remove(partial)
        try Files.syncNames(above: path)
    }

    private func manifest(_ content: BackupContent) -> BackupManifest {
        BackupManifest(
            formatVersion: BackupManifest.formatVersion, instance: store.instance,
            upgrade: store.upgrade, name: name, file: file, sha256: hash.finalize().hex,
            storedSizeInBytes: stored, rawSizeInBytes: rawSizeInBytes,
            fingerprint: content.fingerprint, tables: content.tables, position: content.position,
            server: content.server, tool: content.tool, takenAt: Date.now.ISO8601Format(),
            postgresql: content.postgresql)
    }

    /// Removes the partial file: the backup was not to be.
    public func discard() {
        // Closed too, or its blocks would not be free.
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        // What stays is a partial file, which `clear` removes and nobody takes for a backup.
        try? Files.remove(partial)
    }

    private func given(up failure: Failure) -> Failure {
        discard()
        guard failure.code == "disk-full" else { return failure }
        // Asked after the partial has gone: this is what the next try would have.
        let free = (try? Files.freeSpace(at: store.directory)) ?? 0
        return Failure(
            code: failure.code,
            message: "\(failure.message), after \(stored) bytes "
                + "(\(rawSizeInBytes) before compression); without it \(free) bytes are free",
            advice: "make room in \(store.directory), or configure `backups` on a larger disk",
            isPermanent: true)
    }
}
