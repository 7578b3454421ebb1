import Digests
import Foundation
import GRDB
import Synchronization
public import UpgradeMachine

/// Appends to the streams of one instance, whose lock it holds.
public final class Writer: Sendable {
    /// Who writes, as every envelope says.
    public struct Author: Sendable {
        public let actor: String
        public let host: String
        public let tool: Tool

        public init(actor: String, host: String, tool: Tool) {
            self.actor = actor
            self.host = host
            self.tool = tool
        }
    }

    private let log: EventLog
    private let lock: InstanceLock
    private let author: Author
    public let fenceNumber: Int
    /// Sequence of the instance's last event as far as this writer knows; none once an append has
    /// failed. Its fate is not known then: the disk may have failed after the commit, and may have
    /// dropped what it could not write. Only who opens the log anew sees what is there.
    ///
    /// Two that take over before either has appended have the same number, where the lock does not
    /// keep them apart (its file was removed); the one that appends second is refused by this.
    private let known: Mutex<Int?>

    /// Takes the instance over: the fence number grows, so that whoever had it is refused.
    public init(log: EventLog, lock: InstanceLock, author: Author) throws(EventLogError) {
        self.log = log
        self.lock = lock
        self.author = author
        let last = try log.read { try Self.last(of: lock.instance, $0) }
        fenceNumber = last.fenceNumber + 1
        known = Mutex(last.sequence)
    }

    /// Fence numbers grow with the sequence, so that the index leads to the last event at once.
    private static func last(
        of instance: String, _ database: GRDB.Database
    ) throws -> (sequence: Int, fenceNumber: Int) {
        let row = try database.cachedStatement(
            sql: """
                SELECT seq, fence_number FROM event WHERE instance = ?
                ORDER BY fence_number DESC, seq DESC LIMIT 1
                """)
        let last = try Row.fetchOne(row, arguments: [instance])
        return (last?[0] ?? 0, last?[1] ?? 0)
    }

    /// Appends `entries` as one transaction and returns once it is durable.
    ///
    /// - Throws: ``EventLogError/outdated(instance:fenceNumber:)`` when another run has appended,
    ///   ``EventLogError/appendFailed(path:reason:)`` when SQLite or the disk refuses, and from
    ///   then on always.
    @discardableResult
    public func append(
        _ entries: [(event: Event, moment: Moment)], to stream: String, planDigest: String
    ) throws(EventLogError) -> [LogEntry] {
        let coder = RecordCoder()
        guard let known = known.withLock({ $0 }) else {
            throw .appendFailed(path: log.path, reason: "an append before this one has failed")
        }
        do {
            let appended = try log.queue.write { database in
                guard try Self.last(of: lock.instance, database).sequence == known
                else { throw Overtaken() }
                var (last, streamLast) = try Self.ends(of: stream, database)
                var appended: [LogEntry] = []
                for entry in entries {
                    let entry = self.entry(entry, stream, planDigest, after: last, streamLast)
                    let leaf = try insert(entry, after: last.leaf, by: coder, into: database)
                    last = (entry.sequence, leaf)
                    streamLast = (entry.streamSequence, entry.sequence)
                    appended.append(entry)
                }
                return appended
            }
            if let last = appended.last { self.known.withLock { $0 = last.sequence } }
            return appended
        } catch {
            // Who was overtaken has written nothing, and stays so.
            if !(error is Overtaken) { self.known.withLock { $0 = nil } }
            throw explained(error)
        }
    }

    /// Somebody else has appended to the instance since this writer looked last.
    private struct Overtaken: Error {}

    private typealias End = (sequence: Int, leaf: Digest)
    private typealias StreamEnd = (streamSequence: Int, sequence: Int?)

    private static func ends(
        of stream: String, _ database: GRDB.Database
    ) throws -> (End, StreamEnd) {
        let last = try Row.fetchOne(
            database, sql: "SELECT seq, leaf FROM event ORDER BY seq DESC LIMIT 1")
        let streamLast = try Row.fetchOne(
            database,
            sql: """
                SELECT stream_seq, seq FROM event WHERE stream = ?
                ORDER BY stream_seq DESC LIMIT 1
                """, arguments: [stream])
        return (
            (last?[0] ?? 0, (last?[1] as Data?).flatMap { Digest($0) } ?? .zero),
            (streamLast?[0] ?? 0, streamLast?[1])
        )
    }

    private func entry(
        _ entry: (event: Event, moment: Moment), _ stream: String, _ planDigest: String,
        after last: End, _ streamLast: StreamEnd
    ) -> LogEntry {
        LogEntry(
            sequence: last.sequence + 1, previousLeaf: last.leaf.hex, instance: lock.instance,
            stream: stream, streamSequence: streamLast.streamSequence + 1, moment: entry.moment,
            fenceNumber: fenceNumber, actor: author.actor, host: author.host, tool: author.tool,
            planDigest: planDigest, causation: streamLast.sequence, event: entry.event)
    }

    private func insert(
        _ entry: LogEntry, after previous: Digest, by coder: RecordCoder,
        into database: GRDB.Database
    ) throws -> Digest {
        let body = try coder.body(of: entry)
        let leaf = StoredEvent.leaf(of: body)
        try database.cachedStatement(
            sql: "INSERT INTO event (\(StoredEvent.columns)) VALUES (?,?,?,?,?,?,?,?,?,?)"
        ).execute(arguments: [
            entry.sequence, entry.instance, entry.stream, entry.streamSequence,
            entry.event.type.rawValue, coder.shapes.version(of: entry.event.type),
            entry.fenceNumber,
            Data(previous.bytes), body, Data(leaf.bytes),
        ])
        return leaf
    }

    private func explained(_ error: any Error) -> EventLogError {
        if error is Overtaken {
            return .outdated(instance: lock.instance, fenceNumber: fenceNumber)
        }
        guard let error = error as? DatabaseError else {
            return .appendFailed(path: log.path, reason: "\(error)")
        }
        if error.reason.contains("a newer run has taken") {
            return .outdated(instance: lock.instance, fenceNumber: fenceNumber)
        }
        return .appendFailed(path: log.path, reason: error.reason)
    }
}
