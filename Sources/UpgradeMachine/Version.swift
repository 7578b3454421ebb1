/// A version as vendors write them, taken apart so that two can be compared.
///
/// `7.1.0`, `v7.1`, `7.1.0-rc2`, `7.1.0.RC1`, `7.1.0-SNAPSHOT`, `7.1.0+build.5`:
/// 1. The numbers count first, from the left; those that are missing are 0, so that 7.1 is 7.1.0.
/// 2. With the same numbers a pre-release comes before the release, in the order `dev` (`snapshot`),
///    `alpha` (`a`), `beta` (`b`), `milestone` (`m`), `pre` (`preview`), `rc` (`cr`), and two of one
///    word by the numbers behind it. `final`, `ga` and `release` mean the release itself.
/// 3. What stands behind `+` does not count (Semantic Versioning 2.0.0, section 10).
/// 4. Any other word (`7.1.0-alpine`) has no order: two such versions can be compared by their
///    numbers alone, and where these are equal not at all. So is it with `7.1.0-2` and `7.1.0`, of
///    which vendors disagree; `7.1.0-2` and `7.1.0-3` have an order.
public struct Version: Hashable, Sendable {
    private enum Suffix: Hashable, Sendable {
        case none
        case prerelease(rank: Int, numbers: [Int])
        case numbers([Int])
        case other(String)
    }

    /// More than two of them are compared by.
    private static let numberLimit = 16
    private static let ranks = [
        "dev": 0, "snapshot": 0, "alpha": 1, "a": 1, "beta": 2, "b": 2, "milestone": 3, "m": 3,
        "pre": 4, "preview": 4, "rc": 5, "cr": 5,
    ]
    private static let releaseWords: Set<String> = ["final", "ga", "release"]

    public let text: String
    private let numbers: [Int]
    private let suffix: Suffix

    /// Reads a version; none where it does not begin with a number, or may be an image's id.
    public init?(_ text: String) {
        self.text = text
        var rest = text.prefix { $0 != "+" }
        if let first = rest.first, "vV".contains(first) { rest = rest.dropFirst() }
        guard let numbers = Self.numbers(&rest) else { return nil }
        self.numbers = numbers
        let isPlain = text.allSatisfy(\.isHexDigit) && !text.contains(".")
        guard !(isPlain && text.count >= 12) else { return nil }
        guard let first = rest.first else {
            suffix = .none
            return
        }
        let isSeparated = "-._~".contains(first)
        let words = rest.drop { "-._~".contains($0) }.lowercased()
        suffix = Self.suffix(words)
        // `7f3a` is no version, and `7.1.0rc1` is one.
        if !isSeparated, case .other = suffix { return nil }
    }

    /// Takes `7.1.0` from the front; a dot goes with the number behind it.
    private static func numbers(_ rest: inout Substring) -> [Int]? {
        var numbers: [Int] = []
        while true {
            let start = numbers.isEmpty ? rest : rest.dropFirst()
            if !numbers.isEmpty, rest.first != "." { break }
            let digits = start.prefix { $0.isASCII && $0.isNumber }
            if digits.isEmpty { break }
            guard let number = Int(digits), numbers.count < numberLimit else { return nil }
            numbers.append(number)
            rest = start.dropFirst(digits.count)
        }
        guard !numbers.isEmpty else { return nil }
        while numbers.count > 1, numbers.last == 0 { numbers.removeLast() }
        return numbers
    }

    private static func suffix(_ words: String) -> Suffix {
        var rest = words[...]
        if let numbers = numbers(&rest), rest.isEmpty { return .numbers(numbers) }
        let word = words.prefix { $0.isLetter }
        rest = words[word.endIndex...].drop { "-._".contains($0) }
        let isBare = rest.isEmpty
        let behind = isBare ? [0] : numbers(&rest)
        guard let behind, rest.isEmpty else { return .other(words) }
        if isBare, releaseWords.contains(String(word)) { return .none }
        if let rank = ranks[String(word)] { return .prerelease(rank: rank, numbers: behind) }
        return .other(words)
    }

    public enum Order: Hashable, Sendable {
        case older, same, newer
    }

    /// What this version is beside another; none where they have no order.
    public func order(beside other: Version) -> Order? {
        let order = Self.order(numbers, other.numbers)
        guard order == .same else { return order }
        switch (suffix, other.suffix) {
        case (.none, .none): return .same
        case (.prerelease, .none): return .older
        case (.none, .prerelease): return .newer
        case (.prerelease(let rank, let own), .prerelease(let otherRank, let its)):
            let order = Self.order([rank], [otherRank])
            return order == .same ? Self.order(own, its) : order
        case (.numbers(let own), .numbers(let its)): return Self.order(own, its)
        case (.other(let own), .other(let its)): return own == its ? .same : nil
        default: return nil
        }
    }

    private static func order(_ left: [Int], _ right: [Int]) -> Order {
        for index in 0..<max(left.count, right.count) {
            let own = index < left.count ? left[index] : 0
            let its = index < right.count ? right[index] : 0
            if own != its { return own < its ? .older : .newer }
        }
        return .same
    }
}
