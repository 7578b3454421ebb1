/// RFC 3339 in UTC with milliseconds, as in `2026-11-23T02:14:07.042Z`; without Foundation, whose
/// formatters cost more than the rest of an event.
public enum Timestamp {
    public static func text(ofMilliseconds milliseconds: Int64) -> String {
        let (seconds, millisecond) = divide(milliseconds, by: 1000)
        let (days, second) = divide(seconds, by: 86_400)
        let (year, month, day) = civil(fromDays: days)
        let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
        let minutes = "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2))"
        return "\(date)T\(minutes):\(pad(second % 60, 2)).\(pad(millisecond, 3))Z"
    }

    /// - Returns: None where `text` is not of exactly that form.
    public static func milliseconds(of text: String) -> Int64? {
        var text = text
        let fields: Fields? = text.withUTF8 { bytes in
            guard bytes.count == 24, hasSeparators(bytes),
                let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
                let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]),
                let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
                let millisecond = number(bytes[20..<23])
            else { return nil }
            return (year, month, day, hour, minute, second, millisecond)
        }
        guard let (year, month, day, hour, minute, second, millisecond) = fields,
            hour < 24, minute < 60, second < 60
        else { return nil }
        let days = days(fromYear: year, month: month, day: day)
        // Its own date, or it was none: a month 13, the 30th of February.
        guard civil(fromDays: days) == (year, month, day) else { return nil }
        return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millisecond
    }

    private typealias Fields = (
        year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64,
        millisecond: Int64
    )

    private static func hasSeparators(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes[4] == UInt8(ascii: "-") && bytes[7] == UInt8(ascii: "-")
            && bytes[10] == UInt8(ascii: "T") && bytes[13] == UInt8(ascii: ":")
            && bytes[16] == UInt8(ascii: ":") && bytes[19] == UInt8(ascii: ".")
            && bytes[23] == UInt8(ascii: "Z")
    }

    private static func number(_ digits: Slice<UnsafeBufferPointer<UInt8>>) -> Int64? {
        var value: Int64 = 0
        for digit in digits {
            guard (48...57).contains(digit) else { return nil }
            value = value * 10 + Int64(digit - 48)
        }
        return value
    }

    // Days and dates of the proleptic Gregorian calendar, in eras of 400 years that begin in March.
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divide(days + 719_468, by: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func days(fromYear year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = divide(shiftedYear, by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func divide(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
        let remainder = ((value % divisor) + divisor) % divisor
        return ((value - remainder) / divisor, remainder)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
