/// What the application's schema holds.
struct Content: Hashable, Sendable {
    /// How far the candidate's migration has got; the whole is ``wholeMigration``.
    var migrationSteps = 0
    /// Ids of rows, in order.
    var rows: [Int]
    /// Whether there is a schema at all.
    var exists = true

    static let wholeMigration = 4

    /// FNV-1a, which is the same in every process.
    var digest: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for value in [exists ? 1 : 0, migrationSteps] + rows {
            hash = (hash ^ UInt64(bitPattern: Int64(value))) &* 0x0000_0100_0000_01B3
        }
        return String(hash, radix: 16)
    }
}

/// Something that must never be, by the name of the invariant that it breaks.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
    /// As in DESIGN.md §7.
    package enum Invariant: String, Hashable, Sendable, CaseIterable {
        case acknowledgedStays = "I1"
        case legal = "I3"
        case intentFirst = "I4"
        case oneOutcome = "I5"
        case notRepeated = "I6"
        case observed = "I7"
        case backedUp = "I8"
        case ends = "I9"
        case neverMixed = "I10"
        case replays = "I11"
        case sameAsUncut = "I12"
        case endRests = "I13"
        case outdatedRefused = "I14"
    }

    package let invariant: Invariant
    package let detail: String

    package var description: String { "\(invariant.rawValue): \(detail)" }
}
