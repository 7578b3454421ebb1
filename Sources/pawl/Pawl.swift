import ArgumentParser

/// The command line: every command parses, composes and prints; none of them decides.
@main
struct Pawl: AsyncParsableCommand {
    static let toolVersion = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "pawl",
        abstract: "Upgrade an on-premise application, or put it back as it was.",
        discussion: """
            Every step is on record before it may touch the world. An upgrade that was killed, \
            or whose host was restarted, goes on with 'pawl resume'; one that fails is rolled \
            back with its data.
            """,
        version: toolVersion,
        groupedSubcommands: [
            CommandGroup(
                name: "Before",
                subcommands: [InitCommand.self, CheckCommand.self, PlanCommand.self]),
            CommandGroup(
                name: "The upgrade",
                subcommands: [
                    UpgradeCommand.self, StatusCommand.self, ResumeCommand.self,
                    RollbackCommand.self, SettleCommand.self, VerifyCommand.self,
                ]),
            CommandGroup(
                name: "One thing alone",
                subcommands: [
                    PullCommand.self, ImportCommand.self, BackupCommand.self, RestoreCommand.self,
                    StopCommand.self,
                    StartCommand.self, RestartCommand.self, LogsCommand.self,
                    ReleasesCommand.self,
                ]),
            CommandGroup(
                name: "After",
                subcommands: [TimelineCommand.self, LogCommand.self, ReplayCommand.self]),
            CommandGroup(name: "The host", subcommands: [ServiceCommand.self]),
        ])

    static func main() async {
        Output.secureStandardDescriptors()
        var json = false
        do {
            var command = try parseAsRoot()
            json =
                (command as? any WorkspaceCommand)?.options.json
                ?? (command as? UninstallServiceCommand)?.json
                ?? (command as? InitCommand)?.json ?? false
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Ending.end(with: error, of: Self.self, json: json)
        }
    }
}
