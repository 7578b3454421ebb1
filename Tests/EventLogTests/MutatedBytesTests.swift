import Digests
import Foundation
import GeneratedEvents
import PropertyTesting
import Testing
import UpgradeMachine

@testable import EventLog

/// Bytes that no Pawl wrote are refused or read as what they say; nothing of them is a trap.
@Suite("Mutated bytes")
struct MutatedBytesTests {
    /// Bodies of the golden logs, which hold every shape.
    private static let bodies: [Data] = {
        let logs = (try? GoldenLog.all()) ?? []
        precondition(!logs.isEmpty, "there are no golden logs")
        return logs.flatMap(\.lines)
    }()

    /// What does harm where it is put in.
    private static let morsels: [[UInt8]] =
        [
            "0", "-", "-0", "00", "1.0", "1e3", ".", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808", "-9223372036854775809", "\"", "\\", "\\u", "\\ud800", "\\udc00",
            "\\ud83d\\ude00", "\\u0000", "{", "}", "[", "]", ",", ":", "{}", "[]", "null", "true",
            " ", "\n", "\"a\":1,", "{\"stop\":{}}", "\u{FEFF}",
        ].map { Array($0.utf8) } + [
            [0], [0x1F], [0x80], [0xC0, 0x80], [0xC3], [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80],
            [0xFF], Array(repeating: UInt8(ascii: "["), count: 5_000),
            Array(repeating: UInt8(ascii: "9"), count: 400),
        ]

    private static func mutate(_ bytes: Data, _ choices: inout Choices) -> Data {
        var bytes = Array(bytes)
        for _ in 0...choices.index(below: 3) where !bytes.isEmpty {
            let start = choices.index(below: bytes.count)
            let size = min(choices.index(below: 40), bytes.count - start)
            switch choices.index(below: 6) {
            case 0: bytes[start] ^= UInt8(1 << choices.index(below: 8))
            case 1: bytes.removeSubrange(start..<start + size)
            case 2: bytes.insert(contentsOf: bytes[start..<start + size], at: start)
            case 3: bytes.removeLast(size)
            case 4: bytes.insert(contentsOf: choices.element(of: morsels), at: start)
            default:
                // A whole number, wherever one is, by another.
                guard let digit = bytes[start...].firstIndex(where: { (48...57).contains($0) })
                else { continue }
                let end = bytes[digit...].firstIndex { !(48...57).contains($0) } ?? bytes.count
                bytes.replaceSubrange(digit..<end, with: choices.element(of: morsels))
            }
        }
        return Data(bytes)
    }

    private static func mutated(_ choices: inout Choices) -> Data {
        let body = choices.element(of: bodies)
        return mutate(body, &choices)
    }

    @Test func `What we read of them, Foundation reads as the same`() throws {
        nonisolated(unsafe) var accepted = 0
        let coder = RecordCoder()
        try check(runs: 4_000, shrinkLimit: 1_000, generating: Generator(Self.mutated)) { body in
            guard let kind = coder.kind(of: body),
                let type = coder.shapes.known(kind.type, version: kind.version),
                // Whatever it says, that it can be said is what is asked here.
                let entry = try? coder.record(from: body, type: type, version: kind.version)
            else { return }
            accepted += 1
            let theirs = try JSONDecoder().decode(Body.self, from: body).record
            try require(theirs == entry, "Foundation reads \(String(describing: theirs))")
        }
        #expect(accepted > 200, "too few are still readable: \(accepted)")
    }

    @Test func `A value that we read is Foundation's, too`() throws {
        nonisolated(unsafe) var accepted = 0
        try check(runs: 10_000, shrinkLimit: 1_000, generating: Generator(Self.fragment)) { bytes in
            guard let json = try? JSON(parsing: bytes) else { return }
            accepted += 1
            let theirs = try JSONSerialization.jsonObject(
                with: Data(bytes), options: [.fragmentsAllowed])
            try require(json.isEqual(to: theirs), "Foundation reads \(theirs)")
        }
        #expect(accepted > 1_000, "too few are readable: \(accepted)")
    }

    /// Some JSON, or what might be taken for it.
    private static func fragment(_ choices: inout Choices) -> [UInt8] {
        switch choices.index(below: 8) {
        case 0: return Array("\(choices.integer())".utf8)
        case 1: return [UInt8(ascii: "\"")] + Array(choices.text().utf8) + [UInt8(ascii: "\"")]
        case 2:
            // Foundation writes what we have to read.
            return (try? Array(JSONEncoder().encode(choices.text()))) ?? []
        case 3: return choices.element(of: morsels)
        case 4: return choices.array(limit: 6) { $0.element(of: morsels) }.flatMap { $0 }
        case 5, 6:
            let values = choices.array(limit: 3) { fragment(&$0) }
            return [UInt8(ascii: "[")] + values.joined(separator: Array(",".utf8))
                + [UInt8(ascii: "]")]
        default:
            let members = choices.array(limit: 3) { Array("\"k\":".utf8) + fragment(&$0) }
            return [UInt8(ascii: "{")] + members.joined(separator: Array(",".utf8))
                + [UInt8(ascii: "}")]
        }
    }

    @Test(
        "What has another meaning for another reader is refused",
        arguments: [
            #"{"a":1,"a":2}"#, #"{"b":1,"a":2}"#, #"{"\u0061":1}"#, #"{"a":1,}"#, "[1,]", "[,1]",
            "1.0", "1e3", "-0", "01", "+1", "- 1", "NaN", "9223372036854775808", " 1", "1 ", "1\n2",
            "{}{}", "", "nul", "nulll", "'a'", "\"a", "\"\n\"", #""\x""#, #""\u12""#, #""\ud800""#,
            #""\ud800\u0041""#, #""\udc00""#, #""\u+123""#, "{", "[", "{\"a\"", "{\"a\":",
            "\u{FEFF}1",
            String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 100_000),
        ])
    func refused(text: String) {
        #expect(throws: JSON.Unreadable.self) { try JSON(parsing: text.utf8) }
    }

    @Test(
        "Bytes that are not UTF-8 are refused",
        arguments: [[0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80]])
    func notUTF8(bytes: [UInt8]) {
        for text in [[UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]] {
            #expect(throws: JSON.Unreadable.self) { try JSON(parsing: text) }
            #expect(throws: JSON.Unreadable.self) {
                try JSON(parsing: Array("{".utf8) + text + Array(":1}".utf8))
            }
        }
    }

    /// Whoever rewrites one body and computes all that follows anew gets as far as the fold.
    @Test func `A log that was rewritten in one place is read or refused, and folded or refused`()
        throws
    {
        let logs = try GoldenLog.all()
        nonisolated(unsafe) var folded = 0
        try check(
            runs: 500, shrinkLimit: 100,
            generating: Generator { choices in
                let log = choices.element(of: logs)
                let index = choices.index(below: log.lines.count)
                let mutated = Self.mutate(log.lines[index], &choices)
                return log.lines[..<index] + [mutated] + log.lines[(index + 1)...]
            }
        ) { (lines: ArraySlice<Data>) in
            let coder = RecordCoder()
            var streams: [String: [LogEntry]] = [:]
            for line in lines {
                guard let kind = coder.kind(of: line),
                    let type = Shapes.current.known(kind.type, version: kind.version),
                    // A refusal is as good an answer.
                    let entry = try? coder.record(from: line, type: type, version: kind.version)
                else { return }
                streams[entry.stream, default: []].append(entry)
            }
            for entries in streams.values {
                do throws(Replay.Refusal) {
                    let run = try Replay(entries).run
                    let moment = entries[entries.count - 1].moment
                    _ = run.nextAction(at: moment)
                    folded += 1
                } catch {
                    _ = error.description
                }
            }
        }
        #expect(folded > 20, "too few get as far: \(folded)")
    }
}

extension JSON {
    /// Whether Foundation's value is the same one.
    fileprivate func isEqual(to other: Any) -> Bool {
        switch self {
        case .null: other is NSNull
        case .boolean(let boolean): other as? Bool == boolean
        case .integer(let integer): (other as? NSNumber)?.int64Value == integer
        case .string(let string):
            // It drops a byte order mark at the beginning of a string.
            (other as? String).map { other in
                [other, "\u{FEFF}" + other].contains { Array($0.utf8) == Array(string.utf8) }
            } ?? false
        case .array(let values):
            (other as? [Any]).map { others in
                others.count == values.count
                    && zip(values, others).allSatisfy { $0.isEqual(to: $1) }
            } ?? false
        case .object(let members):
            (other as? [String: Any]).map { others in
                others.count == members.count
                    && members.allSatisfy { member in
                        others[member.name].map { member.value.isEqual(to: $0) } ?? false
                    }
            } ?? false
        }
    }
}
