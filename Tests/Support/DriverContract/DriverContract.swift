package import UpgradeMachine

/// What the runner relies on in every driver, asked of one by a whole upgrade and its way back.
///
/// The same questions go to the simulated drivers and to the real ones, so that the simulated world
/// does not lie.
package struct DriverContract {
    /// The steps of an upgrade, all of which a driver is asked about. A dump of others is loaded by an
    /// operation alone.
    package static let steps = Set(Step.allCases).subtracting([.loadDump])

    /// The driver under question, and the world that it works on.
    package struct Subject {
        let plan: Plan
        let makeDriver: () throws -> any Driver
        let picture: () async throws -> String
        let tear: (Effect) async throws -> Bool
        let mayBeThere: Set<Step>
        let halves: Halves

        /// - Parameters:
        ///   - makeDriver: A driver as a new process has it.
        ///   - picture: All of the world that looking must not change, as text.
        ///   - halves: What is to be seen of what was left half done.
        ///   - mayBeThere: Steps that others may have done before, such as a pull to a shared engine.
        ///   - tear: Leaves an effect half done, as a crash would; false where that cannot be staged.
        package init(
            plan: Plan, makeDriver: @escaping () throws -> any Driver,
            picture: @escaping () async throws -> String, mayBeThere: Set<Step> = [],
            halves: Halves, tear: @escaping (Effect) async throws -> Bool
        ) {
            self.plan = plan
            self.makeDriver = makeDriver
            self.picture = picture
            self.tear = tear
            self.mayBeThere = mayBeThere
            self.halves = halves
        }
    }

    /// How a driver treats halves.
    package struct Halves {
        let torn: Set<Step>
        let stayingTorn: Set<Step>

        /// - Parameters:
        ///   - torn: Steps whose half is called torn; others go on from what there is.
        ///   - stayingTorn: Those of them that begin by taking the half away, and need no clearing.
        package init(torn: Set<Step>, stayingTorn: Set<Step> = []) {
            self.torn = torn
            self.stayingTorn = stayingTorn
        }
    }

    private let subject: Subject
    private var findings: [String] = []
    private var asked: Set<Step> = []
    private var torn: Set<Step> = []

    /// What came of it.
    package struct Answer: Sendable {
        /// What the driver does not keep to; empty where all is well.
        package let findings: [String]
        /// The steps that were asked about, and those that were left half done once.
        package let asked: Set<Step>
        package let torn: Set<Step>
    }

    /// - Throws: What the driver or the world threw where it must not.
    package static func check(_ subject: Subject) async throws -> Answer {
        var contract = DriverContract(subject)
        try await contract.walk()
        return Answer(findings: contract.findings, asked: contract.asked, torn: contract.torn)
    }

    private init(_ subject: Subject) { self.subject = subject }

    private var context: Context { Context(plan: subject.plan) { _ in } }

    /// Through every step forward, and every step back.
    private mutating func walk() async throws {
        let driver = try subject.makeDriver()
        var run = Run(subject.plan)
        var moment = Moment(wallMilliseconds: 0, monotonicNanoseconds: 0, bootID: "boot")
        var isWayBack = false
        while true {
            moment = Moment(
                wallMilliseconds: moment.wallMilliseconds + 1,
                monotonicNanoseconds: moment.monotonicNanoseconds + 1_000_000, bootID: "boot")
            switch run.nextAction(at: moment) {
            case .record(let event): run = try run.evolved(by: event, at: moment)
            case .perform(let effect):
                asked.insert(effect.step)
                let receipt = try await examine(effect, driver)
                let event = Event.done(receipt: receipt, adopted: false)
                run = try run.evolved(by: event, at: moment)
            case .rest:
                if isWayBack { return }
                isWayBack = true
                let cause = Failure(code: "ordered", message: "back again", advice: "")
                run = try run.evolved(by: .rollbackOrdered(cause: cause), at: moment)
            }
        }
    }

    private mutating func examine(_ effect: Effect, _ driver: any Driver) async throws -> Receipt {
        try await examineAbsent(effect, driver)
        if try await subject.tear(effect) { try await examineTorn(effect, driver) }
        let receipt = try await driver.perform(effect, in: context)
        expect(receipt.step == effect.step, effect, "its receipt is one of \(receipt.step)")
        if effect.isQuestion {
            let seen = try await look(effect, driver)
            expect(seen == .absent, effect, "a question is asked again, and is \(seen)")
            return receipt
        }
        try await examineDone(effect, receipt, driver)
        return receipt
    }

    /// Before anything was done: it is not there, and clearing it changes nothing.
    private mutating func examineAbsent(_ effect: Effect, _ driver: any Driver) async throws {
        let seen = try await look(effect, driver)
        // There may be nothing to tidy.
        if effect == .tidy || subject.mayBeThere.contains(effect.step) { return }
        expect(!seen.isPresent, effect, "is there before it was done")
        for _ in 0..<2 { try await driver.clear(effect, in: context) }
        let cleared = try await look(effect, driver)
        expect(!cleared.isPresent, effect, "is there after clearing what was not")
    }

    /// A half is no whole; it can be taken away, also twice, and then done.
    private mutating func examineTorn(_ effect: Effect, _ driver: any Driver) async throws {
        torn.insert(effect.step)
        try await driver.endLeftovers(of: effect, in: context)
        let seen = try await look(effect, driver)
        expect(!seen.isPresent, effect, "a half of it passes for the whole")
        guard case .torn = seen else {
            return expect(
                !subject.halves.torn.contains(effect.step), effect, "a half of it is \(seen)")
        }
        for _ in 0..<2 { try await driver.clear(effect, in: context) }
        let cleared = try await look(effect, driver)
        let mayStay = subject.halves.stayingTorn.contains(effect.step) && !cleared.isPresent
        expect(cleared == .absent || mayStay, effect, "cleared, it is \(cleared)")
    }

    /// Done once it is there for everybody, and doing it again does nothing more.
    private mutating func examineDone(
        _ effect: Effect, _ receipt: Receipt, _ driver: any Driver
    ) async throws {
        try await expectPresent(effect, receipt, driver, "after it was done")
        let again = try await driver.perform(effect, in: context)
        expect(again.isLike(receipt), effect, "done twice it leaves \(again), not \(receipt)")
        try await expectPresent(effect, receipt, driver, "after it was done twice")
        if effect.isKeptByClear {
            try await driver.clear(effect, in: context)
            try await expectPresent(effect, receipt, driver, "after clearing a whole one")
        }
        let other = try subject.makeDriver()
        if effect == .raiseFence {
            let seen = try await look(effect, other)
            expect(!seen.isPresent, effect, "another process takes this one's fence for its own")
        } else {
            try await other.endLeftovers(of: effect, in: context)
            try await expectPresent(effect, receipt, other, "to a process that takes over")
        }
    }

    private mutating func expectPresent(
        _ effect: Effect, _ receipt: Receipt, _ driver: any Driver, _ when: String
    ) async throws {
        let seen = try await look(effect, driver)
        // Where writes went on beside the dump, nobody can tell its data from others; it is put
        // back once more.
        if case .restoreData(let backup) = effect, !backup.fingerprint.isExact, !seen.isPresent {
            return
        }
        guard case .present(let found) = seen else {
            return expect(false, effect, "\(when) it is \(seen)")
        }
        expect(found.isLike(receipt), effect, "\(when) it is \(found), not \(receipt)")
    }

    /// Looking changes nothing, and finds the same twice.
    private mutating func look(
        _ effect: Effect, _ driver: any Driver
    ) async throws -> Observation {
        let before = try await subject.picture()
        let seen = try await driver.observe(effect, in: context)
        let again = try await driver.observe(effect, in: context)
        let after = try await subject.picture()
        expect(seen == again, effect, "looked at twice it is \(seen) and \(again)")
        expect(before == after, effect, "a look changed\n\(before)\ninto\n\(after)")
        return seen
    }

    private mutating func expect(_ isSo: Bool, _ effect: Effect, _ otherwise: String) {
        if !isSo { findings.append("\(effect.brief): \(otherwise)") }
    }
}

extension Observation {
    fileprivate var isPresent: Bool { if case .present = self { true } else { false } }
}

extension Receipt {
    /// Equal, but for what only the first doing found to remove.
    fileprivate func isLike(_ other: Receipt) -> Bool {
        if case .tidied = self, case .tidied = other { return true }
        return self == other
    }
}

extension Effect {
    fileprivate var isQuestion: Bool { step == .verify || step == .verifyPrevious }

    /// What clearing never takes, because it is whole.
    fileprivate var isKeptByClear: Bool {
        switch step {
        case .pull, .backUp, .saveData: true
        default: false
        }
    }
}
