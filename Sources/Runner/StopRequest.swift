import Synchronization
import UpgradeMachine

/// Whether somebody asked the run to stop: politely once, insistently twice.
public final class StopRequest: Sendable {
    private let requests = Atomic<Int>(0)

    public init() {}

    /// 0: go on. 1: finish what may not be interrupted, then stop. 2: stop now and leave the step
    /// in doubt.
    public var level: Int { min(requests.load(ordering: .relaxed), 2) }

    func ends(_ step: Step) -> Bool { level >= (step.mayBeInterrupted ? 1 : 2) }

    public func ask() { requests.add(1, ordering: .relaxed) }
}
