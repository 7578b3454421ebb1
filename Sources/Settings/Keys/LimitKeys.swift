import UpgradeMachine

/// `limits` as they are written: with what may be given up when they are reached.
struct WrittenLimits: Sendable {
    var limits = Limits()
    var mayLoseMigratedData = false
}

/// The answer to a question: words, which no reader of YAML takes for anything else.
enum Answer: String, Sendable {
    case no, yes
}

extension Shape where Value == WrittenLimits {
    /// What a limit may be at most: a week, after which nobody waits any more.
    private static let time = Shape<Seconds>.duration(1...Seconds(7 * 24 * 3600), example: "5m")

    static let limits = mapping(
        "a mapping of limits", example: "{ outage: 5m }",
        .optional(
            "attempts", .wholeNumber(1...20, "a whole number", example: "3"),
            default: Limits().attemptsPerStep, "Tries of one step, the first included: 3."),
        .optional(
            "resumes", .wholeNumber(1...100, "a whole number", example: "5"),
            default: Limits().resumesWithoutProgress,
            "Resumes in a row that got nothing done, after which a person is asked: 5."),
        .optional("pull", time, default: Limits().pull, "For a pull or an import: 30m."),
        .optional("backup", time, default: Limits().backUp, "For a backup: 1h."),
        .optional("restore", time, default: Limits().restore, "For a restore: 2h."),
        .optional("stop", time, default: Limits().stop, "For the stop: 2m."),
        .optional("start", time, default: Limits().start, "For the start: 2m."),
        .optional(
            "verify", time, default: Limits().verify,
            "For the checks to be good, without a sign of progress: 5m."),
        .optional(
            "verify_at_most", time,
            "For the checks to be good, however much goes on meanwhile: 1h, or verify if longer."),
        .optional(
            "outage", time,
            "Service may be away for this long, then the upgrade turns around; otherwise no limit."),
        .optional(
            "may_lose_migrated_data", Shape<Answer>.word([.no, .yes]), default: .no,
            "Whether a rollback goes on where what the candidate has made of the data cannot be "
                + "saved first: no (otherwise), so that a person is asked, or yes.")
    ) {
        (
            cursor, reading, attempts, resumes, pull, backup, restore, stop, start, verify, atMost,
            outage, mayLose
        ) throws(Refused) in
        if let atMost, atMost < verify {
            throw reading.refuse(
                "limits.verify_at_most is \(atMost.written), which is less than "
                    + "limits.verify, \(verify.written)",
                "raise verify_at_most or lower verify",
                at: reading.place(of: "limits.verify_at_most", beside: cursor))
        }
        return WrittenLimits(
            limits: Limits(
                attemptsPerStep: attempts, resumesWithoutProgress: resumes, pull: pull,
                backUp: backup, restore: restore, stop: stop, start: start, verify: verify,
                verifyAtMost: atMost ?? max(verify, Limits().verifyAtMost),
                outageBudget: outage),
            mayLoseMigratedData: mayLose == .yes)
    }
}
