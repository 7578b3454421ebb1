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
        let results: [Result]
        /// Why they are not good together.
        let failure: String?

        struct Result: Encodable {
            let check: String
            let isGood: Bool
            /// None where it was not asked before the time was up.
            let saw: String?
        }
    }

    func run() async throws {
        let plan = try await Planning(try Workspace(options)).planOfWhatServes()
        let report = try await Composition.withholdingSecrets(of: plan) { try await ask(plan) }
        if options.json {
            try Output.json(report)
        } else {
            Output.result("\(plan.instance) \(plan.current.version):")
            for result in report.results {
                let saw = result.saw ?? "not asked before the time was up"
                Output.result("  \(result.isGood ? "✓" : "✗") \(result.check): \(saw)")
            }
        }
        if !report.isGood { throw ExitCode(ExitStatus.foundWrong.rawValue) }
    }

    private func ask(_ plan: Plan) async throws -> Report {
        let redaction = Redaction(try await Composition.secrets(of: plan))
        let verification = Verification(service: try Composition.service(for: plan))
        let asking = Task {
            try await verification.answers(for: plan.current, in: Context(plan: plan) { _ in })
        }
        let limit = Task {
            try await Task.sleep(for: .seconds(within))
            asking.cancel()
        }
        defer { limit.cancel() }
        do {
            let (answers, failure) = try await asking.value
            return Report(
                instance: plan.instance, version: plan.current.version, isGood: failure == nil,
                results: answers.map {
                    .init(check: $0.check, isGood: $0.isGood, saw: $0.saw.map { redaction($0) })
                },
                failure: failure.map { redaction($0.message) })
        } catch let failure as Failure {
            throw redaction(failure)
        }
    }
}
