import Foundation

/// A run's calls on the files below one directory, as what they change and what they make durable.
public struct Recording: Sendable {
    enum Step {
        case change(Change)
        /// fdatasync(2) leaves modes and times.
        case synced(node: Int, dataOnly: Bool)
        /// The kernel may have dropped what it could not write, and says so once alone.
        case syncFailed(node: Int)
        case acknowledged(String)
    }

    /// What was there before.
    let before: FileTree
    /// With the names and kinds of all that came.
    private(set) var tree: FileTree
    private(set) var steps: [Step] = []
    /// How each of the runs ended.
    public private(set) var executions: [Execution] = []
    /// Calls that took part.
    public private(set) var calls = 0

    /// Where the next `write` of a descriptor goes.
    private var positions: [String: Int] = [:]

    private static let traced = """
        openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,\
        copy_file_range,sendfile,splice,lseek,fsync,fdatasync,sync_file_range,sync,syncfs,\
        unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,\
        rmdir,chmod,fchmod,fchmodat
        """

    /// One of the programs that are recorded, one after the other.
    public struct Run: Sendable {
        let words: [String]
        let fault: String?

        /// - Parameter fault: A call that fails meanwhile, as in `fdatasync:error=EIO:when=3`; or
        ///   that is left out and said to be done, as in `fdatasync:retval=0`.
        public init(_ words: [String], fault: String? = nil) {
            self.words = words
            self.fault = fault
        }
    }

    /// Runs programs, and writes down what they do below `root`.
    public init(of runs: Run..., below root: String) throws {
        before = try FileTree(readingFrom: root)
        tree = before
        let scratch = try Scratch()
        let trace = "\(scratch.path)/trace"
        for run in runs {
            let execution = try Execution.run(
                ["strace", "-f", "-qq", "-y", "-xx", "-s", "4000000", "-o", trace]
                    + ["-e", "signal=none", "-e", "trace=\(Self.traced)"]
                    + (run.fault.map { ["-e", "inject=\($0)"] } ?? []) + run.words)
            executions.append(execution)
            positions = [:]
            let text = Array(try Data(contentsOf: URL(filePath: trace)))
            for call in try Trace(text).calls { try follow(call) }
        }
    }

    private mutating func follow(_ call: SystemCall) throws {
        let count = steps.count
        if call.name == "fsync" || call.name == "fdatasync" {
            sync(call)
        } else if call.result >= 0 {
            if try !followNames(call) { try followContent(call) }
        }
        if steps.count > count { calls += 1 }
    }

    private mutating func sync(_ call: SystemCall) {
        // A file that has no name any more comes back in no image.
        guard let path = path(ofDescriptor: call), let node = tree.node(at: path) else { return }
        if call.result < 0 {
            steps.append(.syncFailed(node: node))
            return
        }
        // Left out by strace, which said that it was done.
        guard !call.wasStruck else { return }
        steps.append(.synced(node: node, dataOnly: call.name == "fdatasync"))
    }

    /// - Returns: Whether it is one of the calls on names.
    private mutating func followNames(_ call: SystemCall) throws -> Bool {
        switch call.name {
        case "open", "openat", "creat": try open(call)
        case "mkdir", "mkdirat":
            guard let place = try place(call, 0) else { return true }
            link(tree.add(.directory, mode: try mode(call.arguments.last)), at: place)
        case "symlink", "symlinkat":
            let isAt = call.name == "symlinkat"
            let target = String(decoding: try Quoted.bytes(call.arguments[0]), as: UTF8.self)
            guard let place = try place(call, 1, isAt: isAt) else { return true }
            link(tree.add(.link(target: target), mode: 0o777), at: place)
        case "link", "linkat":
            let step = call.name == "linkat" ? 2 : 1
            guard let from = try place(call, 0), let to = try place(call, step),
                let node = tree.nodes[from.directory].entries[from.name]
            else { return true }
            link(node, at: to)
        case "unlink", "unlinkat", "rmdir":
            guard let place = try place(call, 0) else { return true }
            change(.unlink(directory: place.directory, name: place.name))
        case "rename", "renameat", "renameat2":
            let step = call.name == "rename" ? 1 : 2
            guard let from = try place(call, 0), let to = try place(call, step),
                let node = tree.nodes[from.directory].entries[from.name]
            else { return true }
            change(
                .rename(
                    from: from.directory, name: from.name, to: to.directory, newName: to.name,
                    node: node))
        case "chmod", "fchmodat":
            guard let place = try place(call, 0),
                let node = tree.nodes[place.directory].entries[place.name]
            else { return true }
            change(.mode(node: node, mode: try mode(call.arguments[call.name == "chmod" ? 1 : 2])))
        default: return false
        }
        return true
    }

    private mutating func open(_ call: SystemCall) throws {
        let isAt = call.name == "openat"
        guard let place = try place(call, 0, isAt: isAt) else { return }
        let flags = isAt ? call.arguments[2] : call.arguments[1]
        let words = Set(String(decoding: flags, as: UTF8.self).split(separator: "|"))
        if let node = tree.nodes[place.directory].entries[place.name] {
            if words.contains("O_TRUNC"), tree.nodes[node].size > 0 {
                change(.resize(node: node, size: 0))
            }
        } else if words.contains("O_CREAT") {
            link(tree.add(.file, mode: try mode(call.arguments.last)), at: place)
        }
        guard let path = call.resultPath else { return }
        let appends = words.contains("O_APPEND")
        positions["\(call.result)\(path)"] = appends ? -1 : 0
    }

    private mutating func followContent(_ call: SystemCall) throws {
        if call.name == "write", number(call.arguments[0]) == 1,
            path(ofDescriptor: call)?.hasPrefix("/") == true
        {
            // The recorded program's own; what it runs writes into pipes.
            let text = String(decoding: try Quoted.bytes(call.arguments[1]), as: UTF8.self)
            steps.append(.acknowledged(text.trimmingCharacters(in: .newlines)))
            return
        }
        let modelled = ["write", "pwrite64", "ftruncate", "fchmod", "lseek"]
        guard modelled.contains(call.name) else { return try refuse(call) }
        guard let path = path(ofDescriptor: call), path.hasPrefix(tree.root + "/") else { return }
        let position = "\(number(call.arguments[0]) ?? -1)\(path)"
        if call.name == "lseek" {
            positions[position] = call.result
            return
        }
        // Shared memory: SQLite makes it anew after a restart.
        if path.hasSuffix("-shm") { return }
        guard let node = tree.node(at: path) else {
            throw Execution.Failed("\(call.name) on \(path), which has no name any more")
        }
        switch call.name {
        case "pwrite64":
            let bytes = Array(try Quoted.bytes(call.arguments[1]).prefix(call.result))
            change(.write(node: node, offset: number(call.arguments[3]) ?? 0, bytes: bytes))
        case "write":
            let bytes = Array(try Quoted.bytes(call.arguments[1]).prefix(call.result))
            let known = positions[position] ?? 0
            let offset = known < 0 ? tree.nodes[node].size : known
            change(.write(node: node, offset: offset, bytes: bytes))
            if known >= 0 { positions[position] = offset + bytes.count }
        case "ftruncate":
            change(.resize(node: node, size: number(call.arguments[1]) ?? 0))
        case "fchmod": change(.mode(node: node, mode: try mode(call.arguments.last)))
        default: break
        }
    }
}

extension Recording {
    private mutating func change(_ change: Change) {
        tree.apply(change)
        steps.append(.change(change))
    }

    private mutating func link(_ node: Int, at place: FileTree.Place) {
        change(.link(directory: place.directory, name: place.name, node: node))
    }

    /// A model that leaves out what was done would prove nothing.
    private func refuse(_ call: SystemCall) throws {
        let paths = call.arguments.compactMap { argument in
            // Both that cannot be had is no path at all.
            Quoted.path(in: argument)
                ?? (try? Quoted.bytes(argument)).map { String(decoding: $0, as: UTF8.self) }
        }
        guard let path = paths.first(where: { $0.hasPrefix(tree.root + "/") }) else { return }
        throw Execution.Failed("\(call.name) on \(path) is not modelled")
    }

    private func path(ofDescriptor call: SystemCall) -> String? {
        call.arguments.first.flatMap(Quoted.path)
    }

    /// The place that a path argument names, after its directory's where the call has one (`*at`).
    private func place(
        _ call: SystemCall, _ index: Int, isAt: Bool? = nil
    ) throws -> FileTree.Place? {
        let hasDirectory = isAt ?? (call.name.hasSuffix("at") || call.name.hasSuffix("at2"))
        let path = String(
            decoding: try Quoted.bytes(call.arguments[hasDirectory ? index + 1 : index]),
            as: UTF8.self)
        if path.hasPrefix("/") { return tree.place(of: path) }
        guard hasDirectory, !path.contains(".."),
            let directory = Quoted.path(in: call.arguments[index])
        else {
            throw Execution.Failed("\(call.name) on \(path), and it is not known where that lies")
        }
        return tree.place(of: "\(directory)/\(path)")
    }

    private func number(_ text: ArraySlice<UInt8>) -> Int? {
        Int(String(decoding: text.prefix { $0 != UInt8(ascii: "<") }, as: UTF8.self))
    }

    private func mode(_ text: ArraySlice<UInt8>?) throws -> UInt16 {
        guard let text, let mode = UInt16(String(decoding: text, as: UTF8.self), radix: 8) else {
            throw Execution.Failed("a mode that is none")
        }
        return mode
    }
}
