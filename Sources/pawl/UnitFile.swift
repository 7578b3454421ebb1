import Foundation
import Glibc

/// A unit's file in a directory of systemd's: never another's, and never half written.
struct UnitFile {
    let directory: String

    var path: String { "\(directory)/\(ServiceUnit.name)" }

    enum Change: String, Encodable {
        case written, unchanged, removed, notThere
    }

    /// Writes it so that a crash leaves the old file or the new one.
    func write(_ text: String) throws -> Change {
        if let present = try own() {
            guard present != text else { return .unchanged }
        }
        let temporary = "\(directory)/.\(ServiceUnit.name).\(getpid())"
        let file = open(
            temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw refusal("written") }
        do {
            defer { close(file) }
            // A unit that only root could read would not be shown by systemctl cat.
            guard fchmod(file, 0o644) == 0, Self.writeAll(text, to: file), fsync(file) == 0 else {
                throw refusal("written")
            }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let refusal = refusal("written")
            unlink(temporary)
            throw refusal
        }
        try syncDirectory()
        return .written
    }

    func remove() throws -> Change {
        guard try own() != nil else { return .notThere }
        guard unlink(path) == 0 else { throw refusal("removed") }
        // What `systemctl enable` has made of its [Install] section.
        for folder in ["multi-user.target.wants"] {
            let link = "\(directory)/\(folder)/\(ServiceUnit.name)"
            guard unlink(link) == 0 || errno == ENOENT || errno == ENOTDIR else {
                throw refusal("removed")
            }
        }
        try syncDirectory()
        return .removed
    }

    /// Its text; none where there is none.
    ///
    /// - Throws: A ``Refusal`` where something else has its name.
    private func own() throws -> String? {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw refusal("read") }
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFREG,
            let bytes = FileManager.default.contents(atPath: path),
            case let text = String(decoding: bytes, as: UTF8.self),
            text.hasPrefix(ServiceUnit.marker)
        else {
            throw Refusal(
                status: .refused, message: "\(path) was not written by Pawl, and is left alone",
                advice: "move it away, or name another directory with --directory")
        }
        return text
    }

    private func syncDirectory() throws {
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw refusal("synced") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw refusal("synced") }
    }

    private func refusal(_ what: String) -> Refusal {
        let reason = errno
        let advice =
            switch reason {
            case EACCES, EPERM: "run it as root: sudo pawl service …"
            case ENOENT: "is systemd installed? --print shows the unit; --directory names another"
            default: "mend this, and try again"
            }
        return Refusal(
            status: .refused,
            message: "\(path) cannot be \(what): \(String(cString: strerror(reason)))",
            advice: advice)
    }

    private static func writeAll(_ text: String, to file: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }
}
