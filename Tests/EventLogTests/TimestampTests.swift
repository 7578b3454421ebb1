import EventLog
import Foundation
import Testing

@Suite("A time as text")
struct TimestampTests {
    /// 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z.
    private static let range: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

    private static let gregorian: DateFormatter = {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        // The calendar of ISO 8601 is proleptic; the other one is Julian before 1582.
        formatter.calendar = Calendar(identifier: .iso8601)
        formatter.dateFormat = "yyyy-MM-dd'T'HH:mm:ss"
        return formatter
    }()

    @Test func `It comes back as it was, for times of all years`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(state: seed)
        for _ in 0..<20_000 {
            let time = Int64.random(in: Self.range, using: &random)
            let text = Timestamp.text(ofMilliseconds: time)
            #expect(text.utf8.count == 24)
            #expect(Timestamp.milliseconds(of: text) == time, "seed \(seed): \(text)")
        }
    }

    @Test func `It is Foundation's time, from 1583 on`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(state: seed)
        for _ in 0..<2_000 {
            let second = Int64.random(in: -12_212_553_600...253_402_300_799, using: &random)
            let text = Timestamp.text(ofMilliseconds: second * 1000)
            let expected = Self.gregorian.string(
                from: Date(timeIntervalSince1970: TimeInterval(second)))
            #expect(text == expected + ".000Z", "seed \(seed), second \(second)")
        }
    }

    @Test(
        "Known times",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (range.lowerBound, "0001-01-01T00:00:00.000Z"),
            (range.upperBound, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func known(time: Int64, text: String) {
        #expect(Timestamp.text(ofMilliseconds: time) == text)
        #expect(Timestamp.milliseconds(of: text) == time)
    }

    @Test(
        "What is not of that form is no time",
        arguments: [
            "", "2026-11-23", "2026-11-23T02:14:07Z", "2026-11-23T02:14:07.042+00:00",
            "2026/11/23T02:14:07.042Z", "2026-11-23 02:14:07.042Z", "2026-11-23T02.14.07.042Z",
            "2026-11-23T02:14:07,042Z", "2026-13-01T00:00:00.000Z", "2026-00-01T00:00:00.000Z",
            "2026-02-30T00:00:00.000Z", "2025-02-29T00:00:00.000Z", "2026-11-23T24:00:00.000Z",
            "2026-11-23T02:60:00.000Z", "2026-11-23T02:14:60.000Z", "2026-11-23T02:14:07.0x2Z",
            "-026-11-23T02:14:07.042Z", "2026-11-23T02:14:07.0422",
        ])
    func malformed(_ text: String) {
        #expect(Timestamp.milliseconds(of: text) == nil)
    }
}

/// SplitMix64, so that a failure can be repeated from its seed.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
