import Digests
public import Foundation
public import GRDB
public import UpgradeMachine

/// A row of the event table.
public struct StoredEvent: Sendable, FetchableRecord {
    public let sequence: Int
    public let instance: String
    public let stream: String
    public let streamSequence: Int
    public let type: String
    public let typeVersion: Int
    public let fenceNumber: Int
    public let body: Data
    public let leaf: Data

    static let columns =
        "seq, instance, stream, stream_seq, type, type_version, fence_number, body, leaf"

    public init(row: Row) {
        sequence = row[0]
        instance = row[1]
        stream = row[2]
        streamSequence = row[3]
        type = row[4]
        typeVersion = row[5]
        fenceNumber = row[6]
        body = row[7]
        leaf = row[8]
    }

    /// RFC 6962, 2.1: a leaf's hash has the prefix 0x00, so that it is never taken for a node's.
    static func leaf(of body: Data) -> Digest {
        let hash = SHA256()
        hash.update([0x00])
        hash.update(body)
        return hash.finalize()
    }

    /// The record in the body, once body, leaf and columns were found to be one.
    ///
    /// - Throws: A ``Mismatch`` that says what is not as it was written.
    public func record(by coder: RecordCoder) throws(Mismatch) -> LogEntry {
        guard Self.leaf(of: body).bytes == Array(leaf) else {
            throw Mismatch(sequence: sequence, found: "its body does not have its recorded hash")
        }
        guard EventType(rawValue: type) != nil, typeVersion <= Body.currentVersion else {
            throw Mismatch(
                sequence: sequence, found: "its type \(type), version \(typeVersion), is unknown",
                isNewer: true)
        }
        let record: LogEntry
        do {
            record = try coder.record(from: body)
        } catch {
            throw Mismatch(sequence: sequence, found: "its body cannot be read: \(error)")
        }
        let isOne =
            record.sequence == sequence && record.instance == instance && record.stream == stream
            && record.streamSequence == streamSequence && record.event.type.rawValue == type
            && record.fenceNumber == fenceNumber
        guard isOne else {
            throw Mismatch(sequence: sequence, found: "its columns differ from its body")
        }
        return record
    }

    /// What is wrong with one event.
    public struct Mismatch: Error, Sendable {
        public let sequence: Int
        public let found: String
        public var isNewer = false
    }
}
