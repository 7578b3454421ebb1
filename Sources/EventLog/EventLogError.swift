/// Why the log could not be opened, read or written.
public enum EventLogError: Error, CustomStringConvertible {
    /// Another program's file, or none of SQLite's at all; it has not been touched.
    case foreign(path: String, found: String)
    /// SQLite or the chain of hashes says that bytes are not as they were written.
    case damaged(path: String, sequence: Int?, found: String)
    /// Made by a newer Pawl.
    case newer(path: String, found: String)
    /// The file system does not give what durability needs.
    case notDurable(path: String, setting: String, found: String)
    case unreadable(path: String, reason: String)
    case appendFailed(path: String, reason: String)
    /// Another process holds the instance.
    case held(instance: String, by: String)
    /// A newer run has taken the instance over.
    case outdated(instance: String, fenceNumber: Int)
    case unknownStream(String)

    public var description: String {
        switch self {
        case .foreign(let path, let found):
            "\(path) is not a log of Pawl's: \(found). It was left untouched; "
                + "name another state directory, or move the file away"
        case .damaged(let path, let sequence, let found):
            "\(path) is damaged\(sequence.map { " at event \($0)" } ?? ""): \(found). "
                + "It was left untouched; restore it from a copy, and keep this one as evidence"
        case .newer(let path, let found):
            "\(path) was written by a newer Pawl (\(found)); use that version or a later one"
        case .notDurable(let path, let setting, let found):
            "\(path) cannot be kept durably: \(setting) is \(found); "
                + "put the state directory on a local file system"
        case .unreadable(let path, let reason):
            "\(path) cannot be read: \(reason)"
        case .appendFailed(let path, let reason):
            "nothing more could be recorded in \(path), so nothing more was done: \(reason). "
                + "Mend this, then go on with: pawl resume"
        case .held(let instance, let holder):
            "\(instance) is held by another run: \(holder)"
        case .outdated(let instance, let fenceNumber):
            "a newer run has taken \(instance) over; this one (number \(fenceNumber)) is refused"
        case .unknownStream(let stream):
            "there is no upgrade \(stream) in the log; pawl status --all lists those there are"
        }
    }
}
