import Synchronization
import UpgradeMachine

/// Whether somebody asked the run to stop: politely once, insistently twice.
public final class StopRequest: Sendable {
    /// Who asks, which decides whether the run goes on by itself later.
    public enum Origin: Sendable {
        /// Ctrl-C: a person wants it to rest.
        case person
        /// SIGTERM, as the host sends it to everybody when it is shut down.
        case system
    }

    private let requests = Atomic<Int>(0)
    private let hasPersonAsked = Atomic<Bool>(false)

    public init() {}

    /// 0: go on. 1: finish what may not be interrupted, then stop. 2: stop now and leave the step
    /// in doubt.
    public var level: Int { min(requests.load(ordering: .relaxed), 2) }

    func ends(_ step: Step) -> Bool { level >= (step.mayBeInterrupted ? 1 : 2) }

    public func ask(by origin: Origin = .person) {
        if origin == .person { hasPersonAsked.store(true, ordering: .relaxed) }
        requests.add(1, ordering: .relaxed)
    }

    /// Why it stopped, for the record. A person's wish stands, whoever asked beside them.
    var cause: Failure {
        hasPersonAsked.load(ordering: .relaxed) ? .stopRequested : .shutDown
    }
}
