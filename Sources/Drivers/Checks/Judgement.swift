internal import UpgradeMachine

/// Weighs round after round of answers: whether to ask again, to be content, or to give up.
///
/// A value without a clock of its own; ``Examination`` asks, this decides.
struct Judgement {
    enum Verdict: Hashable {
        case askAgain
        /// All is good; it has to be good once more at this time or later.
        case steadyUntil(ContinuousClock.Instant)
        case good
        case hopeless
    }

    /// A wrong answer is believed when it was given this often in a row…
    static let wrongAnswers = 3
    /// …and for this long; until then it may be the old instance's, which is just leaving.
    static let wrongFor = Duration.seconds(3)

    private struct Tally {
        var answer: Answer?
        var wrongSince: ContinuousClock.Instant?
        var wrongAnswers = 0
    }

    let checks: [Check]
    private let steadyFor: Duration
    private var tallies: [Tally]
    /// The end of the first of the good rounds that there have been no others since.
    private(set) var goodSince: ContinuousClock.Instant?
    /// Who broke the peace last, for a deadline that passes while all is good.
    private(set) var lastBad: (check: String, saw: String)?

    init(_ checks: [Check], steadyFor: Duration) {
        self.checks = checks
        self.steadyFor = steadyFor
        tallies = checks.map { _ in Tally() }
    }

    /// What the check at `index` has answered last; none where it has not been asked yet.
    func answer(_ index: Int) -> Answer? { tallies[index].answer }

    /// Takes one check's answer; tells whether it is another than before.
    mutating func take(
        _ answer: Answer, of index: Int, at now: ContinuousClock.Instant
    ) -> Bool {
        var tally = tallies[index]
        var answer = answer
        if case .wrong(let saw) = answer {
            if case .wrong(saw) = tally.answer {
            } else {
                (tally.wrongSince, tally.wrongAnswers) = (now, 0)
            }
            tally.wrongAnswers += 1
            if let since = tally.wrongSince, tally.wrongAnswers >= Self.wrongAnswers,
                now - since >= Self.wrongFor
            {
                answer = .hopeless(saw: saw)
            }
        }
        defer {
            tally.answer = answer
            tallies[index] = tally
        }
        if !answer.isGood { lastBad = (checks[index].name, answer.saw) }
        return answer != tally.answer
    }

    /// - Parameters:
    ///   - began: When the round began whose answers were taken.
    ///   - ended: When its last answer was there.
    mutating func verdict(
        began: ContinuousClock.Instant, ended: ContinuousClock.Instant
    ) -> Verdict {
        if tallies.contains(where: { $0.answer?.isHopeless == true }) { return .hopeless }
        guard isGood else {
            goodSince = nil
            return .askAgain
        }
        if steadyFor == .zero {
            goodSince = ended
            return .good
        }
        // From the end of the first good round to the beginning of the last, so that each check's
        // first and last good answer are no less apart than what was asked for.
        guard let since = goodSince else {
            goodSince = ended
            return .steadyUntil(ended + steadyFor)
        }
        return began >= since + steadyFor ? .good : .steadyUntil(since + steadyFor)
    }

    var isGood: Bool { tallies.allSatisfy { $0.answer?.isGood == true } }

    /// The checks that are not good, with what they saw; first those that can never be.
    var bad: [(check: String, answer: Answer?)] {
        let bad = zip(checks, tallies).filter { $1.answer?.isGood != true }
        return
            (bad.filter { $1.answer?.isHopeless == true }
            + bad.filter { $1.answer?.isHopeless != true })
            .map { ($0.name, $1.answer) }
    }
}
