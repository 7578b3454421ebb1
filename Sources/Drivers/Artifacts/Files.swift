internal import Foundation
internal import Glibc
internal import UpgradeMachine

/// System calls on files, with failures that say on what.
///
/// What is written is durable when a call returns: file and folder are synced. All paths are
/// plain; none of the calls follows a link in a path's last part unless it says so.
enum Files {
    /// The file's bytes; none where there is no such file.
    ///
    /// - Throws: `file-too-large` above the limit.
    static func read(_ path: String, limitInBytes: Int) throws(Failure) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .system("open", on: path)
        }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limitInBytes + 1, 65_536))
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", on: path) }
            if count == 0 { return content }
            content += chunk[..<count]
            if content.count > limitInBytes {
                throw Failure(
                    code: "file-too-large",
                    message: "\(path) has more than the \(limitInBytes) bytes that are read",
                    advice: "look whether it is the file that is meant", isPermanent: true)
            }
        }
    }

    /// Replaces the file's content at once: a reader sees the old or the new, never a part.
    static func write(
        _ bytes: [UInt8], to path: String, mode: mode_t = 0o600
    ) throws(Failure) {
        let partial = path + ".partial"
        // Made anew: one that somebody else has put there may be a link to another file.
        try remove(partial)
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .system("create", on: partial) }
        defer { close(descriptor) }
        do throws(Failure) {
            try writeAll(bytes, to: descriptor, path: partial)
            guard fsync(descriptor) == 0 else { throw .system("fsync", on: partial) }
            try rename(partial, to: path)
        } catch {
            unlink(partial)
            throw error
        }
        try syncDirectory(parent(of: path))
    }

    static func writeAll(
        _ bytes: [UInt8], to descriptor: CInt, path: String
    ) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("write", on: path) }
            rest = rest.dropFirst(count)
        }
    }

    static func rename(_ source: String, to target: String) throws(Failure) {
        guard Glibc.rename(source, target) == 0 else {
            throw .system("rename", on: "\(source) to \(target)")
        }
    }

    /// Makes names that were created, renamed or removed in a directory durable.
    static func syncDirectory(_ path: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", on: path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system("fsync", on: path) }
    }

    /// Makes the names of a file and of the directories above it durable, as far as they lie in one
    /// file system: whoever made them may have been killed before their names were on disk.
    static func syncNames(above path: String) throws(Failure) {
        var directory = parent(of: path)
        let device = try followed(directory)?.st_dev
        while try followed(directory)?.st_dev == device {
            do throws(Failure) {
                try syncDirectory(directory)
            } catch  where error.code == "not-permitted" {
                // One that may not be read was made by somebody else, long before.
            }
            let next = parent(of: directory)
            if next == directory { return }
            directory = next
        }
    }

    /// Makes a file's content and mode durable.
    static func sync(_ path: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .system("open", on: path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system("fsync", on: path) }
    }

    /// Removes a file or link; one that is not there is as good as removed.
    static func remove(_ path: String) throws(Failure) {
        guard unlink(path) == 0 || errno == ENOENT else { throw .system("remove", on: path) }
    }

    static func removeTree(_ path: String) throws(Failure) {
        guard let status = try status(of: path) else { return }
        guard status.isDirectory else { return try remove(path) }
        for name in try list(path) { try removeTree("\(path)/\(name)") }
        guard rmdir(path) == 0 || errno == ENOENT else { throw .system("remove", on: path) }
    }

    /// Makes a directory with all above it that are missing.
    static func makeDirectory(_ path: String, mode: mode_t) throws(Failure) {
        if mkdir(path, mode) == 0 { return try syncDirectory(parent(of: path)) }
        switch errno {
        case EEXIST:
            guard access(path + "/.", F_OK) == 0 else { throw .system("make directory", on: path) }
        case ENOENT where parent(of: path) != path:
            try makeDirectory(parent(of: path), mode: mode)
            guard mkdir(path, mode) == 0 || errno == EEXIST else {
                throw .system("make directory", on: path)
            }
            try syncDirectory(parent(of: path))
        default:
            throw .system("make directory", on: path)
        }
    }

    /// What a directory holds, sorted; nothing where there is none.
    static func list(_ path: String) throws(Failure) -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw .system("list", on: path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// What `lstat(2)` says; none where there is nothing.
    static func status(of path: String) throws(Failure) -> stat? {
        var status = stat()
        if lstat(path, &status) == 0 { return status }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw .system("stat", on: path)
    }

    /// Where a symbolic link points; none where there is nothing, or something else than a link.
    static func target(ofLink path: String) throws(Failure) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        if count >= 0 {
            return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        if errno == ENOENT || errno == EINVAL { return nil }
        throw .system("read link", on: path)
    }

    /// Bytes that this process may still write where `path` lies (`statvfs(3)`).
    static func freeSpace(at path: String) throws(Failure) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw .system("ask for free space", on: path) }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(
                by: UInt64(status.f_frsize)
            ).partialValue)
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }
}

extension Files {
    /// JSON with sorted keys, so that equal values have equal bytes.
    static func json(_ value: some Encodable) throws(Failure) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value)) + [0x0A]
        } catch {
            throw Failure(
                code: "not-encoded", message: "\(type(of: value)) as JSON: \(error)",
                advice: "this is a defect of Pawl: please report it", isPermanent: true)
        }
    }

    /// - Throws: `file-damaged` where the bytes are not what Pawl writes there.
    static func decoded<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], path: String
    ) throws(Failure) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw Failure(
                code: "file-damaged", message: "\(path) is not what Pawl wrote there: \(error)",
                advice: "put it back from a copy, or move it away", isPermanent: true)
        }
    }
}

extension stat {
    var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
    var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
    var isLink: Bool { st_mode & S_IFMT == S_IFLNK }
}

extension Failure {
    /// A system call that failed; a full disk has a code and an advice of its own.
    static func system(
        _ call: String, on subject: String, error: CInt = errno, advice: String? = nil
    ) -> Failure {
        let reason = String(cString: strerror(error))
        switch error {
        case ENOSPC, EDQUOT:
            return Failure(
                code: "disk-full", message: "\(call) \(subject): \(reason)",
                advice: "make room on that disk, or name a directory on a larger one",
                isPermanent: true)
        case EACCES, EPERM, EROFS:
            return Failure(
                code: "not-permitted", message: "\(call) \(subject): \(reason)",
                advice: advice ?? "run Pawl as the user who may do this, or correct the mode",
                isPermanent: true)
        default:
            return Failure(
                code: "system", message: "\(call) \(subject): \(reason)",
                advice: advice ?? "look at the path and at the kernel's log")
        }
    }
}
