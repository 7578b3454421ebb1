import Foundation
import Glibc

/// Names of directories on disk.
enum Directories {
    /// Makes the names of a file and of all directories above it durable, as far as they lie in one
    /// file system: what is mounted has its name elsewhere.
    ///
    /// A file's own sync need not do that (fsync(2)).
    static func sync(above path: String) throws(EventLogError) {
        var directory = parent(of: path)
        let device = try self.device(of: directory)
        while try self.device(of: directory) == device {
            try sync(directory)
            let next = parent(of: directory)
            if next == directory { return }
            directory = next
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func device(of directory: String) throws(EventLogError) -> dev_t {
        var status = stat()
        guard stat(directory, &status) == 0 else { throw failure(directory, "look at") }
        return status.st_dev
    }

    private static func sync(_ directory: String) throws(EventLogError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // One that may not be read was made by somebody else, long before.
            if errno == EACCES { return }
            throw failure(directory, "open")
        }
        defer { close(descriptor) }
        // Some file systems have no such call for directories, and none that would be needed.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
            throw failure(directory, "sync")
        }
    }

    private static func failure(_ directory: String, _ call: String) -> EventLogError {
        .unreadable(path: directory, reason: "\(call): \(String(cString: strerror(errno)))")
    }
}
