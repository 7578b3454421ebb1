internal import Digests

/// SQL as text for the client's standard input, whatever `sql_mode` the server has.
enum MySQLText {
    /// A name in backticks, with those inside doubled.
    static func identifier(_ name: String) -> String {
        "`\(name.replacing("`", with: "``"))`"
    }

    /// A string as hexadecimal digits: neither quotes nor backslashes can mean anything in it.
    static func string(_ text: String) -> String {
        guard !text.isEmpty else { return "_utf8mb4 ''" }
        return "_utf8mb4 0x" + Hex.text(Array(text.utf8))
    }

    /// Without comments that only explain, such as `/* mariadb-5.3 */` behind a column of an old
    /// format, which a restore brings to the new one; `/*!` and `/*M!` hold a part of the definition.
    static func withoutComments(_ definition: String) -> String {
        var rest = Array(definition.utf8)[...]
        var result: [UInt8] = []
        var quote: UInt8?
        while let byte = rest.first {
            if let open = quote {
                let isEscape = byte == UInt8(ascii: "\\") && open != UInt8(ascii: "`")
                let count = isEscape ? 2 : 1
                result += rest.prefix(count)
                rest = rest.dropFirst(count)
                // A doubled quote ends it and begins it again.
                if byte == open { quote = nil }
                continue
            }
            if rest.starts(with: "/*".utf8), !rest.starts(with: "/*!".utf8),
                !rest.starts(with: "/*M!".utf8), let end = rest.firstRange(of: Array("*/".utf8))
            {
                rest = rest[end.upperBound...]
                if result.last == UInt8(ascii: " ") { result.removeLast() }
                continue
            }
            if Self.quotes.contains(byte) { quote = byte }
            result.append(byte)
            rest = rest.dropFirst()
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static let quotes = Set("'\"`".utf8)

    /// A name for `GET_LOCK`, which allows 64 characters: readable, and unique by a digest.
    static func lockName(_ purpose: String, instance: String, schema: String) -> String {
        let digest = SHA256.hash(Array("\(instance)\u{0}\(schema)".utf8)).hex.prefix(24)
        return "pawl/\(purpose)/\(digest)"
    }

    /// Set at the beginning of every session: answers must not depend on the server's settings.
    ///
    /// The limits on a statement's time are in comments that only the product reads which has them.
    static let preamble = """
        SET SESSION sql_mode='', time_zone='+00:00', SQL_QUOTE_SHOW_CREATE=1, SQL_NOTES=0;
        /*M!100101 SET SESSION max_statement_time=0 */;
        /*!50708 SET SESSION max_execution_time=0 */;
        /*!80000 SET SESSION information_schema_stats_expiry=0 */;

        """
}

enum Hex {
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: 2 * bytes.count) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[2 * index] = digits[Int(byte >> 4)]
                buffer[2 * index + 1] = digits[Int(byte & 15)]
            }
            return 2 * bytes.count
        }
    }
}

/// Rows of the client's batch output, which escapes what would end a field or a row.
///
/// Source: `mariadb(1)` and `mysql(1)`, `--batch` without `--raw`: tab, line feed, backslash and
/// NUL are written as `\t`, `\n`, `\\` and `\0`. SQL's NULL is the word.
struct MySQLRows {
    /// More than any answer that Pawl asks for.
    static let limitInBytes = 64 << 20

    private var bytes: [UInt8] = []
    private let limitInBytes: Int

    init(limitInBytes: Int = limitInBytes) { self.limitInBytes = limitInBytes }

    struct TooLarge: Error {}

    mutating func take(_ part: UnsafeRawBufferPointer) throws(TooLarge) {
        guard bytes.count + part.count <= limitInBytes else { throw TooLarge() }
        bytes += part
    }

    /// All rows; every one of them ends with a line feed.
    var rows: [[String]] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
            .map { Self.fields(of: $0) }
    }

    static func fields(of line: ArraySlice<UInt8>) -> [String] {
        line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            .map { unescaped($0) }
    }

    private static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(field.count)
        var isEscaped = false
        for byte in field {
            if isEscaped {
                isEscaped = false
                switch byte {
                case UInt8(ascii: "t"): result.append(UInt8(ascii: "\t"))
                case UInt8(ascii: "n"): result.append(UInt8(ascii: "\n"))
                case UInt8(ascii: "0"): result.append(0)
                default: result.append(byte)
                }
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
