import Digests
public import UpgradeMachine

extension EventLog {
    /// Checks every event of the log and the chain that they form.
    ///
    /// Each body has its recorded hash and agrees with its columns, the sequence counts by one from
    /// 1, each stream counts by one, and each event names the leaf before it. Rows are read in short
    /// transactions; beside them only each stream's last number is held.
    ///
    /// - Parameter visit: Is shown every entry, once it was found to be as it was written.
    /// - Returns: How many events there are, and the last one's leaf in hexadecimal: 64 zeros for
    ///   an empty log.
    /// - Throws: ``EventLogError/damaged(path:sequence:found:)`` for the first event that is not as
    ///   it was written, ``EventLogError/newer(path:found:)`` for one of a newer Pawl's.
    public func verifyChain(
        visit: (LogEntry) -> Void = { _ in }
    ) throws(EventLogError) -> (events: Int, head: String) {
        let coder = RecordCoder()
        var chain = Chain()
        try forEachStoredEvent { stored throws(EventLogError) in
            do throws(StoredEvent.Mismatch) {
                visit(try chain.append(stored, by: coder))
            } catch {
                throw self.refused(error)
            }
        }
        return (chain.events, chain.head)
    }
}

/// The log as far as it has been checked.
private struct Chain {
    var events = 0
    var head = String(repeating: "0", count: 64)
    /// Each stream's last number.
    private var ends: [String: Int] = [:]

    mutating func append(
        _ stored: StoredEvent, by coder: RecordCoder
    ) throws(StoredEvent.Mismatch) -> LogEntry {
        guard stored.sequence == events + 1 else {
            throw refused(stored, "it follows event \(events)")
        }
        let entry = try stored.record(by: coder)
        guard entry.previousLeaf == head else {
            throw refused(
                stored, "it names \(entry.previousLeaf) as the leaf before it, which is \(head)")
        }
        let end = ends[stored.stream, default: 0]
        guard stored.streamSequence == end + 1 else {
            throw refused(
                stored, "it is number \(stored.streamSequence) of \(stored.stream), after \(end)")
        }
        ends[stored.stream] = stored.streamSequence
        events = stored.sequence
        head = StoredEvent.leaf(of: stored.body).hex
        return entry
    }

    private func refused(_ stored: StoredEvent, _ found: String) -> StoredEvent.Mismatch {
        StoredEvent.Mismatch(sequence: stored.sequence, found: found)
    }
}
