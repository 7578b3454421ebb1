/// What is on the disk itself: changes are durable once their file or directory was synced.
///
/// The model is POSIX's, which promises less than ext4 keeps: a file's sync does not make its name
/// durable, and what was not synced is there or not, each change by itself, in any order.
struct Platter {
    private let before: FileTree
    /// By number, in their order.
    private(set) var changes: [Change] = []
    /// Not durable yet, in their order: each may be lost or kept.
    private(set) var pending: [Int] = []
    /// Writes whose sync has failed: later ones do not make them durable, for the kernel may have
    /// forgotten that they are to be written (fsync(2), "EIO"; lwn.net/Articles/752063). Names are
    /// not among them: they stand in the file system's journal, which stops where it cannot go on.
    private var forgotten: Set<Int> = []

    /// Contents as far as all of it is durable, and what follows, by file.
    private var contents: [Int: [UInt8]] = [:]
    private var tails: [Int: [Int]] = [:]
    private var namings: [Int] = []

    init(_ before: FileTree) {
        self.before = before
        for (number, node) in before.nodes.enumerated() where node.kind == .file {
            contents[number] = node.content
        }
    }

    mutating func take(_ step: Recording.Step) {
        switch step {
        case .change(let change):
            let number = changes.count
            changes.append(change)
            pending.append(number)
            switch change {
            case .write(let node, _, _), .resize(let node, _):
                tails[node, default: []].append(number)
            case .mode, .link, .unlink, .rename: namings.append(number)
            }
        case .synced(let node, let dataOnly):
            pending.removeAll { number in
                let change = changes[number]
                return change.owner == node && !(dataOnly && change.isMode)
                    && !forgotten.contains(number)
            }
            settle(node)
        case .syncFailed(let node):
            forgotten.formUnion(pending.filter { changes[$0].content == node })
        case .acknowledged: break
        }
    }

    private mutating func settle(_ node: Int) {
        guard let tail = tails[node], !tail.isEmpty else { return }
        let doubtful = Set(pending)
        let durable = tail.prefix { !doubtful.contains($0) }
        for number in durable { Self.apply(changes[number], to: &contents[node, default: []]) }
        tails[node] = Array(tail.dropFirst(durable.count))
    }

    private static func apply(_ change: Change, to content: inout [UInt8]) {
        switch change {
        case .write(_, let offset, let bytes):
            let end = offset + bytes.count
            if content.count < end {
                content.append(contentsOf: [UInt8](repeating: 0, count: end - content.count))
            }
            content.withUnsafeMutableBytes { target in
                bytes.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(rebasing: target[offset..<end])
                        .copyMemory(from: source)
                }
            }
        case .resize(_, let size):
            if size < content.count {
                content.removeLast(content.count - size)
            } else {
                content.append(contentsOf: [UInt8](repeating: 0, count: size - content.count))
            }
        default: break
        }
    }

    /// What a restart finds where of all that is pending only `survivors` have come through.
    func image(_ survivors: Survivors, kinds tree: FileTree) -> Image {
        let lost = Set(pending).subtracting(survivors.changes)
        var entries = before.nodes.map(\.entries)
        entries += Array(repeating: [:], count: tree.nodes.count - entries.count)
        var modes = tree.nodes.map(\.mode)
        for number in namings where !lost.contains(number) {
            switch changes[number] {
            case .link(let directory, let name, let node): entries[directory][name] = node
            case .unlink(let directory, let name): entries[directory][name] = nil
            case .rename(let from, let name, let to, let newName, let node):
                if entries[from][name] == node { entries[from][name] = nil }
                entries[to][newName] = node
            case .mode(let node, let mode): modes[node] = mode
            case .write, .resize: break
            }
        }
        var image = Image()
        func visit(_ node: Int, _ path: String) {
            switch tree.nodes[node].kind {
            case .directory:
                if !path.isEmpty { image.nodes[path] = .directory(mode: modes[node]) }
                for (name, child) in entries[node] {
                    visit(child, path.isEmpty ? name : "\(path)/\(name)")
                }
            case .link(let target): image.nodes[path] = .link(target: target)
            case .file:
                image.nodes[path] = .file(content(of: node, lost, survivors), mode: modes[node])
            }
        }
        visit(0, "")
        return image
    }

    private func content(of node: Int, _ lost: Set<Int>, _ survivors: Survivors) -> [UInt8] {
        var content = contents[node] ?? []
        for number in tails[node] ?? [] where !lost.contains(number) {
            if let torn = survivors.torn, torn.change == number {
                for part in torn.parts(of: changes[number]) { Self.apply(part, to: &content) }
            } else {
                Self.apply(changes[number], to: &content)
            }
        }
        return content
    }
}

/// What of the pending changes a power cut has left.
struct Survivors: Hashable {
    var changes: Set<Int>
    /// One of them, a write, of which only some sectors have come through.
    var torn: Torn?

    struct Torn: Hashable {
        let change: Int
        /// Of 512 bytes each, counted from the write's begin.
        let sectors: Set<Int>
        /// The others are zeros: the file has grown, and its blocks were never written.
        let isZeroed: Bool

        func parts(of change: Change) -> [Change] {
            guard case .write(let node, let offset, let bytes) = change else { return [change] }
            return stride(from: 0, to: bytes.count, by: 512).compactMap { start in
                let part = Array(bytes[start..<min(start + 512, bytes.count)])
                if sectors.contains(start / 512) {
                    return .write(node: node, offset: offset + start, bytes: part)
                }
                let zeros = [UInt8](repeating: 0, count: part.count)
                return isZeroed ? .write(node: node, offset: offset + start, bytes: zeros) : nil
            }
        }
    }
}
