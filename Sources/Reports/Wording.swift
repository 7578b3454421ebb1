public import UpgradeMachine

extension Duration {
    /// For people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
    public var brief: String {
        let milliseconds =
            components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        switch milliseconds {
        case ..<10_000: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
        case ..<60_000: return "\(milliseconds / 1000) s"
        case ..<3_600_000: return "\(milliseconds / 60_000) min \(milliseconds / 1000 % 60) s"
        default: return "\(milliseconds / 3_600_000) h \(milliseconds / 60_000 % 60) min"
        }
    }
}

/// A number of bytes for people, in powers of 1000: `512 B`, `1.2 MB`.
public func brief(bytes: Int) -> String {
    var value = bytes
    var units = ["B", "kB", "MB", "GB", "TB"][...]
    while value >= 1_000_000, units.count > 2 {
        value /= 1000
        units = units.dropFirst()
    }
    guard value >= 1000, units.count > 1 else { return "\(value) \(units.first ?? "")" }
    return "\(value / 1000).\(value % 1000 / 100) \(units.dropFirst().first ?? "")"
}

extension Step {
    /// What is being done, as progress says it.
    public var doing: String {
        switch self {
        case .pull: "getting the new release"
        case .raiseFence: "keeping the database from writing"
        case .backUp: "backing up the database"
        case .stop: "stopping the service"
        case .liftFence: "letting the database write again"
        case .start: "starting the new release"
        case .verify: "verifying the new release"
        case .tidy: "removing what earlier upgrades kept"
        case .removeCandidate: "stopping the new release"
        case .saveData: "saving the migrated data"
        case .restoreData: "putting the data back"
        case .startPrevious: "starting the old release"
        case .verifyPrevious: "verifying the old release"
        case .loadDump: "loading the dump"
        }
    }

    /// The same in an operation, where no release follows another.
    public func doing(in plan: Plan) -> String {
        guard plan.operation != nil else { return doing }
        return switch self {
        case .pull: "getting the release"
        case .saveData: "saving the data that is there"
        case .restoreData: "putting the backup's data in its place"
        case .startPrevious: "starting the service"
        case .verifyPrevious: "verifying the service"
        default: doing
        }
    }
}

extension Receipt {
    /// What it left behind, in a few words; empty where the step's name says it all.
    public var detail: String {
        switch self {
        case .pulled(let release, _): "\(release.version), \(release.digest.prefix(19))…"
        case .fenceRaised(let position): "at \(position.brief)"
        case .backedUp(let backup), .dataSaved(let backup?):
            "\(backup.fingerprint.brief), \(brief(bytes: backup.sizeInBytes)) in \(backup.fileName)"
        case .dataSaved(nil): "not saved, as the plan allows"
        case .stopped(let kept, _): "kept: " + kept.parts.map(\.keptAs).joined(separator: ", ")
        case .started(let served), .previousStarted(let served):
            served.parts.map(\.name).joined(separator: ", ")
        case .verified(let results, _), .previousVerified(let results, _):
            results.count == 1 ? "the check is good" : "all \(results.count) checks are good"
        case .tidied(let removed):
            removed.isEmpty ? "nothing was left" : removed.joined(separator: ", ")
        case .dataRestored(let fingerprint): "\(fingerprint.brief), as in the backup"
        case .dumpLoaded(let fingerprint): "\(fingerprint.brief)"
        case .fenceLifted, .candidateRemoved: ""
        }
    }

    /// What its checks saw, a line each.
    public var checkLines: [String] {
        switch self {
        case .verified(let results, _), .previousVerified(let results, _):
            results.map { "\($0.check): \($0.saw)" }
        default: []
        }
    }
}

extension Fingerprint {
    var brief: String { "\(tables) tables, \(rows) rows" }
}

extension Backup {
    var fileName: String { path.split(separator: "/").last.map(String.init) ?? path }
}

extension Effect {
    /// What the effect left behind, in a few words; a receipt does not say all of it.
    func detail(of receipt: Receipt) -> String {
        guard case (.liftFence(let position?), .fenceLifted) = (self, receipt) else {
            return receipt.detail
        }
        // Without a position of the server's own, the lock is the proof, and whose it was.
        let how = position.text.hasPrefix("content:") ? "locked all the time" : "unmoved"
        return "nothing was written since the backup: \(how), at \(position.brief)"
    }
}

extension Position {
    /// Short enough for a line; a content's digest is known by its beginning.
    var brief: String { text.count > 32 ? "\(text.prefix(20))…" : text }
}

extension Failure {
    /// Its first clause, for a headline.
    public var brief: String {
        guard message.count > 80, let colon = message.firstRange(of: ": ") else { return message }
        return String(message[..<colon.lowerBound])
    }
}

extension Timeline.Reboot {
    /// What is known of it.
    var words: String {
        guard isInterruption else {
            return "the host was restarted, some time after #\(before.sequence)"
        }
        guard let awayAtMost else {
            let back = before.moment.wallMilliseconds - after.moment.wallMilliseconds
            return "the host was restarted; how long it was away is not known, because its clock "
                + "went back by \(Duration.milliseconds(back).brief)"
        }
        return "the host was restarted; it was away for at most \(awayAtMost.brief) "
            + "(#\(before.sequence)–#\(after.sequence))"
    }
}

extension Timeline.Span {
    /// The events that it is told by.
    var sequences: String {
        "#\(began.sequence)–\(ended.map { "#\($0.sequence)" } ?? "")"
    }
}

extension Tool {
    /// Its version, and by its digest which build of it.
    var words: String { "\(version) (\(digest.prefix(12)))" }
}

extension StateName {
    /// As a sentence's predicate.
    public var wording: String {
        switch self {
        case .planned: "planned; nothing has been done yet"
        case .pulled: "the new release is here; the service runs as before"
        case .backedUp: "the data is backed up; the service runs as before"
        case .stopped: "the service is stopped"
        case .started: "the new release runs and is not verified yet"
        case .verified: "verified: the new release serves, and every check passed"
        case .rollingBack: "on the way back to the old release"
        case .rolledBack: "rolled back: the old release serves, its data as it was"
        case .halted: "halted: a person is needed"
        case .operating: "under way"
        case .operated: "done"
        case .failed: "failed"
        }
    }
}

extension Operation {
    /// As the first word of a sentence.
    var title: String { name.prefix(1).uppercased() + name.dropFirst() }

    /// Whether it stops or starts what serves.
    public var isOfService: Bool {
        switch self {
        case .pull, .backUp: false
        case .restore, .stop, .start, .restart: true
        }
    }
}
