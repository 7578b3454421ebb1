import ArgumentParser
import EventLog
import Reports
import UpgradeMachine

/// What a run leaves on the screen, and its exit code.
struct Conclusion {
    let session: Session
    let run: Run
    let json: Bool

    /// Says how it ended and what comes next, then ends with the state's exit code.
    func show() throws {
        guard let timeline = try session.timeline(of: run.plan.upgrade) else {
            preconditionFailure("a run has a plan in the log")
        }
        let place = try session.surroundings()
        if json {
            try Output.json(UpgradeReport(timeline, in: place))
        } else {
            Output.result(StatusText(timeline, in: place).text)
        }
        let status = ExitStatus(of: run.upgrade)
        if status != .done { throw ExitCode(status.rawValue) }
    }
}
