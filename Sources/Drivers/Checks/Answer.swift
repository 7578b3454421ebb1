/// What asking one check once came to.
///
/// `saw` is one printable line for people. A good one holds no duration and no time of day, so that
/// two upgrades that went the same way have the same log.
enum Answer: Hashable, Sendable {
    case good(saw: String)
    /// It may get better.
    case notYet(saw: String, excerpt: String? = nil)
    /// A firm answer that is wrong: perhaps the last words of an old instance, perhaps for good.
    case wrong(saw: String)
    /// No waiting makes it good.
    case hopeless(saw: String, excerpt: String? = nil)

    var isGood: Bool {
        if case .good = self { true } else { false }
    }

    var isHopeless: Bool {
        if case .hopeless = self { true } else { false }
    }

    var saw: String {
        switch self {
        case .good(let saw), .notYet(let saw, _), .wrong(let saw), .hopeless(let saw, _): saw
        }
    }

    /// The newest lines of what the check itself was told, where that is more than `saw`.
    var excerpt: String? {
        switch self {
        case .good, .wrong: nil
        case .notYet(_, let excerpt), .hopeless(_, let excerpt): excerpt
        }
    }
}

/// Text from outside as it may be printed and kept.
enum Plain {
    /// Enough for a log line's beginning; a `saw` stays one line of a report.
    static let lineLimit = 240

    /// One line without control characters, which a terminal might obey, and of limited length.
    static func line(_ text: some StringProtocol, limit: Int = lineLimit) -> String {
        var line = String.UnicodeScalarView()
        var length = 0
        for scalar in text.unicodeScalars {
            guard length < limit else {
                line.append("…")
                break
            }
            line.append(isControl(scalar) ? " " : scalar)
            length += 1
        }
        return String(line)
    }

    /// The newest whole lines that fit; of a last line that is too long alone, its beginning.
    static func newest(of lines: [String], limitInBytes: Int) -> String? {
        var kept: [String] = []
        var left = limitInBytes
        for line in lines.reversed() {
            let plain = Self.line(line, limit: limitInBytes)
            guard plain.utf8.count < left else { break }
            left -= plain.utf8.count + 1
            kept.append(plain)
        }
        if kept.isEmpty, let last = lines.last, limitInBytes > 8 {
            // A scalar has four bytes at the most.
            kept = [Self.line(last, limit: limitInBytes / 4 - 1)]
        }
        return kept.isEmpty ? nil : kept.reversed().joined(separator: "\n")
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        // Format characters turn the direction of text round, or hide some of it.
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
