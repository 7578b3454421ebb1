import UpgradeMachine

/// A driver that does not keep to the contract, in one way.
struct LyingDriver: Driver {
    enum Lie: CaseIterable, Sendable {
        /// A half passes for the whole.
        case tornIsPresent
        /// A half passes for nothing at all.
        case tornIsAbsent
        /// What is done is not seen.
        case presentIsAbsent
        /// A look does what it was to look for.
        case lookingActs
        /// Nothing half done is taken away.
        case clearDoesNothing
        /// Each doing leaves something else.
        case receiptsDiffer
        /// The receipt is another step's.
        case receiptIsAnother
    }

    let base: any Driver
    let lie: Lie

    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        try await base.endLeftovers(of: effect, in: context)
    }

    func observe(_ effect: Effect, in context: Context) async throws(Failure) -> Observation {
        let seen = try await base.observe(effect, in: context)
        switch (lie, seen, effect) {
        case (.tornIsPresent, .torn, .restoreData(let backup)):
            return .present(.dataRestored(fingerprint: backup.fingerprint))
        case (.tornIsAbsent, .torn, .backUp), (.presentIsAbsent, .present, .backUp): return .absent
        case (.lookingActs, .absent, .stop):
            return .present(try await base.perform(effect, in: context))
        default: return seen
        }
    }

    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        let receipt = try await base.perform(effect, in: context)
        switch (lie, receipt) {
        case (.receiptsDiffer, .pulled(let release, _)):
            let isThere = try await base.observe(effect, in: context) == .present(receipt)
            return .pulled(release: release, imageID: isThere ? "another" : "one")
        case (.receiptIsAnother, .tidied): return .fenceLifted
        default: return receipt
        }
    }

    func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        if lie == .clearDoesNothing { return }
        try await base.clear(effect, in: context)
    }
}
