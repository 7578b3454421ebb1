package import UpgradeMachine

/// What one process works on the world with, behind the same port as the real drivers.
package struct SimulatedDriver: Driver {
    private let process: Process
    private var world: World { process.world }
    private var service: SimulatedService { SimulatedService(process: process) }
    private var database: SimulatedDatabase { SimulatedDatabase(process: process) }

    init(_ process: Process) { self.process = process }

    package func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        switch effect {
        case .raiseFence:
            // What this very process holds is no leftover.
            if process.fence == nil { try await process.call(.ask, world.dropLock()) }
        case .restoreData: try await database.endLoading()
        default: break
        }
    }

    package func observe(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Observation {
        let observation: Observation
        do throws(Failure) {
            observation = try await looked(at: effect)
        } catch  where error == .obscured {
            return .unknown(detail: error.message)
        }
        guard case .present(let receipt) = observation else { return observation }
        return .present(try await completed(receipt))
    }

    private func looked(at effect: Effect) async throws(Failure) -> Observation {
        switch effect {
        case .pull(let release): return try await service.observePull(release)
        case .raiseFence: return try await database.observeFence()
        case .backUp(let name), .saveData(let name):
            return try await database.observeBackup(effect, name)
        case .stop: return try await service.observeStop()
        case .liftFence(let position): return try await database.observeLifted(position)
        case .start: return try await service.observeStart()
        case .tidy: return .present(.tidied(removed: []))
        case .removeCandidate: return try await service.observeRemoval()
        case .restoreData(let backup): return try await database.observeRestored(backup)
        case .startPrevious: return try await service.observePrevious()
        case .verify, .verifyPrevious: return .absent
        case .loadDump: throw .notSimulated
        }
    }

    package func perform(
        _ effect: Effect, in context: Context
    ) async throws(Failure) -> Receipt {
        try await completed(try await done(effect, in: context))
    }

    private func done(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        switch effect {
        case .pull(let release): return try await service.pull(release)
        case .raiseFence: return try await database.raiseFence()
        case .backUp(let name), .saveData(let name):
            return try await database.backUp(effect, name)
        case .stop: return try await service.stop()
        case .liftFence(let position): return try await database.liftFence(position)
        case .start: return try await service.start()
        case .verify(let release):
            let results = try await checks(context).results(for: release)
            return .verified(results: results, goodForMilliseconds: 2000)
        case .tidy: return .tidied(removed: [])
        case .removeCandidate: return try await service.removeCandidate()
        case .restoreData(let backup): return try await database.restore(backup)
        case .startPrevious: return try await service.startPrevious()
        case .loadDump: throw .notSimulated
        case .verifyPrevious(let release):
            let results = try await checks(context).results(for: release)
            return .previousVerified(results: results, goodForMilliseconds: 2000)
        }
    }

    package func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        switch effect {
        case .raiseFence: try await database.removeFence()
        case .backUp(let name), .saveData(let name): try await database.clearBackup(name)
        case .start: _ = try await service.removeCandidate()
        default: break
        }
    }

    private func checks(_ context: Context) -> SimulatedChecks {
        SimulatedChecks(process: process, report: context.report)
    }

    private func completed(_ receipt: Receipt) async throws(Failure) -> Receipt {
        guard case .stopped(let kept, nil) = receipt, world.scenario.hasDatabase else {
            return receipt
        }
        return .stopped(kept: kept, position: try await database.position())
    }
}

extension Failure {
    /// Upgrades alone are simulated, and none of them loads a dump.
    fileprivate static let notSimulated = Failure(
        code: "not-simulated", message: "a dump of somebody else's", advice: "", isPermanent: true)
}
