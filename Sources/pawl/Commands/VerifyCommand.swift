import ArgumentParser
import Drivers
import UpgradeMachine

/// `pawl verify`
struct VerifyCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Ask the checks of what serves now. Changes nothing.")

    @OptionGroup var options: WorkspaceOptions

    @Option(
        help: ArgumentHelp("How long the checks may take to become good.", valueName: "seconds"))
    var within: Int = 30

    func validate() throws {
        guard (1...86_400).contains(within) else {
            throw ValidationError("--within takes 1 to 86400 seconds")
        }
    }

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
        let plan = try await Planning(try Workspace(options)).planOfWhatServes()
        let report = try await Composition.withholdingSecrets(of: plan) { try await ask(plan) }
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
