import UpgradeMachine

// I9 and I10: what the world is like when an upgrade has ended, or rests.
extension World {
    func checkEnd(of run: Run, _ events: [Event]) {
        if run.open != nil { violate(.oneOutcome, "an intent is open at the end") }
        switch run.upgrade {
        case .verified: checkVerified()
        case .rolledBack(let state): checkRolledBack(state, events)
        case .halted: checkHalted()
        default: violate(.ends, "ends as \(run.upgrade.name.rawValue)")
        }
    }

    private func checkVerified() {
        expectServing(Self.candidateImage)
        expectContainers(besides: ["web.pawl-\(plan.upgrade)"])
        expect(container("c1")?.policy == "no", "the kept container may start by itself")
        if !hasPersonStarted {
            expect(container("c1")?.isRunning == false, "the kept container runs")
        }
        expectTags(Self.candidateImage)
        guard scenario.hasDatabase else { return }
        expect(content.migrationSteps == Content.wholeMigration, "the data is not migrated")
        expectFenceDown()
        expectRows(in: [content])
    }

    private func checkRolledBack(_ state: RolledBack, _ events: [Event]) {
        expectContainers(besides: [])
        expectServing("image-7.0.0")
        expectTags("image-7.0.0")
        guard scenario.hasDatabase else { return }
        expectFenceDown()
        expect(content.exists && content.migrationSteps == 0, "the data is not the old release's")
        let backups = disk.durableBackups(of: plan.upgrade)
        guard let backup = state.backup else { return expectRows(in: [content]) }
        let original = backups.values.first { $0.digest == backup.sha256 }
        let rows = original?.rows ?? []
        expect(original != nil, "the backup has gone")
        if !hasOutsiderWritten {
            expect(content.rows.starts(with: rows), "not all of the backup's rows are there")
            expect(
                content.rows.dropFirst(rows.count).allSatisfy { $0 > rowsWhenRestored },
                "rows are there that the backup does not have")
        }
        let saved = state.saved.flatMap { saved in
            backups.values.first { $0.digest == saved.sha256 }
        }
        // Without a fence the plan says that what is written beside the backup may be lost.
        if plan.fence == .hold { expectRows(in: [content, saved].compactMap { $0 }) }
    }

    private func checkHalted() {
        guard scenario.hasDatabase, plan.fence == .hold else { return }
        expectRows(in: [content] + disk.durableBackups(of: plan.upgrade).values)
    }

    private func expect(_ isSo: Bool, _ otherwise: String) {
        if !isSo { violate(.neverMixed, otherwise) }
    }

    private func expectServing(_ image: String) {
        // What the engine never starts by itself, a reboot beside the stop ends.
        if engineRestarted, scenario.policy == "no" { return }
        // Restarted by somebody else a moment ago, it may not be ready yet.
        let web = container(named: "web")
        let isAtWork = web?.isRunning == true && web?.imageID == image
        let mayBeStarting = engineRestarted || hasPersonStarted
        expect(mayBeStarting ? isAtWork : isServing(image), "\(image) does not serve")
    }

    private func expectContainers(besides others: [String]) {
        let names = runtime.containers.map(\.name) + others
        let found = containers.map(\.name)
        expect(found.sorted() == names.sorted(), "containers are \(found)")
        for planned in runtime.containers {
            let policy = container(named: planned.name)?.policy
            expect(policy == scenario.policy, "\(planned.name) has restart policy \(policy ?? "")")
        }
    }

    private func expectTags(_ image: String) {
        guard scenario.hasLocalTag else { return }
        expect(tags[Scenario.localTag] == image, "the local tag stands for another image")
    }

    private func expectFenceDown() {
        expect(!isReadOnly && lock == nil, "the database refuses writes")
    }

    private func expectRows(in contents: [Content]) {
        let kept = contents.reduce(into: Set<Int>()) { $0.formUnion($1.rows) }
        let lost = acknowledged.subtracting(kept)
        expect(lost.isEmpty, "\(lost.count) acknowledged rows are lost: \(lost.sorted().prefix(3))")
    }
}

extension LogOnDisk {
    /// I2, I3 and I14 of the real log.
    func violations() throws -> [Violation] {
        var found: [Violation] = []
        if acceptedOutdated {
            found.append(
                Violation(invariant: .outdatedRefused, detail: "an outdated writer has appended"))
        }
        do { try verify() } catch {
            found.append(Violation(invariant: .legal, detail: "\(error)"))
        }
        return found
    }
}
