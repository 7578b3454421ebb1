import UpgradeMachine

// What the golden logs tell. Together they hold every event, effect, receipt, runtime, database,
// check and reference to a secret, each optional part both there and not.
extension GoldenTale {
    static let all: [(name: String, tell: @Sendable () throws -> GoldenTale)] = [
        ("containers-with-mysql", verified), ("host-with-sqlite-rolled-back", rolledBack),
        ("host-with-postgresql", postgresql), ("halted-and-settled", halted),
        ("unfenced-and-saved-nothing", savedNothing), ("awkward-text", awkward),
        ("operations", operations),
    ]

    /// All goes well in the end: a busy registry, a crash under the fence, a reboot after the
    /// backup while somebody wrote, a request to stop.
    @Sendable private static func verified() throws -> GoldenTale {
        var tale = GoldenTale(.containers)
        try tale.go(to: .pull)
        try tale.fail(.busy)
        try tale.go(to: .backUp)
        try tale.happen(.resumed)
        try tale.go(to: .backUp)
        try tale.succeed()
        tale.position = Position("gtid:0-1-43")
        try tale.reboot()
        try tale.go(to: .stop)
        try tale.happen(.paused(cause: .stopRequested), .resumed)
        try tale.succeed(adopted: true)
        try tale.go()
        return tale
    }

    /// The candidate is sick; the way back is interrupted, too.
    @Sendable private static func rolledBack() throws -> GoldenTale {
        var tale = GoldenTale(.host)
        try tale.go(to: .verify)
        try tale.fail(.sick)
        try tale.go(to: .saveData)
        try tale.fail(.busy)
        try tale.happen(.resumed)
        try tale.succeed(adopted: true)
        try tale.go()
        return tale
    }

    /// Nothing happens, with the third kind of database.
    @Sendable private static func postgresql() throws -> GoldenTale {
        var tale = GoldenTale(.postgresql)
        try tale.go()
        return tale
    }

    /// Every decision that a person may take, and two orders to roll back, in three upgrades.
    @Sendable private static func halted() throws -> GoldenTale {
        var tale = GoldenTale(.stateless("u1"))
        try tale.go(to: .stop)
        try tale.happen(
            .halted(cause: .unclear),
            .settled(step: .stop, settlement: .undone, reason: "docker ps shows it running"))
        try tale.go(to: .verify)
        try tale.happen(
            .halted(cause: .unclear),
            .settled(
                step: .verify,
                settlement: .done(
                    receipt: .verified(
                        results: [CheckResult(check: "settled", saw: "a person vouched for it")],
                        goodForMilliseconds: 0)),
                reason: "logged in, and it is there"))
        try tale.go(to: .tidy)
        try tale.fail(.sick)

        tale.begin(.stateless("u2"))
        try tale.go(to: .stop)
        try tale.happen(.halted(cause: .unclear), .retried(reason: "the disk was full"))
        try tale.go(to: .stop)
        try tale.happen(.rollbackOrdered(cause: .ordered))
        try tale.go()

        tale.begin(.stateless("u3"))
        try tale.go(to: .pull)
        try tale.happen(.halted(cause: .unclear), .rollbackOrdered(cause: .ordered))
        return tale
    }

    /// No fence, a backup without a position, data that could not be saved.
    @Sendable private static func savedNothing() throws -> GoldenTale {
        var tale = GoldenTale(.unfenced)
        try tale.go(to: .backUp)
        try tale.happen(
            .done(receipt: .backedUp(backup: backup("first", at: nil)), adopted: false))
        try tale.go(to: .stop)
        try tale.happen(
            .done(receipt: .stopped(kept: Kept(parts: []), position: nil), adopted: false))
        try tale.go(to: .start)
        try tale.fail(.sick)
        try tale.go(to: .saveData)
        try tale.happen(.done(receipt: .dataSaved(backup: nil), adopted: false))
        try tale.go()
        return tale
    }

    /// What has to be escaped in JSON, and what need not be.
    @Sendable private static func awkward() throws -> GoldenTale {
        var tale = GoldenTale(.awkward)
        try tale.go(to: .raiseFence)
        try tale.succeed()
        try tale.happen(.rollbackOrdered(cause: .awkward))
        try tale.go()
        return tale
    }
}

extension GoldenTale {
    /// One of each, and those that can be undone undone once.
    @Sendable fileprivate static func operations() throws -> GoldenTale {
        var tale = GoldenTale(.operation("o1", .pull))
        try tale.go()
        for (index, operation) in [Operation.backUp, .stop, .start, .restart].enumerated() {
            tale.begin(.operation("o\(index + 2)", operation))
            try tale.go()
        }
        let dump = Dump(
            path: "/srv/vendor.sql", sha256: String(repeating: "dd", count: 32), sizeInBytes: 9)
        tale.begin(.operation("o6", .restore(source: .dump(dump: dump))))
        try tale.go()

        tale.begin(
            .operation(
                "o7", .restore(source: .backup(backup: backup("o2", at: Position("content:1"))))))
        try tale.go(to: .restoreData)
        try tale.fail(.broken)
        try tale.go()

        tale.begin(.operation("o8", .backUp))
        try tale.go(to: .backUp)
        try tale.fail(.broken)

        tale.begin(.operation("o9", .restore(source: .dump(dump: dump))))
        try tale.go(to: .verifyPrevious)
        try tale.fail(.broken)
        try tale.happen(.rollbackOrdered(cause: .ordered))
        try tale.go()
        return tale
    }
}

extension Failure {
    fileprivate static let broken = Failure(
        code: "broken", message: "it cannot be done", advice: "look", isPermanent: true)
    fileprivate static let busy = Failure(
        code: "busy", message: "the registry said 503", advice: "wait")
    fileprivate static let stopRequested = Failure(
        code: "stop-requested", message: "stopped on request",
        advice: "go on with: pawl resume")
    fileprivate static let sick = Failure(
        code: "check-failed", message: "7.1.0 does not pass: http: 500, not 200",
        advice: "mend the release", excerpt: "starting\n\tTraceback: no such column",
        isPermanent: true)
    fileprivate static let unclear = Failure(
        code: "unclear", message: "the world does not say", advice: "look, then settle it")
    fileprivate static let ordered = Failure(
        code: "ordered", message: "ada ordered it: reports are wrong", advice: "nothing to do")
    fileprivate static let awkward = Failure(
        code: "awkward", message: Plan.awkwardText, advice: "", excerpt: Plan.awkwardText)
}
