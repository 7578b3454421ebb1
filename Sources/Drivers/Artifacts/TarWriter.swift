/// What has to be put before an archive that an engine shall take.
enum TarWriter {
    /// One file as a member of a tar archive, padded to whole blocks.
    ///
    /// Source: POSIX.1-2017, `pax`, "ustar Interchange Format".
    ///
    /// - Parameter name: At most 100 bytes.
    static func file(_ name: String, _ content: [UInt8]) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: Array(text.utf8))
        }
        func octal(_ value: Int, _ width: Int) -> String {
            let digits = String(value, radix: 8)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        put(name, at: 0)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(content.count, 11), at: 124)
        put(octal(0, 11), at: 136)
        // The checksum is computed over blanks in its own place.
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
        let padding = (512 - content.count % 512) % 512
        return header + content + [UInt8](repeating: 0, count: padding)
    }
}

/// A gzip member that holds bytes as they are; a gzip file may be several members in a row.
///
/// Source: RFC 1952 sections 2.2 and 2.3; RFC 1951 section 3.2.4.
enum Gzip {
    private static let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
    private static let blockLimit = 0xFFFF

    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var member = header
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(blockLimit)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            member.append(rest.isEmpty ? 1 : 0)
            member += littleEndian(UInt32(length), 2) + littleEndian(UInt32(~length), 2)
            member += block
        } while !rest.isEmpty
        return member + littleEndian(checksum(bytes), 4)
            + littleEndian(UInt32(truncatingIfNeeded: bytes.count), 4)
    }

    private static func littleEndian(_ value: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }

    /// CRC-32 of RFC 1952 section 8, bit by bit: the bytes are few.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0 as UInt32) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in
                value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
            }
        }
    }
}
