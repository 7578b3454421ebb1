extension Choices {
    /// Text, empty or plain as a rule, and at times of whatever makes trouble in text.
    public mutating func text() -> String {
        switch index(below: 4) {
        case 0: return element(of: ["", "a", "studio", "7.1.0", "/srv/backups", "sha256:71"])
        case 1: return element(of: Self.awkward)
        default:
            let scalars = array(limit: 12) { $0.scalar() }
            return String(String.UnicodeScalarView(scalars))
        }
    }

    private mutating func scalar() -> Unicode.Scalar {
        let code: UInt64 =
            switch index(below: 6) {
            case 0, 1: 0x61 + number(to: 25)
            case 2: number(to: 0x7F)
            case 3: number(to: 0x7FF)
            case 4: number(to: 0xFFFF)
            default: number(to: 0x10FFFF)
            }
        // A surrogate is no scalar.
        return Unicode.Scalar(UInt32(code)) ?? "?"
    }

    /// Escapes, controls, line ends of all kinds, the ends of UTF-8's and UTF-16's ranges, marks
    /// that join and turn around, one letter in two spellings, text that looks like JSON.
    private static let awkward = [
        "\0", "\u{1}\u{1F}\u{7F}", "\"", "\\", "\\\"\\", "/", "</script>", "\n\r\t\u{8}\u{C}",
        "\r\n", "\u{2028}\u{2029}\u{85}", "é", "e\u{301}", "\u{301}", "\u{7FF}\u{800}\u{FFFF}",
        "\u{10000}\u{10FFFF}", "\u{D7FF}\u{E000}", "\u{FEFF}", "\u{FFFD}", "👩‍👩‍👧‍👦🇩🇪",
        "\u{202E}abc\u{200F}", "null", "{\"a\":1}", "\\u0041", "\\ud800", "%n%s", "'; --", " ",
        "  a ",
        String(repeating: "x", count: 15), String(repeating: "ä", count: 8),
        String(repeating: "long ", count: 400),
    ]
}
