/// What goes wrong at one point of a run; a point is a call to the outside or an append.
package enum Fault: String, Hashable, Sendable, CaseIterable {
    /// SIGKILL, before or after the call has done its work.
    case crash, crashAfter
    /// A power cut: with the process go all sessions and whatever was not synced.
    case reboot, rebootAfter
    /// The call fails, nothing done.
    case fails
    /// The call, and every one of its kind from then on, fails until a person mends it.
    case breaks
    /// Done, but reported as failed.
    case losesAnswer
    /// A look does not tell what is so.
    case obscures
    /// Longer than any silence that a step is allowed.
    case delays
    /// Somebody presses Ctrl-C.
    case asksToStop
    /// The engine's daemon is started anew, and all containers with it.
    case engineRestarts
    /// A person restarts the container that goes by the service's name.
    case personRestarts
    /// A person with all rights writes a row where no lock keeps them out.
    case personWrites
    /// The session that holds the fence ends.
    case fenceDrops

    /// Whether the process is gone afterwards, and nothing else has changed.
    var isCrash: Bool { self == .crash || self == .crashAfter }
    /// Whether somebody beside Pawl changes the world.
    var isOutsider: Bool { self == .personRestarts || self == .personWrites }
}

/// The faults of one run, by the point that each comes at.
package struct Schedule: Hashable, Sendable, CustomStringConvertible {
    package struct Entry: Hashable, Sendable {
        package let point: Int
        package let fault: Fault
    }

    package var entries: [Entry]

    package init(_ entries: [Entry] = []) { self.entries = entries }

    /// As printed, such as `17:crash,40:fails`.
    package init?(_ text: String) {
        entries = []
        for part in text.split(separator: ",") {
            let fields = part.split(separator: ":")
            guard fields.count == 2, let point = Int(fields[0]),
                let fault = Fault(rawValue: String(fields[1]))
            else { return nil }
            entries.append(Entry(point: point, fault: fault))
        }
    }

    /// In a third of all runs nothing but crashes.
    init(from randomness: inout Randomness) {
        let kinds: [Fault] =
            randomness.chance(1, in: 3) ? [.crash, .crashAfter] : Fault.allCases
        let count = 1 + randomness.below(5)
        var point = randomness.below(110)
        entries = []
        for _ in 0..<count {
            entries.append(Entry(point: point, fault: randomness.pick(kinds)))
            point += 1 + randomness.below(randomness.chance(1, in: 2) ? 8 : 60)
        }
    }

    package var description: String {
        entries.map { "\($0.point):\($0.fault.rawValue)" }.joined(separator: ",")
    }

    func fault(at point: Int) -> Fault? { entries.first { $0.point == point }?.fault }

    var isCrashesAlone: Bool { entries.allSatisfy(\.fault.isCrash) }
}
