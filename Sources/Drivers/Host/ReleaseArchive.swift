internal import Digests
internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

/// A release archive (tar, plain or compressed) as it is read, checked and unpacked.
///
/// The bytes that are unpacked are the bytes that are hashed: one reader feeds both, so an archive
/// that is replaced meanwhile is never half believed.
struct ReleaseArchive: Sendable {
    static let listLimitInBytes = 64 << 20

    let path: String
    /// How long each pass over it may take.
    let limit: Duration
    /// None where no step of an upgrade is at work.
    let tag: StepTag?

    /// `sha256:…` of the archive's bytes; blocks.
    static func digest(of path: String, isStopped: () -> Bool) throws(Failure) -> String {
        let reader = try ArchiveReader(path)
        return try reader.rest(isStopped: isStopped)
    }

    /// Refuses an archive with an entry that would be unpacked outside its directory.
    func checkEntries() async throws(Failure) {
        let reader = try ArchiveReader(path)
        let names = EntryNames(of: path)
        let command = try tar(
            ["--list", "--absolute-names", "--quoting-style=escape"], reader.compression)
        let result = try await command.run(
            pull: { try reader.read(into: $0) }, sink: { try names.take($0) })
        guard result.isSuccess else { throw bad(result) }
        try names.finish()
    }

    /// Unpacks into an empty directory.
    ///
    /// - Throws: `archive-changed` where its digest is another than the plan's.
    func unpack(
        into directory: String, expecting digest: String,
        report: @escaping @Sendable (Progress) -> Void
    ) async throws(Failure) {
        let reader = try ArchiveReader(path)
        let command = try tar(
            ["--extract", "--no-same-owner", "--preserve-permissions", "--directory", directory],
            reader.compression)
        let result = try await command.run(
            pull: { buffer in
                let count = try reader.read(into: buffer)
                report(.bytes(done: reader.done, total: reader.size))
                return count
            },
            sink: nil)
        // Behind the archive's end mark tar need not read; all of it counts for the digest.
        let found = try await Blocking.run { stop in
            Result { () throws(Failure) in try reader.rest(isStopped: { stop.isRaised }) }
        }.get()
        guard found == digest else { throw Self.changed(path, planned: digest, found: found) }
        guard result.isSuccess else { throw bad(result) }
    }

    static func changed(_ path: String, planned: String, found: String) -> Failure {
        Failure(
            code: "archive-changed",
            message: "\(path) is not the archive of the plan: \(found) instead of \(planned)",
            advice: "put the planned archive back, or make a new plan", isPermanent: true)
    }

    /// What tar says itself is in the excerpt: a cut or altered archive, or a full disk.
    private func bad(_ result: CommandResult) -> Failure {
        let isFull = result.excerpt?.contains("No space left on device") == true
        return Failure(
            code: isFull ? "disk-full" : "bad-archive",
            message: "\(path) cannot be unpacked: tar \(result.ending)",
            advice: isFull
                ? "make room on the disk of the releases"
                : "get the archive again, and compare it with its vendor's checksum",
            excerpt: result.excerpt, isPermanent: true)
    }

    private func tar(
        _ arguments: [String], _ compression: ArchiveCompression?
    ) throws(Failure) -> Command {
        let option = compression.map { [$0.tarOption] } ?? []
        var command = Command(["tar"] + arguments + option + ["--file", "-"], limit: limit)
        command.environment = ["LC_ALL": "C", "TAR_OPTIONS": ""]
        command.tag = tag
        return command
    }
}

/// The names that `tar --list` prints, one a line, checked as they come.
private final class EntryNames: @unchecked Sendable {
    // Used on the command's thread, and after its end.
    private let path: String
    private var line: [UInt8] = []
    private var total = 0
    private var count = 0

    init(of path: String) { self.path = path }

    func take(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        total += bytes.count
        guard total <= ReleaseArchive.listLimitInBytes else {
            throw .badEntry(path, "the list of names is longer than 64 MiB")
        }
        for byte in bytes {
            if byte == 0x0A { try check() } else { line.append(byte) }
        }
    }

    func finish() throws(Failure) {
        if !line.isEmpty { try check() }
        guard count > 0 else { throw .badEntry(path, "it holds nothing") }
    }

    private func check() throws(Failure) {
        count += 1
        let name = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        if name.hasPrefix("/") { throw .badEntry(path, "\(name) is an absolute path") }
        let parts = name.split(separator: "/").filter { $0 != "." }
        if parts.contains("..") { throw .badEntry(path, "\(name) leads out by ..") }
        if parts.first?.hasPrefix(ReleaseStore.Marker.prefix) == true {
            throw .badEntry(path, "\(name) has a name that is Pawl's own")
        }
    }
}

extension Failure {
    fileprivate static func badEntry(_ path: String, _ reason: String) -> Failure {
        Failure(
            code: "bad-archive", message: "\(path) is refused: \(reason)",
            advice: "do not unpack it by hand either; ask its vendor for a right one",
            isPermanent: true)
    }
}
