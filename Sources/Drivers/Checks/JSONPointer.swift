internal import DockerEngine

/// The way to one value of a JSON document.
///
/// Source: RFC 6901.
struct JSONPointer: Sendable {
    private let tokens: [String]

    /// - Returns: None where `text` is no pointer: it neither is empty nor begins with `/`, or has
    ///   a `~` that is not the start of `~0` or `~1` (section 3).
    init?(_ text: String) {
        // By scalars: a `/` before a combining mark is still a separator.
        let scalars = text.unicodeScalars
        guard !scalars.isEmpty else {
            tokens = []
            return
        }
        guard scalars.first == "/" else { return nil }
        var tokens: [String] = []
        for part in scalars.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let token = Self.unescaped(part) else { return nil }
            tokens.append(token)
        }
        self.tokens = tokens
    }

    /// Reads `~1` as `/` and `~0` as `~`, each once, so that `~01` is `~1` (section 4).
    private static func unescaped(_ part: Substring.UnicodeScalarView) -> String? {
        var token = String.UnicodeScalarView()
        var rest = part
        while let scalar = rest.popFirst() {
            guard scalar == "~" else {
                token.append(scalar)
                continue
            }
            switch rest.popFirst() {
            case "0": token.append("~")
            case "1": token.append("/")
            default: return nil
            }
        }
        return String(token)
    }

    /// The value that is referred to; none where the document has no such place.
    func value(in document: JSONValue) -> JSONValue? {
        var value = document
        for token in tokens {
            let next =
                switch value {
                case .object(let members): members[token]
                case .array: Self.index(token).flatMap { value[$0] }
                default: JSONValue?.none
                }
            guard let next else { return nil }
            value = next
        }
        return value
    }

    /// An array's index: digits without a leading zero; `-` names what is not there (section 4).
    private static func index(_ token: String) -> Int? {
        guard token == "0" || !token.hasPrefix("0"), token.utf8.allSatisfy({ 48...57 ~= $0 })
        else { return nil }
        return Int(token)
    }
}
