import Foundation
import Glibc

/// The right to write an instance's events, which the kernel takes back with the process.
///
/// An advisory `flock(2)` on a file of its own: never the database's, never unlinked, closed on
/// exec. The file's content is for people: it says who holds the lock, and since when.
public final class InstanceLock: Sendable {
    public let instance: String
    private let descriptor: Int32

    /// Who holds a lock, as its file says.
    public struct Holder: Sendable, Codable, CustomStringConvertible {
        public let pid: Int32
        public let actor: String
        public let host: String
        public let since: String
        public let command: String

        public init(pid: Int32, actor: String, host: String, since: String, command: String) {
            self.pid = pid
            self.actor = actor
            self.host = host
            self.since = since
            self.command = command
        }

        public var description: String {
            "\(actor) on \(host), process \(pid) (\(command)), since \(since)"
        }
    }

    /// Takes the lock or says at once who has it.
    ///
    /// - Throws: ``EventLogError/held(instance:by:)``, or
    ///   ``EventLogError/unreadable(path:reason:)`` where the file cannot be made.
    public init(
        instance: String, directory: String, holder: Holder
    ) throws(EventLogError) {
        let path = "\(directory)/\(instance).lock"
        mkdir(directory, 0o700)
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            let text = Self.content(of: file)
            close(file)
            guard reason == EWOULDBLOCK else {
                throw .unreadable(path: path, reason: String(cString: strerror(reason)))
            }
            throw .held(instance: instance, by: text)
        }
        self.instance = instance
        descriptor = file
        Self.write(holder, to: file)
    }

    deinit { close(descriptor) }

    private static func write(_ holder: Holder, to file: Int32) {
        // Only people read it: without it the lock holds just the same.
        guard let bytes = try? JSONEncoder().encode(holder) else { return }
        ftruncate(file, 0)
        _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
    }

    private static func content(of file: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = pread(file, &buffer, buffer.count, 0)
        // A holder that is just writing itself down leaves nothing to decode.
        let holder = try? JSONDecoder().decode(
            Holder.self, from: Data(buffer.prefix(max(0, count))))
        return holder?.description ?? "a process that has only just begun"
    }
}
