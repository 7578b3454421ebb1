import UpgradeMachine

/// The outside, pretended, and without mercy: whatever is done twice, too early or upon a half is
/// remembered.
actor World: Driver {
    /// What there is.
    struct State: Hashable {
        enum Data { case old, migrated, torn, cleared }

        var image = Extent.absent
        /// Half: the session has gone, and the server refuses writes still.
        var fence = Extent.absent
        var backups: [String: Extent] = [:]
        /// The old release's: done is running.
        var service = Extent.done
        var candidate = Extent.absent
        var data = Data.old
        var hasTidied = false

        /// Whether anything half done is left.
        var isTorn: Bool {
            ([image, fence, service, candidate] + backups.values).contains(.half)
                || ![.old, .migrated].contains(data)
        }
    }

    private(set) var state = State()
    private(set) var violations: [String] = []
    private let failing: Set<Step>
    private let isFenced: Bool
    private let hasDatabase: Bool
    private var power = Power()

    init(_ plan: Plan, failing: Set<Step>) {
        self.failing = failing
        hasDatabase = plan.database.isPresent
        isFenced = hasDatabase && plan.fence == .hold
    }

    /// A new process, which has none of the sessions of the one before.
    func begin(with power: Power) {
        self.power = power
        if state.fence == .done { state.fence = .half }
    }

    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {}

    func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation {
        switch extent(of: effect) {
        case .absent: .absent
        case .half: .torn(detail: effect.step.rawValue)
        case .done: .present(Sample.receipt(of: effect))
        }
    }

    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        guard !power.isOff else { throw .busy }
        if let obstacle = obstacle(to: effect) { violations.append("\(effect.brief): \(obstacle)") }
        let cut = power.perform()
        guard cut != .absent else { throw .busy }
        change(by: effect, .half)
        guard cut != .half, !failing.contains(effect.step) else { throw .busy }
        change(by: effect, .done)
        return Sample.receipt(of: effect)
    }

    func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        guard !power.isOff else { return }
        switch effect {
        case .pull: state.image = .absent
        case .raiseFence: state.fence = .absent
        case .backUp(let name), .saveData(let name): state.backups[name] = nil
        case .restoreData, .loadDump: state.data = .cleared
        case .startPrevious: state.service = .absent
        case .stop, .liftFence, .start, .verify, .tidy, .removeCandidate, .verifyPrevious:
            violations.append("\(effect.brief) was cleared")
        }
    }
}

extension World {
    private func extent(of effect: Effect) -> Extent {
        switch effect {
        case .pull: state.image
        case .raiseFence: state.fence
        case .backUp(let name), .saveData(let name): state.backups[name] ?? .absent
        case .stop: state.service == .absent ? .done : .absent
        case .liftFence: state.fence == .absent ? .done : .absent
        case .start: state.candidate
        case .tidy: state.hasTidied ? .done : .absent
        case .removeCandidate: state.candidate == .absent ? .done : .absent
        case .restoreData, .loadDump:
            switch state.data {
            case .old: .done
            case .torn: .half
            case .migrated, .cleared: .absent
            }
        case .startPrevious: state.service
        case .verify, .verifyPrevious: .absent
        }
    }

    private func change(by effect: Effect, _ extent: Extent) {
        let isDone = extent == .done
        switch effect {
        case .pull: state.image = extent
        case .raiseFence: state.fence = extent
        case .backUp(let name), .saveData(let name): state.backups[name] = extent
        case .stop: state.service = isDone ? .absent : .half
        case .liftFence: if isDone { state.fence = .absent }
        case .start:
            state.candidate = extent
            if hasDatabase { state.data = .migrated }
        case .tidy: state.hasTidied = isDone
        case .removeCandidate: state.candidate = isDone ? .absent : .half
        case .restoreData, .loadDump: state.data = isDone ? .old : .torn
        case .startPrevious: state.service = extent
        case .verify, .verifyPrevious: break
        }
    }

    /// Why `effect` must not be performed on the world as it is; none where it may.
    private func obstacle(to effect: Effect) -> String? {
        let isDoneOrHalf = extent(of: effect) != .absent
        switch effect {
        case .pull, .raiseFence, .liftFence, .tidy, .removeCandidate:
            return isDoneOrHalf ? "it is there already" : nil
        case .backUp:
            if isFenced, state.fence != .done { return "no fence stands" }
            return isDoneOrHalf ? "it is there already" : nil
        case .stop:
            if hasDatabase, !state.backups.values.contains(.done) { return "there is no backup" }
            return isDoneOrHalf ? "it is there already" : nil
        case .start:
            if state.service != .absent { return "the old version runs" }
            if state.fence != .absent { return "the database refuses writes" }
            return isDoneOrHalf || state.data != .old ? "it was begun before" : nil
        case .verify:
            return state.candidate == .done ? nil : "the candidate does not run"
        case .saveData:
            if state.candidate != .absent { return "the candidate is there" }
            return isDoneOrHalf || state.data != .migrated ? "it is there already" : nil
        case .restoreData, .loadDump:
            if state.backups.values.contains(.half) { return "the data is not saved" }
            return isDoneOrHalf ? "it is there already, or torn" : nil
        case .startPrevious:
            if state.candidate != .absent { return "the candidate is there" }
            if state.fence != .absent { return "the database refuses writes" }
            if state.data != .old { return "the data is not the old version's" }
            return isDoneOrHalf ? "it is there already" : nil
        case .verifyPrevious:
            return state.service == .done && state.data == .old
                ? nil : "the old version is not back"
        }
    }
}
