public import UpgradeMachine

/// The backups that lie in a directory, by their manifests.
public struct BackupCatalog: Sendable {
    /// A backup, and what its manifest says of it.
    public struct Entry: Sendable {
        public let backup: Backup
        public let manifest: BackupManifest

        /// What it was taken for: `backup`, `before-1`, and for what was saved before it was
        /// replaced `migrated`, `replaced-1` or `restored`.
        public var kind: String {
            let prefix = "\(manifest.instance)-\(manifest.upgrade)-"
            return manifest.name.hasPrefix(prefix)
                ? String(manifest.name.dropFirst(prefix.count)) : manifest.name
        }

        /// Whether it was taken as a backup, not to save what was about to be replaced.
        public var isBackup: Bool { kind == "backup" || kind.hasPrefix("before-") }
    }

    public let directory: String

    public init(directory: String) { self.directory = directory }

    /// All backups, oldest first; what has no readable manifest is none.
    public func entries() throws(Failure) -> [Entry] {
        var entries: [Entry] = []
        for file in try Files.list(directory) where file.hasSuffix(Self.suffix) {
            let path = "\(directory)/\(file)"
            // One that is cut or of another Pawl belongs to no backup that could be restored here.
            guard let bytes = try? Files.read(path, limitInBytes: 16 << 20),
                let manifest = try? Files.decoded(BackupManifest.self, from: bytes, path: path),
                manifest.formatVersion == BackupManifest.formatVersion,
                try Files.status(of: "\(directory)/\(manifest.file)") != nil
            else { continue }
            let store = BackupStore(
                directory: directory, instance: manifest.instance, upgrade: manifest.upgrade)
            entries.append(Entry(backup: store.backup(manifest), manifest: manifest))
        }
        return entries.sorted {
            ($0.manifest.takenAt, $0.manifest.name) < ($1.manifest.takenAt, $1.manifest.name)
        }
    }

    /// The backup that a file is; none where there is no manifest beside it.
    public static func entry(ofFile path: String) throws(Failure) -> Entry? {
        let name = Files.name(of: path)
        return try BackupCatalog(directory: Files.parent(of: path)).entries().first {
            $0.manifest.file == name
        }
    }

    private static let suffix = ".manifest.json"
}
