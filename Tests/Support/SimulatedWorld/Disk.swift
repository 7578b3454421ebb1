import UpgradeMachine

/// Files, and what of them a power cut leaves.
struct Disk: Sendable {
    enum Payload: Hashable, Sendable {
        /// A file whose blocks never got to the disk, or which is being written.
        case incomplete
        case dump(Content)
        case manifest(Manifest)
    }

    struct Manifest: Hashable, Sendable {
        let upgrade: String
        let name: String
        let backup: Backup
    }

    private struct Inode {
        var content = Payload.incomplete
        var synced: Payload?
    }

    private var inodes: [Inode] = []
    /// Names as programs see them, and as a power cut leaves them.
    private var visible: [String: Int] = [:]
    private var durable: [String: Int] = [:]

    func content(of path: String) -> Payload? { visible[path].map { inodes[$0].content } }
    func names(beginningWith prefix: String) -> [String] {
        visible.keys.filter { $0.hasPrefix(prefix) }.sorted()
    }

    /// What a power cut would leave at a path.
    func durableContent(of path: String) -> Payload? {
        durable[path].map { inodes[$0].synced ?? .incomplete }
    }

    mutating func create(_ path: String) {
        visible[path] = inodes.count
        inodes.append(Inode())
    }

    mutating func write(_ payload: Payload, to path: String) {
        guard let inode = visible[path] else { return }
        inodes[inode].content = payload
        inodes[inode].synced = nil
    }

    mutating func sync(_ path: String) {
        guard let inode = visible[path] else { return }
        inodes[inode].synced = inodes[inode].content
    }

    mutating func link(_ path: String, to name: String) { visible[name] = visible[path] }
    mutating func remove(_ path: String) { visible[path] = nil }
    mutating func rename(_ path: String, to name: String) {
        visible[name] = visible.removeValue(forKey: path)
    }
    mutating func syncDirectory() { durable = visible }

    mutating func losePower() {
        visible = durable
        for index in inodes.indices { inodes[index].content = inodes[index].synced ?? .incomplete }
    }
}

extension Disk {
    static func dump(_ name: String) -> String { "/backups/\(name).sql.zst" }
    static func manifest(_ name: String) -> String { "/backups/\(name).manifest.json" }

    /// The data of a backup that a power cut leaves whole; none where it would not.
    func durableBackup(_ name: String, of upgrade: String) -> Content? {
        guard case .manifest(let manifest) = durableContent(of: Self.manifest(name)),
            manifest.upgrade == upgrade,
            case .dump(let content) = durableContent(of: manifest.backup.path),
            content.digest == manifest.backup.sha256
        else { return nil }
        return content
    }

    /// The data of all backups that a power cut leaves whole, by name.
    func durableBackups(of upgrade: String) -> [String: Content] {
        var found: [String: Content] = [:]
        for path in durable.keys {
            guard case .manifest(let manifest) = durableContent(of: path) else { continue }
            found[manifest.name] = durableBackup(manifest.name, of: upgrade)
        }
        return found
    }
}
