internal import Digests
internal import Glibc
internal import UpgradeMachine

/// All files of a release directory, in an order that is the same on every host.
enum ReleaseTree {
    /// More entries than this is no release.
    static let limit = 1_000_000

    struct Entry {
        /// From the release directory on.
        let path: String
        let status: stat
    }

    static func entries(
        of directory: String, isStopped: () -> Bool
    ) throws(Failure) -> [Entry] {
        var entries: [Entry] = []
        var open = [""]
        while let folder = open.popLast() {
            for name in try Files.list(folder.isEmpty ? directory : "\(directory)/\(folder)") {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                guard let status = try Files.status(of: "\(directory)/\(path)") else { continue }
                entries.append(Entry(path: path, status: status))
                if status.isDirectory { open.append(path) }
                guard entries.count <= limit else { throw .tooManyFiles(directory) }
            }
            guard !isStopped() else { throw .interruptedReading(directory) }
        }
        return entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// `sha256:…` over type, mode, path and content of everything below the directory.
    ///
    /// One line an entry: `d 755 - path`, `f 644 SHA256 path`, `l - SHA256-of-target path`. Pawl's
    /// marker is left out. Sources: none, it is Pawl's own; it names releases that have no archive.
    static func digest(
        of directory: String, isStopped: () -> Bool
    ) throws(Failure) -> String {
        let hash = SHA256()
        for entry in try entries(of: directory, isStopped: isStopped)
        where entry.path != ReleaseStore.Marker.name {
            let path = "\(directory)/\(entry.path)"
            let mode = String(entry.status.st_mode & 0o7777, radix: 8)
            let line: String
            if entry.status.isDirectory {
                line = "d \(mode) -"
            } else if entry.status.isLink {
                line = "l - \(SHA256.hash(Array((try Files.target(ofLink: path) ?? "").utf8)).hex)"
            } else if entry.status.isRegular {
                let digest = try ReleaseArchive.digest(of: path, isStopped: isStopped)
                line = "f \(mode) \(digest.dropFirst("sha256:".count))"
            } else {
                line = "o \(mode) -"
            }
            // A path may hold a line break, so its length stands before it.
            hash.update(Array("\(line) \(entry.path.utf8.count) \(entry.path)\n".utf8))
        }
        return "sha256:" + hash.finalize().hex
    }

    /// Refuses what no release needs, and makes the rest durable.
    static func settle(_ directory: String, isStopped: () -> Bool) throws(Failure) {
        for entry in try entries(of: directory, isStopped: isStopped).reversed() {
            guard !isStopped() else { throw .interruptedReading(directory) }
            let path = "\(directory)/\(entry.path)"
            if entry.status.isDirectory {
                try Files.syncDirectory(path)
            } else if entry.status.isRegular {
                try Files.sync(path)
            } else if !entry.status.isLink {
                throw Failure(
                    code: "bad-archive",
                    message: "\(entry.path) is neither a file nor a directory nor a link",
                    advice: "a release needs no devices; ask its vendor for a right archive",
                    isPermanent: true)
            }
        }
        try Files.syncDirectory(directory)
    }
}

extension Failure {
    fileprivate static func tooManyFiles(_ directory: String) -> Failure {
        Failure(
            code: "bad-release", message: "\(directory) holds more than \(ReleaseTree.limit) files",
            advice: "move out of it what is not part of the release, such as data",
            isPermanent: true)
    }

    fileprivate static func interruptedReading(_ directory: String) -> Failure {
        Failure(
            code: "interrupted", message: "reading \(directory) was ended on request",
            advice: "go on with `pawl resume`")
    }
}
