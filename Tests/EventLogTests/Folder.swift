import Digests
import EventLog
import Foundation
import GRDB
import Glibc
import UpgradeMachine

/// A folder of its own for one case, which goes with it.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/pawl-log-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        // What cannot be removed is left to whoever empties the temporary folder.
        try? FileManager.default.removeItem(atPath: path)
    }

    var log: String { path + "/log.sqlite" }

    /// The files and what is in them, and when they were last written.
    func snapshot() throws -> [String: String] {
        var found: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            var status = stat()
            stat("\(path)/\(name)", &status)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
            found[name] =
                "\(SHA256.hash(bytes).hex) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        }
        return found
    }

    func write(_ bytes: some Sequence<UInt8>) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: log))
    }

    func bytes() throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: log)))
    }

    /// A connection that knows nothing of Pawl, as an intruder's.
    func raw() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: log, configuration: configuration)
    }

    /// Changes a log behind its guards, which are put back afterwards.
    func alter(_ change: (GRDB.Database) throws -> Void) throws {
        let raw = try raw()
        try raw.write { database in
            let guards = try Row.fetchAll(
                database, sql: "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            for row in guards { try database.execute(sql: "DROP TRIGGER \(row[0] as String)") }
            try change(database)
            for row in guards { try database.execute(sql: row[1]) }
        }
        try raw.close()
    }

    /// Takes the instance over and appends; opens and closes what it needs for that.
    @discardableResult
    func append(
        _ events: [Event] = Sample.events, to stream: String = "u1", of instance: String = "studio"
    ) throws -> [LogEntry] {
        let log = try EventLog(path: log, for: .writing)
        return try writer(on: log, of: instance)
            .append(Sample.entries(events), to: stream, planDigest: Sample.planDigest)
    }

    func writer(on log: EventLog, of instance: String = "studio") throws -> Writer {
        let lock = try InstanceLock(instance: instance, directory: path, holder: Sample.holder)
        return try Writer(log: log, lock: lock, author: Sample.author)
    }
}
