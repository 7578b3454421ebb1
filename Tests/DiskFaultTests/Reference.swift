import EventLog
import Foundation
import RecordedDisk
import UpgradeMachine

/// Logs of runs that were not interrupted, which images are compared with.
struct Reference {
    /// Each log's leaves in hexadecimal, after 64 zeros for none.
    private var heads: [[String]] = []
    /// Where the transactions of each run may end.
    private var ends: [[Int]]
    /// What was acknowledged before the recording began.
    private let before: Int
    private let place = "state/pawl.sqlite"

    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameters:
    ///   - each: Whether each event had a transaction of its own.
    ///   - before: The last event that was there when the recording began.
    init(logs: [String], each: Bool = false, before: Int = 0) throws {
        self.before = before
        for path in logs {
            var heads = [String(repeating: "0", count: 64)]
            try EventLog(path: path, for: .reading).forEachStoredEvent { stored in
                heads.append(
                    stored.leaf.map { byte in
                        let digits = String(byte, radix: 16)
                        return byte < 16 ? "0" + digits : digits
                    }.joined())
            }
            self.heads.append(heads)
        }
        let events = heads.map { $0.count - 1 }
        ends = [each ? Array(0...(events.first ?? 0)) : Subject.ends]
        // A second run began where the first was found to end.
        if let all = events.dropFirst().first {
            ends.append(Subject.ends.map { all - (Subject.ends.last ?? 0) + $0 })
        }
    }

    /// What is wrong with the images of a recording.
    func losses(
        in recording: Recording, _ what: String, limit: Int
    ) async throws -> [String] {
        try await Examination(recording, what, limit: limit).losses { directory, crash in
            let acknowledged = crash.acknowledged.last.flatMap { Int($0) } ?? before
            let path = "\(directory)/\(place)"
            if acknowledged == 0, access("\(directory)/state", F_OK) != 0 { return }
            if crash.number % 4 == 0, access(path, F_OK) == 0 { try read(path, acknowledged) }
            try check(path, acknowledged: acknowledged)
        }
    }

    /// - Throws: What is wrong with the log, or why it cannot be gone on with.
    func check(_ path: String, acknowledged: Int) throws {
        let log = try EventLog(path: path, for: .writing)
        let chain = try log.verifyChain()
        try compare(chain, acknowledged)
        try Subject.append(
            to: log, after: chain.events, in: (path as NSString).deletingLastPathComponent)
    }

    private func read(_ path: String, _ acknowledged: Int) throws {
        do {
            try compare(try EventLog(path: path, for: .reading).verifyChain(), acknowledged)
        } catch let error as EventLogError {
            // Before its first event the log may be said not to be there.
            guard acknowledged == 0, case .unreadable = error else { throw error }
        }
    }

    private func compare(_ chain: (events: Int, head: String), _ acknowledged: Int) throws {
        guard chain.events >= acknowledged else {
            throw Violation(description: "of \(acknowledged) events \(chain.events) are left")
        }
        // The append in flight, and the one that failed at the end of the run before.
        let next = ends.flatMap { run in
            [acknowledged, max(acknowledged, run.first ?? 0)].compactMap { end in
                run.first { $0 > end }
            }
        }
        guard chain.events == acknowledged || next.contains(chain.events) else {
            throw Violation(
                description: "\(chain.events) events stand, and \(acknowledged) were acknowledged")
        }
        guard heads.contains(where: { chain.events < $0.count && $0[chain.events] == chain.head })
        else {
            throw Violation(description: "event \(chain.events) is another one")
        }
    }
}

/// What the seed is, and how many images are looked at: more of both by tools/power-cut.
enum Chance {
    static let seed = number("PAWL_POWER_CUT_SEED") ?? UInt64.random(in: 1...999_999)
    static let images = number("PAWL_POWER_CUT_IMAGES").map(Int.init) ?? 1000
    /// One alone, which failed.
    static let image = number("PAWL_POWER_CUT_IMAGE").map(Int.init)

    /// Which of a run's syncs fail.
    static var failedSyncs: [Int] {
        let all = Array(1...35)
        if images > 1000 { return all }
        var generator = SeededGenerator(seed: seed)
        return Array(all.shuffled(using: &generator).prefix(5))
    }

    /// Every call is struck in a long run; in a short one every few, from one that chance chooses.
    static func stride(of call: String) -> Int { images > 1000 || call != "pwrite64" ? 1 : 8 }

    static func firstFault(of call: String) -> Int {
        var generator = SeededGenerator(seed: seed)
        return Int.random(in: 1...stride(of: call), using: &generator)
    }

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }
}

extension [String] {
    /// How many, and the first of them.
    var brief: String { "\(count): \(prefix(3).joined(separator: "\n"))" }
}
