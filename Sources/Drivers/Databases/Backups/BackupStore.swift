internal import Digests
internal import Glibc
internal import HTTPClient
public import UpgradeMachine

/// A directory of backups, as one upgrade of one instance sees it.
public struct BackupStore: Sendable {
    /// What stands under a backup's name.
    public enum Found: Hashable, Sendable {
        case absent
        /// Cut, altered, or without its manifest.
        case torn(detail: String)
        case present(Backup)
    }

    public let directory: String
    public let instance: String
    public let upgrade: String

    public init(directory: String, instance: String, upgrade: String) {
        self.directory = directory
        self.instance = instance
        self.upgrade = upgrade
    }

    public init(_ plan: Plan) {
        self.init(directory: plan.backups, instance: plan.instance, upgrade: plan.upgrade)
    }

    /// - Parameter fileExtension: Of the data before compression, as in `sql` or `sqlite`.
    public func writer(
        name: String, fileExtension: String
    ) throws(Failure) -> BackupWriter {
        try BackupWriter(self, name: name, fileExtension: fileExtension)
    }

    /// Looks, and reads the whole file: one that is not what its manifest says is torn.
    public func find(_ name: String) async throws(Failure) -> Found {
        try await Blocking.attempt { stop throws(Failure) in try find(name, stop) }
    }

    private func find(_ name: String, _ stop: StopFlag) throws(Failure) -> Found {
        guard let manifest = try manifest(name) else {
            let leavings = try leavings(of: name)
            return leavings.isEmpty
                ? .absent : .torn(detail: "\(leavings.joined(separator: ", ")) without a manifest")
        }
        if let defect = manifest.defect { return .torn(detail: defect) }
        guard let content = manifest.content else { return .absent }
        guard content.instance == instance, content.upgrade == upgrade, content.name == name else {
            throw Failure(
                code: "backup-of-another",
                message: "\(manifestPath(name)) belongs to \(content.instance), "
                    + "upgrade \(content.upgrade)",
                advice: "move it away, if nobody needs it", isPermanent: true)
        }
        let path = "\(directory)/\(content.file)"
        guard let file = try BackupReader.open(path) else {
            return .torn(detail: "\(path) is missing")
        }
        let found = try file.digest { stop.isRaised }
        guard found.hex == content.sha256, found.size == content.storedSizeInBytes else {
            return .torn(detail: "\(path) has been cut or altered")
        }
        // Its writer may have died between the name and its way to the disk.
        try Files.syncNames(above: path)
        return .present(backup(content))
    }

    /// What a manifest says; or what is wrong with it.
    private struct Read {
        var content: BackupManifest?
        var defect: String?
    }

    private func manifest(_ name: String) throws(Failure) -> Read? {
        let path = manifestPath(name)
        do throws(Failure) {
            guard let bytes = try Files.read(path, limitInBytes: 16 << 20) else { return nil }
            let content = try Files.decoded(BackupManifest.self, from: bytes, path: path)
            guard content.formatVersion == BackupManifest.formatVersion else {
                throw Failure(
                    code: "backup-version",
                    message: "\(path) has format version \(content.formatVersion)",
                    advice: "use the Pawl that wrote it", isPermanent: true)
            }
            return Read(content: content)
        } catch  where error.code == "file-damaged" || error.code == "file-too-large" {
            return Read(defect: error.message)
        }
    }

    /// Removes what a backup of this upgrade left half done, and never one that is whole.
    public func clear(_ name: String) async throws(Failure) {
        guard case .torn = try await find(name) else { return }
        for leaving in try leavings(of: name) { try Files.remove("\(directory)/\(leaving)") }
        if try Files.status(of: directory) != nil { try Files.syncDirectory(directory) }
    }

    /// Files of a backup by its name, which holds the upgrade's id: nobody else's.
    private func leavings(of name: String) throws(Failure) -> [String] {
        try Files.list(directory).filter { $0.hasPrefix("\(name).") || $0.hasPrefix(".\(name).") }
    }

    /// Bytes that backups may still take (`statvfs(3)`).
    public func freeSpaceInBytes() throws(Failure) -> Int {
        try Files.makeDirectory(directory, mode: 0o700)
        return try Files.freeSpace(at: directory)
    }

    /// - Throws: `disk-full` where less is free.
    public func requireSpace(ofBytes needed: Int, for what: String) throws(Failure) {
        let free = try freeSpaceInBytes()
        guard free < needed else { return }
        throw Failure(
            code: "disk-full",
            message: "\(what) may need \(needed) bytes in \(directory), which has \(free)",
            advice: "make room there, or configure `backups` on a larger disk", isPermanent: true)
    }

    func manifestPath(_ name: String) -> String { "\(directory)/\(name).manifest.json" }

    func backup(_ manifest: BackupManifest) -> Backup {
        Backup(
            instance: manifest.instance, path: "\(directory)/\(manifest.file)",
            sha256: manifest.sha256, sizeInBytes: manifest.storedSizeInBytes,
            fingerprint: manifest.fingerprint, position: manifest.position)
    }
}

/// Gives a backup's bytes back, decompressed, after the whole file was checked.
public final class BackupReader: DataReader, @unchecked Sendable {
    // Used by one thread after the other, never by two at a time.
    private let path: String
    private let descriptor: CInt
    private let decompressor: Decompressor
    private var chunk: [UInt8] = []
    private var position = 0
    /// Of the file as it is stored.
    public let sizeInBytes: Int
    /// Of these, how many have been read by now.
    public private(set) var done = 0

    private init(_ path: String, _ descriptor: CInt) throws(Failure) {
        self.path = path
        self.descriptor = descriptor
        sizeInBytes = Int(lseek(descriptor, 0, SEEK_END))
        lseek(descriptor, 0, SEEK_SET)
        decompressor = try Decompressor()
    }

    deinit { close(descriptor) }

    /// Opens a backup, and compares the whole file with the SHA-256 of its evidence.
    ///
    /// Blocks while it reads. The bytes given back are those of the very file that was checked.
    ///
    /// - Throws: `backup-missing`, `backup-damaged`, both permanent.
    public static func verified(
        _ backup: Backup, isStopped: () -> Bool = { Task.isCancelled }
    ) throws(Failure) -> BackupReader {
        guard let reader = try open(backup.path) else {
            throw Failure(
                code: "backup-missing", message: "\(backup.path) is not there",
                advice:
                    "put the file back from a copy, then "
                    + "go on with `pawl resume --retry --reason WHY`",
                isPermanent: true)
        }
        let found = try reader.digest(isStopped)
        guard found.hex == backup.sha256 else { throw damaged(backup.path, "its SHA-256 differs") }
        return reader
    }

    static func open(_ path: String) throws(Failure) -> BackupReader? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .system("open", on: path)
        }
        return try BackupReader(path, descriptor)
    }

    /// Of the file from its start; afterwards it stands at its start again.
    func digest(_ isStopped: () -> Bool) throws(Failure) -> (hex: String, size: Int) {
        let hash = SHA256()
        var size = 0
        lseek(descriptor, 0, SEEK_SET)
        while try refill() {
            hash.update(chunk)
            size += chunk.count
            guard !isStopped() else { throw interrupted }
        }
        lseek(descriptor, 0, SEEK_SET)
        (chunk, position, done) = ([], 0, 0)
        return (hash.finalize().hex, size)
    }

    /// Puts the next bytes into the buffer, which must not be empty; answers how many, 0 at the end.
    ///
    /// - Throws: `backup-damaged` where the file ends before its content does.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        while true {
            // Also with no input left: there may be output that did not fit the last time.
            if !decompressor.isAtEnd || position < chunk.count {
                let count = try decompressor.read(chunk, from: &position, into: buffer)
                if count > 0 { return count }
            }
            guard position == chunk.count else { continue }
            guard try refill() else {
                guard decompressor.isAtEnd else {
                    throw Self.damaged(path, "it ends before its content does")
                }
                return 0
            }
        }
    }

    private func refill() throws(Failure) -> Bool {
        chunk = [UInt8](repeating: 0, count: 262_144)
        position = 0
        var count = Glibc.read(descriptor, &chunk, chunk.count)
        while count < 0, errno == EINTR { count = Glibc.read(descriptor, &chunk, chunk.count) }
        guard count >= 0 else { throw .system("read", on: path) }
        chunk.removeLast(chunk.count - count)
        done += count
        return count > 0
    }

    private var interrupted: Failure {
        Failure(
            code: "interrupted", message: "checking \(path) was ended on request",
            advice: "go on with `pawl resume`")
    }

    private static func damaged(_ path: String, _ reason: String) -> Failure {
        Failure(
            code: "backup-damaged", message: "\(path) is not what was written: \(reason)",
            advice:
                "put the file back from a copy, then "
                + "go on with `pawl resume --retry --reason WHY`",
            isPermanent: true)
    }
}
