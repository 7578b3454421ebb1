import ArgumentParser
import Drivers
import Foundation
import UpgradeMachine

/// `pawl logs`
struct LogsCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print the application's log since its last start. Changes nothing.",
        discussion: "What Pawl itself did is in 'pawl timeline' and 'pawl log'.")

    @OptionGroup var options: WorkspaceOptions

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("The newest lines alone.", valueName: "number"))
    var lines: Int?

    @Option(help: ArgumentHelp("Write it to a new file.", valueName: "file"))
    var output: String?

    private static let limitInBytes = 64 << 20

    func validate() throws {
        guard lines.map({ $0 > 0 }) ?? true else {
            throw ValidationError("--lines takes 1 and more")
        }
    }

    /// `pawl.logs/1`
    struct Report: Encodable {
        var format = "pawl.logs/1"
        let instance: String
        let version: String
        /// Of the whole log; older lines than these are left out where it is very long.
        let sizeInBytes: Int
        let lines: [String]
    }

    func run() async throws {
        let plan = try await Planning(try Workspace(options)).planOfWhatServes()
        let log = try await Composition.withholdingSecrets(of: plan) {
            let redaction = Redaction(try await Composition.secrets(of: plan))
            let log = try await Composition.service(for: plan).log(
                in: Context(plan: plan) { _ in }, limitInBytes: Self.limitInBytes)
            return ServiceLog(lines: log.lines.map { redaction($0) }, sizeInBytes: log.sizeInBytes)
        }
        let wanted = lines.map { Array(log.lines.suffix($0)) } ?? log.lines
        if let output { try write(wanted, to: output.asAbsolutePath) }
        if options.json {
            return try Output.json(
                Report(
                    instance: plan.instance, version: plan.current.version,
                    sizeInBytes: log.sizeInBytes, lines: wanted))
        }
        if let output { return Output.result(output.asAbsolutePath) }
        for line in wanted { Output.result(line) }
    }

    /// Never over a file that is there.
    private func write(_ lines: [String], to path: String) throws {
        do {
            try Data(lines.map { $0 + "\n" }.joined().utf8).write(
                to: URL(fileURLWithPath: path), options: .withoutOverwriting)
        } catch {
            throw Refusal(
                status: .refused,
                message: "\(path) cannot be written: "
                    + (FileManager.default.fileExists(atPath: path)
                        ? "it is there already" : "\(error.localizedDescription)"),
                advice: "name another file")
        }
    }
}
