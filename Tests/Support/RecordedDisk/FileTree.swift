import Foundation

/// Files and directories as the running system sees them: all that was done, in order.
struct FileTree {
    enum Kind: Equatable {
        case file, directory
        case link(target: String)
    }

    struct Node {
        let kind: Kind
        /// What it held, and how it could be used, when the recording began.
        var content: [UInt8] = []
        var mode: UInt16
        /// A directory's.
        var entries: [String: Int] = [:]
        var size = 0
    }

    /// By number; 0 is the root.
    private(set) var nodes: [Node]
    let root: String

    /// What lies under `root` now.
    init(readingFrom root: String) throws {
        self.root = root
        nodes = []
        _ = try read(root)
    }

    private mutating func read(_ path: String) throws -> Int {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw Execution.Failed("\(path): error \(errno)") }
        let number = nodes.count
        let mode = UInt16(status.st_mode & 0o7777)
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            nodes.append(Node(kind: .directory, mode: mode))
            for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
                nodes[number].entries[name] = try read("\(path)/\(name)")
            }
        case S_IFLNK:
            let target = try FileManager.default.destinationOfSymbolicLink(atPath: path)
            nodes.append(Node(kind: .link(target: target), mode: mode))
        default:
            let bytes = Array(try Data(contentsOf: URL(filePath: path)))
            nodes.append(Node(kind: .file, content: bytes, mode: mode, size: bytes.count))
        }
        return number
    }

    /// A directory and a name in it; none where the path lies elsewhere.
    typealias Place = (directory: Int, name: String)

    /// Follows links on the way to the last part, and not there.
    func place(of path: String) -> Place? {
        guard path.hasPrefix(root + "/") else { return nil }
        var names = path.dropFirst(root.count).split(separator: "/").map(String.init)
            .filter { $0 != "." }
        guard let last = names.popLast() else { return nil }
        var directory = 0
        for name in names {
            guard var next = nodes[directory].entries[name] else { return nil }
            if case .link(let target) = nodes[next].kind {
                guard let found = self.target(target, from: directory) else { return nil }
                next = found
            }
            directory = next
        }
        return (directory, last)
    }

    private func target(_ target: String, from directory: Int) -> Int? {
        if target.hasPrefix("/") { return node(at: target) }
        var found = directory
        for name in target.split(separator: "/") {
            guard let next = nodes[found].entries[String(name)] else { return nil }
            found = next
        }
        return found
    }

    func node(at path: String) -> Int? {
        if path == root { return 0 }
        guard let place = place(of: path) else { return nil }
        return nodes[place.directory].entries[place.name]
    }

    mutating func add(_ kind: Kind, mode: UInt16) -> Int {
        nodes.append(Node(kind: kind, mode: mode))
        return nodes.count - 1
    }

    mutating func apply(_ change: Change) {
        switch change {
        case .write(let node, let offset, let bytes):
            nodes[node].size = max(nodes[node].size, offset + bytes.count)
        case .resize(let node, let size): nodes[node].size = size
        case .mode: break
        case .link(let directory, let name, let node): nodes[directory].entries[name] = node
        case .unlink(let directory, let name): nodes[directory].entries[name] = nil
        case .rename(let from, let name, let to, let newName, let node):
            nodes[from].entries[name] = nil
            nodes[to].entries[newName] = node
        }
    }
}

/// One thing that a system call changes, which a power cut may take back until it was synced.
enum Change {
    case write(node: Int, offset: Int, bytes: [UInt8])
    case resize(node: Int, size: Int)
    case mode(node: Int, mode: UInt16)
    case link(directory: Int, name: String, node: Int)
    case unlink(directory: Int, name: String)
    case rename(from: Int, name: String, to: Int, newName: String, node: Int)

    /// The file or directory whose sync makes it durable.
    var owner: Int {
        switch self {
        case .write(let node, _, _), .resize(let node, _), .mode(let node, _): node
        case .link(let directory, _, _), .unlink(let directory, _): directory
        case .rename(_, _, let directory, _, _): directory
        }
    }

    /// The file whose content it changes.
    var content: Int? {
        switch self {
        case .write(let node, _, _), .resize(let node, _): node
        case .mode, .link, .unlink, .rename: nil
        }
    }

    /// Whether fdatasync(2) may leave it.
    var isMode: Bool { if case .mode = self { true } else { false } }

    var brief: String {
        switch self {
        case .write(let node, let offset, let bytes):
            "write \(bytes.count) bytes at \(offset) of #\(node)"
        case .resize(let node, let size): "cut #\(node) to \(size)"
        case .mode(let node, let mode): "mode \(String(mode, radix: 8)) of #\(node)"
        case .link(let directory, let name, let node): "name #\(node) \(directory)/\(name)"
        case .unlink(let directory, let name): "remove \(directory)/\(name)"
        case .rename(let from, let name, let to, let newName, _):
            "rename \(from)/\(name) to \(to)/\(newName)"
        }
    }
}
