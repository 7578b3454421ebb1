import Foundation

/// One system call, as strace(1) wrote it down.
struct SystemCall {
    let name: String
    /// Still in strace's writing.
    let arguments: [ArraySlice<UInt8>]
    let result: Int
    /// What the descriptor that the call returned leads to.
    let resultPath: String?
    /// strace refused it, so that the kernel never saw it.
    let wasStruck: Bool
}

/// strace's lines as calls, in the order in which they ended.
///
/// Written with `-f -y -xx`: every string is hexadecimal, so that no comma and no bracket stands in
/// one, and each descriptor has its path beside it (strace(1)).
struct Trace {
    private(set) var calls: [SystemCall] = []

    init(_ text: [UInt8]) throws {
        // By thread: what is to be resumed.
        var begun: [ArraySlice<UInt8>: ArraySlice<UInt8>] = [:]
        for line in text.split(separator: 0x0A) {
            guard let space = line.firstIndex(of: 0x20) else { throw Unread(line, "no call") }
            let thread = line[..<space]
            let rest = line[space...].drop { $0 == 0x20 }
            if rest.starts(with: "+++".utf8) || rest.starts(with: "---".utf8) { continue }
            if rest.ends(with: " <unfinished ...>") {
                begun[thread] = rest.dropLast(" <unfinished ...>".count)
            } else if rest.starts(with: "<... ".utf8) {
                guard let beginning = begun.removeValue(forKey: thread),
                    let end = rest.firstIndex(of: UInt8(ascii: ">"))
                else { throw Unread(line, "its beginning is missing") }
                try append((Array(beginning) + rest[(end + 1)...])[...])
            } else {
                try append(rest)
            }
        }
    }

    private mutating func append(_ line: ArraySlice<UInt8>) throws {
        guard let open = line.firstIndex(of: UInt8(ascii: "(")), let close = Self.close(of: line)
        else { throw Unread(line, "no result") }
        let ending = line[(close + 1)...].drop { $0 == 0x20 || $0 == UInt8(ascii: "=") }
        // Killed within the call: nothing of this thread follows.
        if ending.first == UInt8(ascii: "?") { return }
        let number = ending.prefix { $0 != 0x20 && $0 != UInt8(ascii: "<") }
        guard let result = Int(String(decoding: number, as: UTF8.self)) else {
            throw Unread(line, "its result is no number")
        }
        let first = ending.prefix { $0 != 0x20 }
        calls.append(
            SystemCall(
                name: String(decoding: line[..<open], as: UTF8.self),
                arguments: Self.arguments(line[(open + 1)..<close]), result: result,
                resultPath: Quoted.path(in: first), wasStruck: line.ends(with: "(INJECTED)")))
    }

    /// The bracket before the result, the first that a `=` follows.
    private static func close(of line: ArraySlice<UInt8>) -> Int? {
        var index = line.startIndex
        while let next = line[index...].firstIndex(of: UInt8(ascii: ")")) {
            if line[(next + 1)...].drop(while: { $0 == 0x20 }).first == UInt8(ascii: "=") {
                return next
            }
            index = next + 1
        }
        return nil
    }

    private static func arguments(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        text.split(separator: UInt8(ascii: ",")).map { $0.drop { $0 == 0x20 } }
    }

    struct Unread: Error, CustomStringConvertible {
        let description: String

        init(_ line: ArraySlice<UInt8>, _ reason: String) {
            let text = String(decoding: line.prefix(200), as: UTF8.self)
            description = "a line of strace's is not understood (\(reason)): \(text)"
        }
    }
}

/// What strace writes as `"\x2f\x61"`, and as `3<\x2f\x61>`.
enum Quoted {
    static func bytes(_ text: ArraySlice<UInt8>) throws -> [UInt8] {
        guard text.first == UInt8(ascii: "\""), text.last == UInt8(ascii: "\"") else {
            throw Trace.Unread(text, "a string that is cut, or none")
        }
        return decoded(text.dropFirst().dropLast())
    }

    /// The path beside a descriptor; none where there is none.
    static func path(in text: ArraySlice<UInt8>) -> String? {
        guard let open = text.firstIndex(of: UInt8(ascii: "<")),
            let close = text[open...].firstIndex(of: UInt8(ascii: ">"))
        else { return nil }
        return String(decoding: decoded(text[(open + 1)..<close]), as: UTF8.self)
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4)
        var index = text.startIndex
        while index + 3 < text.endIndex {
            bytes.append(digit(text[index + 2]) << 4 | digit(text[index + 3]))
            index += 4
        }
        return bytes
    }

    private static func digit(_ character: UInt8) -> UInt8 {
        character > UInt8(ascii: "9")
            ? character - UInt8(ascii: "a") + 10 : character - UInt8(ascii: "0")
    }
}

extension ArraySlice<UInt8> {
    func ends(with text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
