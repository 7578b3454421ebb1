import Digests
import Dispatch
public import UpgradeMachine

extension EventLog {
    /// Checks every event of the log and the chain that they form.
    ///
    /// Each body has its recorded hash and agrees with its columns, the sequence counts by one from
    /// 1, each stream counts by one, and each event names the leaf before it; the triggers that keep
    /// it so are all there. Rows are read in short transactions; beside them only each stream's last
    /// number is held.
    ///
    /// - Parameter visit: Is shown every entry, once it was found to be as it was written.
    /// - Returns: How many events there are, and the last one's leaf in hexadecimal: 64 zeros for
    ///   an empty log.
    /// - Throws: ``EventLogError/damaged(path:sequence:found:)`` for the first event that is not as
    ///   it was written, ``EventLogError/newer(path:found:)`` for one of a newer Pawl's.
    public func verifyChain(
        visit: (LogEntry) -> Void = { _ in }
    ) throws(EventLogError) -> (events: Int, head: String) {
        var chain = Chain()
        try forEachPage { page throws(EventLogError) in
            do throws(StoredEvent.Mismatch) {
                for (stored, result) in zip(page, Self.entries(of: page)) {
                    // Large, and copied once.
                    let entry = try result.get()
                    try chain.append(stored, naming: entry.previousLeaf)
                    visit(entry)
                }
            } catch {
                throw self.refused(error)
            }
        }
        try checkSchema()
        return (chain.events, chain.head.hex)
    }

    /// Hashes and reads a page's bodies on all cores: none of them depends on another.
    private static func entries(
        of page: [StoredEvent]
    ) -> [Result<LogEntry, StoredEvent.Mismatch>] {
        let unread = Result<LogEntry, StoredEvent.Mismatch>.failure(
            StoredEvent.Mismatch(sequence: 0, found: "it was not read"))
        var entries = [Result<LogEntry, StoredEvent.Mismatch>](repeating: unread, count: page.count)
        let parts = 8
        entries.withUnsafeMutableBufferPointer { buffer in
            // Each part writes places that no other part touches.
            nonisolated(unsafe) let places = buffer
            DispatchQueue.concurrentPerform(iterations: parts) { part in
                let coder = RecordCoder()
                for index in stride(from: part, to: page.count, by: parts) {
                    places[index] = Result { () throws(StoredEvent.Mismatch) in
                        try page[index].record(by: coder)
                    }
                }
            }
        }
        return entries
    }
}

/// The log as far as it has been checked.
private struct Chain {
    var events = 0
    var head = Digest.zero
    /// Each stream's last number.
    private var ends: [String: Int] = [:]

    mutating func append(
        _ stored: StoredEvent, naming previousLeaf: String
    ) throws(StoredEvent.Mismatch) {
        guard stored.sequence == events + 1 else {
            throw refused(stored, "it follows event \(events)")
        }
        // It was found to be the one that the body names.
        guard Digest(stored.previousLeaf) == head else {
            throw refused(
                stored,
                "it names \(previousLeaf) as the leaf before it, which is \(head.hex)")
        }
        let end = ends[stored.stream, default: 0]
        guard stored.streamSequence == end + 1 else {
            throw refused(
                stored, "it is number \(stored.streamSequence) of \(stored.stream), after \(end)")
        }
        ends[stored.stream] = stored.streamSequence
        events = stored.sequence
        // It was found to be the body's, so that it need not be computed again.
        head = Digest(stored.leaf) ?? .zero
    }

    private func refused(_ stored: StoredEvent, _ found: String) -> StoredEvent.Mismatch {
        StoredEvent.Mismatch(sequence: stored.sequence, found: found)
    }
}
