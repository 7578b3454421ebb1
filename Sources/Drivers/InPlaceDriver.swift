public import UpgradeMachine

/// Makes the effects of an in-place upgrade real, each by the part that it is a matter of.
public struct InPlaceDriver: Driver {
    private let service: any Service
    /// None where the application keeps no data.
    private let database: (any DatabaseDriver)?
    private let verification: Verification

    public init(
        service: any Service, database: (any DatabaseDriver)?, verification: Verification
    ) {
        self.service = service
        self.database = database
        self.verification = verification
    }

    public func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        try await part(for: effect.step).endLeftovers(of: effect, in: context)
    }

    public func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation {
        let observation = try await part(for: effect.step).observe(effect, in: context)
        guard case .present(let receipt) = observation else { return observation }
        return .present(try await completed(receipt, in: context))
    }

    public func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        switch effect.step {
        case .saveData, .restoreData, .loadDump:
            try await service.keepStopped(for: effect.step, in: context)
        default: break
        }
        let receipt = try await part(for: effect.step).perform(effect, in: context)
        return try await completed(receipt, in: context)
    }

    public func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        try await part(for: effect.step).clear(effect, in: context)
    }

    private func part(for step: Step) throws(Failure) -> any Driver {
        switch step {
        case .pull, .stop, .start, .tidy, .removeCandidate, .startPrevious: return service
        case .verify, .verifyPrevious: return verification
        case .raiseFence, .backUp, .liftFence, .saveData, .restoreData, .loadDump:
            guard let database else {
                throw Failure(
                    code: "no-database", message: "\(step.rawValue) without a database",
                    advice: "this is a defect of Pawl: please report it", isPermanent: true)
            }
            return database
        }
    }

    /// The service knows that it has stopped, the database how far its writing had got by then.
    private func completed(
        _ receipt: Receipt, in context: Context
    ) async throws(Failure) -> Receipt {
        // Nothing is proved by it in an operation, and it may be a read of all rows.
        guard case .stopped(let kept, nil) = receipt, let database, context.plan.operation == nil
        else { return receipt }
        return .stopped(kept: kept, position: try await database.position(in: context))
    }
}
