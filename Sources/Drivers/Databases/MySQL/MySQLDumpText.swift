internal import Glibc
internal import UpgradeMachine

/// The tables and sequences that a dump creates, read as its bytes go by.
///
/// No value of a row can pass for one: a dump writes a line feed in it as `\n`. The body of a routine
/// can, so that a name too many says nothing.
struct MySQLDumpedTables {
    private(set) var names: Set<String> = []
    private var place = Place.lineStart([])

    private enum Place {
        /// What the line has begun with so far.
        case lineStart([UInt8])
        /// Behind the quote; two of them in a row are one of the name's.
        case name([UInt8], afterQuote: Bool)
        case elsewhere
    }

    private static let beginnings = ["CREATE TABLE `", "CREATE SEQUENCE `"].map { Array($0.utf8) }
    private static let newline = UInt8(ascii: "\n")
    private static let quote = UInt8(ascii: "`")
    /// More than 64 characters of four bytes each.
    private static let nameLimitInBytes = 512

    mutating func take(_ part: UnsafeRawBufferPointer) {
        var rest = part[...]
        while let byte = rest.first {
            if case .elsewhere = place {
                guard let index = rest.index(ofNext: Self.newline) else { return }
                rest = rest[(index + 1)...]
                place = .lineStart([])
            } else {
                rest = rest.dropFirst()
                take(byte)
            }
        }
    }

    private mutating func take(_ byte: UInt8) {
        switch place {
        case .lineStart(var start):
            start.append(byte)
            if Self.beginnings.contains(start) {
                place = .name([], afterQuote: false)
            } else if Self.beginnings.contains(where: { $0.starts(with: start) }) {
                place = .lineStart(start)
            } else {
                leave(at: byte)
            }
        case .name(let name, afterQuote: true) where byte != Self.quote:
            names.insert(String(decoding: name, as: UTF8.self))
            leave(at: byte)
        case .name(var name, let afterQuote):
            if byte != Self.quote || afterQuote { name.append(byte) }
            place =
                name.count > Self.nameLimitInBytes
                ? .elsewhere : .name(name, afterQuote: byte == Self.quote && !afterQuote)
        case .elsewhere: leave(at: byte)
        }
    }

    private mutating func leave(at byte: UInt8) {
        place = byte == Self.newline ? .lineStart([]) : .elsewhere
    }
}

/// A backup's bytes in two parts: all that lies still, and then the events.
///
/// An event that is loaded acts at once, on a server whose scheduler runs. So what was loaded is
/// compared before any is created. A backup without events has one part, as have those of Pawls
/// that did not divide them.
final class MySQLBackupParts: @unchecked Sendable {
    // Used on one thread at a time.
    /// A line of its own. No value of a row can pass for it: line feeds are escaped there.
    static let divider = "\n-- Pawl: the events follow, which act as soon as they are there\n"

    private static let mark = Array(divider.utf8)
    private static let chunkSizeInBytes = 262_144
    private let reader: any DataReader
    private var bytes: ArraySlice<UInt8> = []
    private var isAtEnd = false
    /// Whether the divider has been met: a second part begins.
    private(set) var isDivided = false

    init(_ reader: any DataReader) { self.reader = reader }

    var done: Int { reader.done }
    var sizeInBytes: Int { reader.sizeInBytes }

    /// The next bytes of the part; 0 at its end, after which the next part's follow.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        while !isAtEnd, bytes.count < Self.mark.count { try refill() }
        var limit = bytes.count
        if !isDivided {
            if let divider = indexOfDivider() {
                guard divider > bytes.startIndex else {
                    bytes = bytes.dropFirst(Self.mark.count)
                    isDivided = true
                    return 0
                }
                limit = divider - bytes.startIndex
            } else if !isAtEnd {
                // Its beginning may be at the end of what is there.
                limit -= Self.mark.count - 1
            }
        }
        let count = min(limit, buffer.count)
        buffer.copyBytes(from: bytes.prefix(count))
        bytes = bytes.dropFirst(count)
        return count
    }

    private func refill() throws(Failure) {
        var chunk = [UInt8](repeating: 0, count: Self.chunkSizeInBytes)
        let count = try chunk.withUnsafeMutableBufferPointer { (chunk) throws(Failure) in
            try reader.read(into: UnsafeMutableRawBufferPointer(chunk))
        }
        isAtEnd = count == 0
        bytes = (Array(bytes) + chunk.prefix(count))[...]
    }

    private func indexOfDivider() -> Int? {
        let found: Int? = bytes.withUnsafeBytes { bytes in
            var start = bytes.startIndex
            while let newline = bytes[start...].index(ofNext: Self.mark[0]) {
                if bytes[newline...].starts(with: Self.mark) { return newline }
                start = newline + 1
            }
            return nil
        }
        return found.map { $0 + bytes.startIndex }
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// By `memchr(3)`: a dump's lines are long, and there are gigabytes of them.
    fileprivate func index(ofNext byte: UInt8) -> Int? {
        let part = UnsafeRawBufferPointer(rebasing: self)
        guard let start = part.baseAddress, let found = memchr(start, CInt(byte), part.count) else {
            return nil
        }
        return startIndex + (UnsafeRawPointer(found) - start)
    }
}
