internal import UpgradeMachine

// Ends of a client program's streams. Each is Sendable by hand: it is used on one thread at a time,
// and looked at once the program has ended.

/// A text for standard input.
final class ToolInput: @unchecked Sendable {
    private var rest: ArraySlice<UInt8>
    init(_ bytes: [UInt8]) { rest = bytes[...] }

    func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let part = rest.prefix(buffer.count)
        buffer.copyBytes(from: part)
        rest = rest.dropFirst(part.count)
        return part.count
    }
}

/// Output that is kept up to a limit; the rest is dropped.
final class ToolOutput: @unchecked Sendable {
    private let limitInBytes: Int
    private var bytes: [UInt8] = []

    init(limitInBytes: Int) { self.limitInBytes = limitInBytes }

    func take(_ part: UnsafeRawBufferPointer) { bytes += part.prefix(limitInBytes - bytes.count) }

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Rows of an answer as they arrive.
final class MySQLAnswer: @unchecked Sendable {
    private var collected = MySQLRows()

    func take(_ part: UnsafeRawBufferPointer) throws(Failure) {
        do {
            try collected.take(part)
        } catch {
            throw Failure(
                code: "database-answer-too-large",
                message: "an answer has more than \(MySQLRows.limitInBytes) bytes",
                advice: "this is a defect of Pawl: please report it", isPermanent: true)
        }
    }

    var rows: [[String]] { collected.rows }
}

/// The last bytes of a stream that goes by, to look at once it has ended.
struct MySQLTail {
    private let limitInBytes: Int
    private var bytes: [UInt8] = []

    init(limitInBytes: Int) { self.limitInBytes = limitInBytes }

    mutating func take(_ part: UnsafeRawBufferPointer) {
        bytes += part.suffix(limitInBytes)
        if bytes.count > limitInBytes { bytes.removeFirst(bytes.count - limitInBytes) }
    }

    /// The last line that is not empty.
    var lastLine: String {
        bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }).last
            .map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// A backup's bytes on their way from the dump into the file.
final class MySQLDumpSink: @unchecked Sendable {
    private let writer: BackupWriter
    private let progress: @Sendable (Int) -> Void
    private var tail = MySQLTail(limitInBytes: 256)
    private(set) var tables = MySQLDumpedTables()
    private var reported = 0
    private static let reportEachBytes = 1 << 20

    init(_ writer: BackupWriter, progress: @escaping @Sendable (Int) -> Void) {
        self.writer = writer
        self.progress = progress
    }

    func take(_ part: UnsafeRawBufferPointer) throws(Failure) {
        try writer.write(part)
        tail.take(part)
        tables.take(part)
        guard writer.rawSizeInBytes - reported >= Self.reportEachBytes else { return }
        reported = writer.rawSizeInBytes
        progress(reported)
    }

    func take(_ text: String) throws(Failure) {
        try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(Failure) in
            try take(UnsafeRawBufferPointer(bytes))
        }
    }

    /// Whether the dump said that it was whole.
    var hasFooter: Bool { tail.lastLine.hasPrefix(MySQLDumpTool.footer) }
    var lastLine: String { String(tail.lastLine.prefix(120)) }
}

/// A backup's bytes on their way into the client, between statements before and after them.
final class MySQLLoadSource: @unchecked Sendable {
    private let reader: MySQLBackupParts
    private let before: ToolInput
    private let after: ToolInput
    private let progress: @Sendable (Int, Int) -> Void
    private var isLoading = true
    private var reported = 0

    init(
        before: String, reader: MySQLBackupParts, after: String,
        progress: @escaping @Sendable (Int, Int) -> Void
    ) {
        self.reader = reader
        self.before = ToolInput(Array(before.utf8))
        self.after = ToolInput(Array(after.utf8))
        self.progress = progress
    }

    func take(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        let first = before.take(into: buffer)
        if first > 0 { return first }
        if isLoading {
            let count = try reader.read(into: buffer)
            if reader.done - reported >= 1 << 20 || count == 0 {
                reported = reader.done
                progress(reader.done, reader.sizeInBytes)
            }
            if count > 0 { return count }
            isLoading = false
        }
        return after.take(into: buffer)
    }
}
