import Foundation

/// Power cuts at every point of a recorded run, and what each may leave on the disk.
public struct PowerCut: Sendable {
    let recording: Recording
    let seed: UInt64
    /// How many images are looked at: those in which all or nothing pending survives come first,
    /// of the others as many as remain, drawn by the seed.
    let limit: Int

    public init(_ recording: Recording, seed: UInt64, limit: Int) {
        self.recording = recording
        self.seed = seed
        self.limit = limit
    }

    /// One power cut.
    public struct Crash: CustomStringConvertible {
        /// The image's number among all that the seed gives.
        public let number: Int
        /// What the run had acknowledged by then, in order.
        public let acknowledged: [String]
        public let description: String
    }

    /// How much was looked at.
    public struct Tally: CustomStringConvertible, Sendable {
        public let calls: Int
        public let points: Int
        public let possible: Int
        public fileprivate(set) var images = 0
        /// Of them, those that were not met before at the same acknowledgement.
        public fileprivate(set) var distinct = 0

        public var description: String {
            "\(images) images (\(distinct) distinct) of \(possible) at \(points) points "
                + "of \(calls) system calls"
        }
    }

    /// Shows `visit` each image that is not like one before it.
    ///
    /// - Parameter wanted: The number of the only one to look at, where it is not all.
    public func forEachImage(
        only wanted: Int? = nil, _ visit: (Crash, Image) async throws -> Void
    ) async rethrows -> Tally {
        let chosen = choose(only: wanted)
        var tally = Tally(
            calls: recording.calls, points: recording.steps.count + 1, possible: chosen.possible)
        var met: Set<Int> = []
        var platter = Platter(recording.before)
        var acknowledged: [String] = []
        var first = 0
        for point in 0...recording.steps.count {
            if point > 0 {
                platter.take(recording.steps[point - 1])
                if case .acknowledged(let text) = recording.steps[point - 1] {
                    acknowledged.append(text)
                }
            }
            let choices = Choices(of: platter)
            let numbers = first..<first + choices.count
            first = numbers.upperBound
            for number in numbers where chosen.numbers.contains(number) {
                let survivors = choices.survivors(
                    number - numbers.lowerBound, seed: seed &+ UInt64(number))
                let image = platter.image(survivors, kinds: recording.tree)
                tally.images += 1
                guard met.insert(image.hash(with: acknowledged.count)).inserted else { continue }
                tally.distinct += 1
                let crash = Crash(
                    number: number, acknowledged: acknowledged,
                    description: describe(point, survivors, platter, number))
                try await visit(crash, image)
            }
        }
        return tally
    }

    /// Which images are looked at, of how many.
    private func choose(only wanted: Int?) -> (numbers: Set<Int>, possible: Int) {
        var whole: [Int] = []
        var others: [Int] = []
        var platter = Platter(recording.before)
        for point in 0...recording.steps.count {
            if point > 0 { platter.take(recording.steps[point - 1]) }
            let choices = Choices(of: platter)
            let first = whole.count + others.count
            whole += first..<first + choices.whole
            others += first + choices.whole..<first + choices.count
        }
        let possible = whole.count + others.count
        if let wanted { return ([wanted], possible) }
        var generator = SeededGenerator(seed: seed)
        others.shuffle(using: &generator)
        return (Set(whole + others.prefix(max(0, limit - whole.count))), possible)
    }

    private func describe(
        _ point: Int, _ survivors: Survivors, _ platter: Platter, _ number: Int
    ) -> String {
        let lost = platter.pending.filter { !survivors.changes.contains($0) }
        let torn = survivors.torn.map { torn in
            ", torn: \(platter.changes[torn.change].brief) to sectors \(torn.sectors.sorted())"
                + (torn.isZeroed ? ", zeros" : "")
        }
        let names = recording.tree.nodes.indices.compactMap { node in
            recording.tree.name(of: node).map { "#\(node) \($0)" }
        }
        return "image \(number) of seed \(seed): power lost after step \(point), of "
            + "\(platter.pending.count) pending changes lost: "
            + "\(lost.map { platter.changes[$0].brief })\(torn ?? ""); \(names)"
    }
}

/// What may become of the pending changes at one point, by number.
///
/// None of them or all (a strict disk; a process that was killed). Then all subsets where there are
/// few, else each alone, each left out, and some by chance. Then the last write torn, alone and with
/// all before it.
private struct Choices {
    private let pending: [Int]
    private let subsets: Int
    /// The write that may have been under way, and its sectors.
    private let last: (change: Int, sectors: Int)?
    private static let byChance = 8
    private static let torn = 12

    init(of platter: Platter) {
        pending = platter.pending
        subsets =
            pending.count <= 4
            ? max(0, (1 << pending.count) - 2) : 2 * pending.count + Self.byChance
        last =
            pending.reversed().lazy.compactMap { number in
                guard case .write(_, _, let bytes) = platter.changes[number] else { return nil }
                return (number, (bytes.count + 511) / 512)
            }.first
    }

    var whole: Int { pending.isEmpty ? 1 : 2 }
    var count: Int { whole + subsets + (last == nil ? 0 : Self.torn) }

    func survivors(_ index: Int, seed: UInt64) -> Survivors {
        var generator = SeededGenerator(seed: seed)
        if index == 0 { return Survivors(changes: []) }
        if index < whole { return Survivors(changes: Set(pending)) }
        let subset = index - whole
        if subset < subsets { return Survivors(changes: kept(subset, by: &generator)) }
        return torn(subset - subsets, by: &generator)
    }

    private func kept(_ index: Int, by generator: inout SeededGenerator) -> Set<Int> {
        if pending.count <= 4 {
            return Set(pending.indices.filter { (index + 1) >> $0 & 1 == 1 }.map { pending[$0] })
        }
        if index < pending.count { return [pending[index]] }
        if index < 2 * pending.count {
            return Set(pending).subtracting([pending[index - pending.count]])
        }
        return Set(pending.filter { _ in Bool.random(using: &generator) })
    }

    private func torn(_ index: Int, by generator: inout SeededGenerator) -> Survivors {
        guard let last else { return Survivors(changes: Set(pending)) }
        let sectors: Set<Int> =
            switch index % 3 {
            case 0: Set((0..<last.sectors).filter { _ in Bool.random(using: &generator) })
            case 1: Set(0..<Int.random(in: 0..<last.sectors, using: &generator))
            default: Set(0..<min(8, last.sectors - 1))
            }
        return Survivors(
            changes: index % 2 == 0 ? Set(pending) : [last.change],
            torn: .init(change: last.change, sectors: sectors, isZeroed: index / 2 % 2 == 0))
    }
}
