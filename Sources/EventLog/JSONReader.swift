/// Reads ``JSON`` from bytes, each of them once.
struct JSONReader {
    /// Deeper than any shape; without a limit a damaged body could exhaust the stack.
    static let depthLimit = 32

    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The next byte; 0, which no token has, behind the last.
    private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    func end() throws(JSON.Unreadable) {
        guard position == bytes.count else { throw refusal("something follows the value") }
    }

    mutating func value(depth: Int) throws(JSON.Unreadable) -> JSON {
        guard depth < Self.depthLimit else { throw refusal("it is nested too deeply") }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .integer(try integer())
        }
    }

    /// Goes to the value of a member of the object here; false where it has none of that name.
    mutating func enter(_ wanted: String) throws(JSON.Unreadable) -> Bool {
        try expect(UInt8(ascii: "{"))
        while next == UInt8(ascii: "\"") {
            let name = try self.name()
            if Self.text(of: bytes[name]) == wanted { return true }
            _ = try value(depth: 0)
            guard take(UInt8(ascii: ",")) else { break }
        }
        return false
    }

    private mutating func object(depth: Int) throws(JSON.Unreadable) -> JSON {
        try expect(UInt8(ascii: "{"))
        if take(UInt8(ascii: "}")) { return .object([]) }
        var members: [JSON.Member] = []
        members.reserveCapacity(depth == 0 ? 20 : 4)
        var last: Range<Int>?
        repeat {
            let name = try self.name()
            if let last, !bytes[last].lexicographicallyPrecedes(bytes[name]) {
                throw refusal("a name is there twice, or out of order")
            }
            last = name
            guard let text = Self.text(of: bytes[name]) else { throw refusal("it is not UTF-8") }
            members.append(JSON.Member(name: text, value: try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSON.Unreadable) -> JSON {
        try expect(UInt8(ascii: "["))
        if take(UInt8(ascii: "]")) { return .array([]) }
        var values: [JSON] = []
        repeat { values.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return .array(values)
    }

    /// Where the bytes of a member's name are; goes to its value.
    private mutating func name() throws(JSON.Unreadable) -> Range<Int> {
        try expect(UInt8(ascii: "\""))
        let start = position
        guard skipPlainText() == UInt8(ascii: "\"") else { throw refusal("a name is not plain") }
        let name = start..<position
        position += 1
        try expect(UInt8(ascii: ":"))
        return name
    }

    private mutating func string() throws(JSON.Unreadable) -> String {
        try expect(UInt8(ascii: "\""))
        let start = position
        if skipPlainText() == UInt8(ascii: "\"") {
            guard let text = Self.text(of: bytes[start..<position]) else {
                throw refusal("it is not UTF-8")
            }
            position += 1
            return text
        }
        var unescaped = Array(bytes[start..<position])
        while next == UInt8(ascii: "\\") {
            position += 1
            try unescape(into: &unescaped)
            let plain = position
            _ = skipPlainText()
            unescaped += bytes[plain..<position]
        }
        try expect(UInt8(ascii: "\""))
        guard let text = String(validating: unescaped, as: UTF8.self) else {
            throw refusal("it is not UTF-8")
        }
        return text
    }

    /// Goes to the next quotation mark, backslash or control character, and returns it.
    private mutating func skipPlainText() -> UInt8 {
        var byte = next
        while byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            position += 1
            byte = next
        }
        return byte
    }

    /// Reads what stands behind a backslash.
    private mutating func unescape(into text: inout [UInt8]) throws(JSON.Unreadable) {
        let escaped = next
        position += 1
        switch escaped {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escaped)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += Array(String(try escapedScalar()).utf8)
        default: throw refusal("there is no such escape")
        }
    }

    /// The scalar of one `\uXXXX`, or of the two that stand for one beyond U+FFFF.
    private mutating func escapedScalar() throws(JSON.Unreadable) -> Character {
        var code = try fourDigits()
        if (0xD800..<0xDC00).contains(code) {
            try expect(UInt8(ascii: "\\"))
            try expect(UInt8(ascii: "u"))
            let low = try fourDigits()
            guard (0xDC00..<0xE000).contains(low) else { throw refusal("half a surrogate pair") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw refusal("half a surrogate pair") }
        return Character(scalar)
    }

    private mutating func fourDigits() throws(JSON.Unreadable) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(next)).hexDigitValue else {
                throw refusal("an escape has four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    private mutating func integer() throws(JSON.Unreadable) -> Int64 {
        let isNegative = take(UInt8(ascii: "-"))
        let start = position
        var value: Int64 = 0
        while case let digit = Int64(next) - 48, (0...9).contains(digit) {
            // Towards the negative end, which has one number more.
            let (shifted, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = shifted.subtractingReportingOverflow(digit)
            guard !overflows, !overflowsToo else { throw refusal("a number beyond 64 bits") }
            value = sum
            position += 1
        }
        let isPadded = position > start + 1 && bytes[start] == 48
        guard position > start, !isPadded, !(isNegative && value == 0) else {
            throw refusal("no value, or a number that is written in another way")
        }
        if isNegative { return value }
        guard value != .min else { throw refusal("a number beyond 64 bits") }
        return -value
    }

    private mutating func word(
        _ text: StaticString, _ value: JSON
    ) throws(JSON.Unreadable) -> JSON {
        for index in 0..<text.utf8CodeUnitCount { try expect(text.utf8Start[index]) }
        return value
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(JSON.Unreadable) {
        guard take(byte) else {
            throw refusal("\(Character(Unicode.Scalar(byte))) is missing")
        }
    }

    private static func text(of bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
        let text = UnsafeBufferPointer(rebasing: bytes)
        var bits: UInt8 = 0
        for byte in text { bits |= byte }
        // In ASCII there is nothing to repair, and this is the quicker way.
        return bits < 0x80
            ? String(decoding: text, as: UTF8.self) : String(validating: text, as: UTF8.self)
    }

    private func refusal(_ reason: String) -> JSON.Unreadable {
        JSON.Unreadable("\(reason) (at byte \(position))")
    }
}
