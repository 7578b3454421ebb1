/// One member of a tar archive.
struct TarEntry: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case file
        case symbolicLink(target: String)
        case hardLink(target: String)
        /// A directory or a device: nothing to read.
        case other
    }

    let name: String
    let kind: Kind
    let sizeInBytes: Int
}

/// Why bytes are not a whole tar archive.
struct TarFault: Error, Hashable {
    let reason: String
}

/// Takes a tar archive apart as its bytes come, in bounded memory.
///
/// Source: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Header Block"; GNU tar's manual,
/// "Basic Tar Format", for long names and large numbers.
struct TarReader {
    private static let blockLength = 512
    /// Of a name or of a pax header; longer ones are made to do harm.
    private static let extensionLimitInBytes = 1 << 20

    /// What to do with the members, in their order.
    protocol Visitor: AnyObject {
        func begin(_ entry: TarEntry) throws(TarFault)
        /// A part of the content of the file that was begun.
        func take(_ bytes: UnsafeRawBufferPointer)
        func end()
    }

    private enum State {
        case header
        case content(left: Int, padding: Int)
        case extended(kind: UInt8, left: Int, padding: Int)
        case padding(left: Int)
        /// Behind the two empty blocks nothing counts.
        case ended
    }

    private let visitor: any Visitor
    private var state = State.header
    private var block: [UInt8] = []
    private var emptyBlocks = 0
    private var content: [UInt8] = []
    /// What extended headers say of the next member.
    private var long = Extended()
    private var offset = 0

    private struct Extended {
        var name: String?
        var target: String?
        var size: Int?
    }

    init(_ visitor: any Visitor) {
        self.visitor = visitor
        block.reserveCapacity(Self.blockLength)
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(TarFault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try step(rest)
            offset += count
            rest = rest.dropFirst(count)
        }
    }

    /// - Throws: Where the archive's end mark has not come.
    func finish() throws(TarFault) {
        guard case .ended = state else {
            throw TarFault(
                reason: "it ends at byte \(offset) of its unpacked content, before its end mark")
        }
    }

    /// - Returns: How many bytes it has taken, at least one.
    private mutating func step(_ rest: Slice<UnsafeRawBufferPointer>) throws(TarFault) -> Int {
        switch state {
        case .ended: return rest.count
        case .header:
            let part = rest.prefix(Self.blockLength - block.count)
            block += part
            if block.count == Self.blockLength {
                try readHeader()
                block.removeAll(keepingCapacity: true)
            }
            return part.count
        case .content(let left, let padding):
            let part = rest.prefix(left)
            visitor.take(UnsafeRawBufferPointer(rebasing: part))
            pass(left: left - part.count, padding) { .content(left: $0, padding: padding) }
            return part.count
        case .extended(let kind, let left, let padding):
            let part = rest.prefix(left)
            content += part
            if part.count == left { try readExtended(kind) }
            pass(left: left - part.count, padding) {
                .extended(kind: kind, left: $0, padding: padding)
            }
            return part.count
        case .padding(let left):
            let count = min(left, rest.count)
            state = count == left ? .header : .padding(left: left - count)
            return count
        }
    }

    private mutating func pass(left: Int, _ padding: Int, _ next: (Int) -> State) {
        guard left == 0 else {
            state = next(left)
            return
        }
        if case .content = state { visitor.end() }
        state = padding == 0 ? .header : .padding(left: padding)
    }

    // MARK: - Headers

    private mutating func readHeader() throws(TarFault) {
        guard block.contains(where: { $0 != 0 }) else {
            emptyBlocks += 1
            if emptyBlocks == 2 { state = .ended }
            return
        }
        guard emptyBlocks == 0 else {
            throw TarFault(reason: "an empty block before byte \(offset)")
        }
        guard isChecksumRight else {
            throw TarFault(reason: "no tar header at byte \(offset / 512 * 512)")
        }
        let kind = block[156]
        let size = try number(124..<136)
        let padding = (Self.blockLength - size % Self.blockLength) % Self.blockLength
        switch kind {
        case UInt8(ascii: "L"), UInt8(ascii: "K"), UInt8(ascii: "x"), UInt8(ascii: "g"):
            guard size <= Self.extensionLimitInBytes else {
                throw TarFault(reason: "a header of \(size) bytes")
            }
            content.removeAll(keepingCapacity: true)
            state = size == 0 ? .header : .extended(kind: kind, left: size, padding: padding)
        default:
            try beginMember(kind, size)
        }
    }

    private mutating func beginMember(_ kind: UInt8, _ headerSize: Int) throws(TarFault) {
        let isFile = [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(kind)
        // Links and folders have no content, whatever their header says.
        let hasContent = isFile || !(UInt8(ascii: "1")...UInt8(ascii: "6")).contains(kind)
        let size = hasContent ? long.size ?? headerSize : 0
        let target = long.target ?? text(157..<257)
        let entry = TarEntry(
            name: long.name ?? headerName,
            kind: isFile
                ? .file
                : kind == UInt8(ascii: "1")
                    ? .hardLink(target: target)
                    : kind == UInt8(ascii: "2") ? .symbolicLink(target: target) : .other,
            sizeInBytes: size)
        long = Extended()
        try visitor.begin(entry)
        guard size > 0 else { return visitor.end() }
        let padding = (Self.blockLength - size % Self.blockLength) % Self.blockLength
        state = .content(left: size, padding: padding)
    }

    private mutating func readExtended(_ kind: UInt8) throws(TarFault) {
        let text = { (bytes: [UInt8]) in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        switch kind {
        case UInt8(ascii: "L"): long.name = text(content)
        case UInt8(ascii: "K"): long.target = text(content)
        case UInt8(ascii: "x"): try readRecords()
        default: break
        }
    }

    /// Records `LENGTH NAME=VALUE\n` of a pax header.
    private mutating func readRecords() throws(TarFault) {
        var rest = content[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != UInt8(ascii: " ") }
            guard let length = Int(String(decoding: digits, as: UTF8.self)),
                length > digits.count + 1, length <= rest.count
            else { throw TarFault(reason: "a pax header that is none, before byte \(offset)") }
            let record = rest.prefix(length).dropFirst(digits.count + 1).dropLast()
            rest = rest.dropFirst(length)
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = String(decoding: record[(equals + 1)...], as: UTF8.self)
            switch String(decoding: record[..<equals], as: UTF8.self) {
            case "path": long.name = value
            case "linkpath": long.target = value
            case "size":
                guard let size = Int(value), size >= 0 else {
                    throw TarFault(reason: "a pax header with the size \(value.prefix(20))")
                }
                long.size = size
            default: break
            }
        }
    }

    private var isChecksumRight: Bool {
        var sum = 0
        for (index, byte) in block.enumerated() {
            sum += (148..<156).contains(index) ? 32 : Int(byte)
        }
        // A checksum that is no number is as wrong as another number.
        return (try? number(148..<156)) == sum
    }

    private var headerName: String {
        let name = text(0..<100)
        // GNU's own format has other things where ustar has a prefix.
        let isUstar = block[257..<263].elementsEqual(Array("ustar\0".utf8))
        let prefix = isUstar ? text(345..<500) : ""
        return prefix.isEmpty ? name : "\(prefix)/\(name)"
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: block[range].prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Octal digits or, where the first bit is set, a binary number.
    private func number(_ range: Range<Int>) throws(TarFault) -> Int {
        let field = block[range]
        if let first = field.first, first & 0x80 != 0 {
            var value = UInt64(first & 0x7F)
            for byte in field.dropFirst() {
                guard value < 1 << 54 else { throw TarFault(reason: "a size beyond reason") }
                value = value << 8 | UInt64(byte)
            }
            return Int(value)
        }
        let digits = field.filter { $0 != 0 && $0 != UInt8(ascii: " ") }
        if digits.isEmpty { return 0 }
        guard let value = Int(String(decoding: digits, as: UTF8.self), radix: 8), value >= 0 else {
            throw TarFault(reason: "a header with a number that is none, before byte \(offset)")
        }
        return value
    }
}
