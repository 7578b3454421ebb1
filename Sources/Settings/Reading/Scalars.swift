import UpgradeMachine
import Yams

extension Shape where Value == String {
    /// Text as it is written: `8080`, `1.10` and `on` need no quotes.
    ///
    /// - Parameters:
    ///   - isOneLine: Whether control characters, which a line break is, are refused.
    ///   - accepts: Whether its form is right.
    static func text(
        _ expectation: String, example: String, isOneLine: Bool = true,
        where accepts: @escaping @Sendable (String) -> Bool = { !$0.isEmpty }
    ) -> Shape {
        let schema = Schema(kind: .text, expectation: expectation, example: example)
        return Shape(schema: schema) { (cursor, reading) throws(Refused) in
            let text = try scalar(cursor, schema, reading)
            let hasControls = text.unicodeScalars.contains { $0.value < 32 || $0.value == 127 }
            guard !text.unicodeScalars.contains("\0"), !(isOneLine && hasControls) else {
                // Text of several lines may be a key that was pasted where its file is asked for.
                throw reading.refuse(
                    "\(cursor.name) has to be \(expectation), not text with control characters",
                    "for example \(schema.line(cursor.key))", at: cursor.place)
            }
            guard accepts(text) else { throw cursor.mismatch(schema, text: text, reading) }
            return text
        }
    }

    /// A path; one that is relative counts from the settings file's directory.
    static func path(_ expectation: String, example: String) -> Shape {
        text(expectation, example: example) { !$0.isEmpty }
            .checked { (text, cursor, reading) throws(Refused) in
                guard !text.hasPrefix("~"), !text.contains("$") else {
                    throw reading.refuse(
                        "\(cursor.name) has a '~' or '$', which nothing expands here",
                        "write the path out", at: cursor.place)
                }
                return absolute(text, in: reading.directory)
            }
    }
}

extension Shape where Value == Int {
    static func wholeNumber(
        _ range: ClosedRange<Int>, _ expectation: String, example: String
    ) -> Shape {
        let schema = Schema(
            kind: .wholeNumber(range),
            expectation: "\(expectation) from \(range.lowerBound) to \(range.upperBound)",
            example: example)
        return Shape(schema: schema) { (cursor, reading) throws(Refused) in
            let text = try scalar(cursor, schema, reading)
            guard let number = Int(text), range.contains(number) else {
                throw cursor.mismatch(schema, text: text, reading)
            }
            return number
        }
    }
}

extension Shape where Value == Seconds {
    /// `30s`, `5m`, `2h`, `1h30m`, or whole seconds.
    static func duration(_ range: ClosedRange<Seconds>, example: String) -> Shape {
        let (least, most) = (range.lowerBound.written, range.upperBound.written)
        let schema = Schema(
            kind: .duration(range), expectation: "a duration from \(least) to \(most)",
            example: example)
        return Shape(schema: schema) { (cursor, reading) throws(Refused) in
            let text = try scalar(cursor, schema, reading)
            guard let seconds = Seconds(written: text), range.contains(seconds) else {
                throw cursor.mismatch(schema, text: text, reading)
            }
            return seconds
        }
    }
}

extension Shape where Value: RawRepresentable, Value.RawValue == String {
    /// One of an enum's words.
    ///
    /// - Parameter values: All of them, the usual one first.
    static func word(_ values: [Value]) -> Shape {
        let words = values.map(\.rawValue)
        let schema = Schema(
            kind: .word(words), expectation: "one of " + words.joined(separator: ", "),
            example: words[0])
        return Shape(schema: schema) { (cursor, reading) throws(Refused) in
            let text = try scalar(cursor, schema, reading)
            if let value = Value(rawValue: text) { return value }
            guard let meant = nearest(to: text, among: words) else {
                throw cursor.mismatch(schema, text: text, reading)
            }
            throw reading.refuse(
                "unknown value '\(text.shortened(to: 60))' in \(cursor.name)",
                "did you mean '\(meant)'?", at: cursor.place)
        }
    }
}

extension Shape {
    /// A key that says all by being there.
    static func nothing(_ value: Value) -> Shape {
        let schema = Schema(kind: .nothing, expectation: "empty", example: "")
        return Shape(schema: schema) { (cursor, reading) throws(Refused) in
            guard cursor.isNull else { throw cursor.mismatch(schema, reading) }
            return value
        }
    }
}

/// What is written in a single value.
private func scalar(
    _ cursor: Cursor, _ schema: Schema, _ reading: Reading
) throws(Refused) -> String {
    guard case .scalar(let scalar) = cursor.node, !scalar.isNull else {
        throw cursor.mismatch(schema, reading)
    }
    if let tag = scalar.foreignTag {
        throw reading.refuse(
            "the tag '\(tag.shortened(to: 60))' of \(cursor.name) means nothing here",
            "write the value itself, or a secret's reference", at: cursor.place)
    }
    return scalar.string
}

/// A path that holds wherever the program is started from.
func absolute(_ path: String, in directory: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    var rest = path[...]
    while rest.hasPrefix("./") { rest = rest.dropFirst(2).drop(while: { $0 == "/" }) }
    guard rest != ".", !rest.isEmpty else { return directory }
    return directory.hasSuffix("/") ? directory + rest : "\(directory)/\(rest)"
}

extension Seconds {
    /// Reads `30s`, `5m`, `2h`, `1h30m`, or whole seconds.
    init?(written text: String) {
        if let count = Int(text), text.utf8.allSatisfy(Self.isDigit) {
            self.init(count)
            return
        }
        let pattern = /(?:([0-9]{1,6})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,9})s)?/
        guard !text.isEmpty, let match = text.wholeMatch(of: pattern) else { return nil }
        func number(_ digits: Substring?) -> Int { digits.flatMap { Int($0) } ?? 0 }
        let (_, hours, minutes, seconds) = match.output
        self.init(number(hours) * 3600 + number(minutes) * 60 + number(seconds))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    /// As a person would write it: `1h30m`.
    var written: String {
        let parts = [(count / 3600, "h"), (count / 60 % 60, "m"), (count % 60, "s")]
        let text = parts.filter { $0.0 != 0 }.map { "\($0.0)\($0.1)" }.joined()
        return text.isEmpty ? "0s" : text
    }
}
