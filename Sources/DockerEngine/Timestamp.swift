/// A point in time as Docker tells it, to the nanosecond (RFC 3339).
public struct Timestamp: Hashable, Sendable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z.
    public let seconds: Int64
    /// 0 to 999 999 999.
    public let nanoseconds: Int64

    public init(seconds: Int64, nanoseconds: Int64 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Reads `2024-02-29T23:59:59.123456789Z` or an offset such as `+01:00` in place of the `Z`.
    ///
    /// `nil` for any other text, and for Docker's `0001-01-01T00:00:00Z`, which means "never".
    public init?(rfc3339 text: String) {
        let digits = { (text: Substring) -> Int64? in
            text.isEmpty || !text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? nil : Int64(text)
        }
        let parts = text.split(separator: "T", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let date = parts[0].split(separator: "-").map(digits)
        let clock = parts[1].prefix { $0 != "Z" && $0 != "+" && $0 != "-" }
        let offset = parts[1][clock.endIndex...]
        let pieces = clock.split(separator: ".", maxSplits: 1)
        guard let time = pieces.first?.split(separator: ":").map(digits), date.count == 3,
            time.count == 3, let year = date[0], let month = date[1], let day = date[2],
            let hour = time[0], let minute = time[1], let second = time[2],
            let shift = Self.offsetInSeconds(offset), (1...12).contains(month), year > 1
        else { return nil }
        let fraction = pieces.count == 2 ? pieces[1].prefix(9) : "0"
        guard var nanoseconds = digits(fraction) else { return nil }
        for _ in fraction.count..<9 { nanoseconds *= 10 }
        let days = Self.days(year: year, month: month, day: day)
        self.init(
            seconds: days * 86_400 + hour * 3600 + minute * 60 + second - shift,
            nanoseconds: nanoseconds)
    }

    private static func offsetInSeconds(_ text: Substring) -> Int64? {
        if text == "Z" { return 0 }
        let parts = text.dropFirst().split(separator: ":")
        guard parts.count == 2, let hours = Int64(parts[0]), let minutes = Int64(parts[1])
        else { return nil }
        return (hours * 3600 + minutes * 60) * (text.first == "-" ? -1 : 1)
    }

    /// Days since 1970-01-01, counted in years that begin in March, so that a leap day is the last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// Seconds and nanoseconds with a point between, as `since` and `until` want them.
    var queryValue: String {
        let fraction = String(nanoseconds)
        return "\(seconds)." + String(repeating: "0", count: 9 - fraction.count) + fraction
    }
}
