import ArgumentParser
import Drivers
import UpgradeMachine

/// `pawl verify`
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Ask the checks of what serves now. Changes nothing.")

    @OptionGroup var options: WorkspaceOptions

    @Option(help: "How long the checks may take to become good, in seconds.")
    var within: Int = 30

    /// What the checks saw.
    struct Report: Encodable {
        var format = "pawl.verify/1"
        let instance: String
        let version: String
        let isGood: Bool
        let results: [CheckResult]
        let failure: String?
    }

    func run() async throws {
        let workspace = try Workspace(options)
        let plan = try await Planning(
            settings: try workspace.instanceSettings(), stateDirectory: workspace.stateDirectory
        ).planOfWhatServes()
        let report = try await ask(plan)
        if options.json {
            try Output.json(report)
        } else {
            Output.result("\(plan.instance) \(plan.current.version):")
            for result in report.results { Output.result("  ✓ \(result.check): \(result.saw)") }
            if let failure = report.failure { Output.result("  ✗ \(failure)") }
        }
        if !report.isGood { throw ExitCode(ExitStatus.foundWrong.rawValue) }
    }

    private func ask(_ plan: Plan) async throws -> Report {
        let secrets = Redaction(try await Composition.secrets(of: plan))
        let driver = RedactingDriver(
            base: Verification(service: try Composition.service(for: plan)), redaction: secrets)
        let asking = Task {
            try await driver.perform(
                .verify(release: plan.current), in: Context(plan: plan) { _ in })
        }
        let limit = Task {
            try await Task.sleep(for: .seconds(within))
            asking.cancel()
        }
        defer { limit.cancel() }
        do {
            guard case .verified(let results, _) = try await asking.value else {
                preconditionFailure("a verification leaves results")
            }
            return report(plan, true, results, nil)
        } catch let failure as Failure where failure.code == "check-failed" {
            return report(plan, false, [], failure.message)
        }
    }

    private func report(
        _ plan: Plan, _ isGood: Bool, _ results: [CheckResult], _ failure: String?
    ) -> Report {
        Report(
            instance: plan.instance, version: plan.current.version, isGood: isGood,
            results: results, failure: failure)
    }
}
