import Foundation

/// Files as a restart finds them.
public struct Image: Sendable {
    public enum Node: Hashable, Sendable {
        case directory(mode: UInt16)
        case file([UInt8], mode: UInt16)
        case link(target: String)
    }

    /// By path below the recording's directory.
    public internal(set) var nodes: [String: Node] = [:]

    func hash(with other: Int) -> Int {
        var hasher = Hasher()
        hasher.combine(other)
        for (path, node) in nodes.sorted(by: { $0.key < $1.key }) {
            hasher.combine(path)
            switch node {
            case .directory: break
            case .file(let bytes, let mode):
                hasher.combine(mode)
                hasher.combine(bytes.count)
                bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
            case .link(let target): hasher.combine(target)
            }
        }
        return hasher.finalize()
    }

    /// Makes it real in an empty directory.
    public func write(to directory: String) throws {
        for (path, node) in nodes.sorted(by: { $0.key < $1.key }) {
            let place = "\(directory)/\(path)"
            switch node {
            case .directory:
                guard mkdir(place, 0o755) == 0 else { throw Execution.Failed("mkdir \(place)") }
            case .link(let target):
                guard symlink(target, place) == 0 else { throw Execution.Failed("link \(place)") }
            case .file(let bytes, let mode):
                let file = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode))
                defer { close(file) }
                let count = bytes.withUnsafeBytes {
                    Foundation.write(file, $0.baseAddress, $0.count)
                }
                guard count == bytes.count else { throw Execution.Failed("write \(place)") }
            }
        }
    }
}

extension FileTree {
    /// Under which name a file or directory ended, for messages.
    func name(of number: Int) -> String? {
        for (index, node) in nodes.enumerated() {
            if let entry = node.entries.first(where: { $0.value == number }) {
                return index == 0 ? entry.key : name(of: index).map { "\($0)/\(entry.key)" }
            }
        }
        return nil
    }
}
