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
    public let previousLeaf: Data
    public let body: Data
    public let leaf: Data

    static let columns =
        "seq, instance, stream, stream_seq, type, type_version, fence_number, prev, body, leaf"

    /// - Throws: `RowDecodingError` where damage has left a column without its type.
    public init(row: Row) throws {
        sequence = try row.decode(atIndex: 0)
        instance = try row.decode(atIndex: 1)
        stream = try row.decode(atIndex: 2)
        streamSequence = try row.decode(atIndex: 3)
        type = try row.decode(atIndex: 4)
        typeVersion = try row.decode(atIndex: 5)
        fenceNumber = try row.decode(atIndex: 6)
        previousLeaf = try row.decode(atIndex: 7)
        body = try row.decode(atIndex: 8)
        leaf = try row.decode(atIndex: 9)
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
        guard Self.leaf(of: body) == Digest(leaf) else {
            throw Mismatch(sequence: sequence, found: "its body does not have its recorded hash")
        }
        guard let knownType = coder.shapes.known(type, version: typeVersion) else {
            let kind = coder.kind(of: body)
            let isNewer = kind?.type == type && kind?.version == typeVersion
            let author = kind?.tool.map { "; Pawl \($0.version) wrote it" } ?? ""
            throw Mismatch(
                sequence: sequence,
                found: isNewer
                    ? "its type \(type), version \(typeVersion), is unknown\(author)"
                    : "its columns differ from its body",
                isNewer: isNewer)
        }
        let record: LogEntry
        do {
            record = try coder.record(from: body, type: knownType, version: typeVersion)
        } catch {
            throw Mismatch(sequence: sequence, found: "its body cannot be read: \(error)")
        }
        let isOne: Bool =
            record.sequence == sequence && record.instance == instance
            && record.stream == stream && record.streamSequence == streamSequence
        let isChained: Bool = record.previousLeaf == Digest(previousLeaf)?.hex
        let isOfType: Bool =
            record.event.type.rawValue == type && record.fenceNumber == fenceNumber
        guard isOne, isChained, isOfType else {
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
