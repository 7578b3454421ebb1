import GRDB
public import UpgradeMachine

/// One stream's place in the log.
public struct StreamSummary: Sendable {
    public let stream: String
    public let instance: String
    public let firstSequence: Int
    public let lastSequence: Int
}

extension [StreamSummary] {
    /// The one that was written last, which alone may not have ended: nothing begins beside it, and
    /// an older upgrade that a person goes back from is written again.
    public var lastWritten: StreamSummary? { self.max { $0.lastSequence < $1.lastSequence } }
}

extension EventLog {
    /// All streams, oldest first; of one instance where it is named.
    public func streams(of instance: String? = nil) throws(EventLogError) -> [StreamSummary] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT stream, instance, min(seq), max(seq) FROM event
                    WHERE ?1 IS NULL OR instance = ?1 GROUP BY stream ORDER BY min(seq)
                    """, arguments: [instance]
            ).map {
                try StreamSummary(
                    stream: $0.decode(atIndex: 0), instance: $0.decode(atIndex: 1),
                    firstSequence: $0.decode(atIndex: 2), lastSequence: $0.decode(atIndex: 3))
            }
        }
    }

    /// The entries of one stream in order, each found to be as it was written.
    public func entries(of stream: String) throws(EventLogError) -> [LogEntry] {
        var entries: [LogEntry] = []
        let coder = RecordCoder()
        try forEachStoredEvent(of: stream) { stored throws(EventLogError) in
            do throws(StoredEvent.Mismatch) {
                entries.append(try stored.record(by: coder))
            } catch {
                throw self.refused(error)
            }
        }
        guard !entries.isEmpty else { throw .unknownStream(stream) }
        return entries
    }

    /// The plan that a stream begins with; none where it does not begin with one.
    public func plan(of stream: String) throws(EventLogError) -> Plan? {
        let first = try read { database in
            try StoredEvent.fetchOne(
                database,
                sql: """
                    SELECT \(StoredEvent.columns) FROM event WHERE stream = ? AND stream_seq = 1
                    """, arguments: [stream])
        }
        guard let first else { throw .unknownStream(stream) }
        do throws(StoredEvent.Mismatch) {
            guard case .planned(let plan) = try first.record(by: RecordCoder()).event else {
                return nil
            }
            return plan
        } catch {
            throw refused(error)
        }
    }

    /// Visits the rows of one stream, or of the whole log, in short transactions.
    public func forEachStoredEvent(
        of stream: String? = nil, after sequence: Int = 0,
        _ visit: (StoredEvent) throws(EventLogError) -> Void
    ) throws(EventLogError) {
        try forEachPage(of: stream, after: sequence) { rows throws(EventLogError) in
            for row in rows { try visit(row) }
        }
    }

    /// Visits the rows a transaction's worth at a time.
    func forEachPage(
        of stream: String? = nil, after sequence: Int = 0,
        _ visit: ([StoredEvent]) throws(EventLogError) -> Void
    ) throws(EventLogError) {
        var last = sequence
        while true {
            let rows = try read { [last] database in
                try StoredEvent.fetchAll(
                    database,
                    sql: """
                        SELECT \(StoredEvent.columns) FROM event
                        WHERE seq > ?1 AND (?2 IS NULL OR stream = ?2)
                        ORDER BY seq LIMIT \(Self.rowsPerRead)
                        """, arguments: [last, stream])
            }
            try visit(rows)
            guard let final = rows.last, rows.count == Self.rowsPerRead else { return }
            last = final.sequence
        }
    }

    func refused(_ mismatch: StoredEvent.Mismatch) -> EventLogError {
        mismatch.isNewer
            ? .newer(path: path, found: "event \(mismatch.sequence): \(mismatch.found)")
            : .damaged(path: path, sequence: mismatch.sequence, found: mismatch.found)
    }

    func read<Value>(_ body: (GRDB.Database) throws -> Value) throws(EventLogError) -> Value {
        do {
            return try queue.read(body)
        } catch {
            throw Self.explained(error, path: path)
        }
    }
}
