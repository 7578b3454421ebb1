import ArgumentParser
import Drivers
import Foundation
import Glibc
import Settings
import UpgradeMachine

/// `pawl service`
struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service",
        abstract: "Have upgrades go on by themselves after a restart of the host.",
        subcommands: [InstallServiceCommand.self, UninstallServiceCommand.self])
}

/// Where the unit is, and how it is told.
struct UnitOptions: ParsableArguments {
    static let usualDirectory = "/etc/systemd/system"

    @Option(help: ArgumentHelp("Where systemd finds the unit.", valueName: "directory"))
    var directory = usualDirectory

    var file: UnitFile { UnitFile(directory: directory.asAbsolutePath) }
    var isUsual: Bool { directory.asAbsolutePath == Self.usualDirectory }
}

/// `pawl service install`
struct InstallServiceCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Write a systemd unit that runs 'pawl resume --all' after each boot.",
        discussion: """
            The unit, \(ServiceUnit.name), waits for Docker, Podman and local databases. It is \
            written for the log that these options lead to; a second run writes it anew, and \
            leaves a file alone that is not Pawl's. Nothing is started by it now.
            """)

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var unit: UnitOptions

    @Flag(help: "Print the unit instead of writing it.")
    var print = false

    @Flag(help: "Enable it as well: systemctl daemon-reload, systemctl enable.")
    var enable = false

    func validate() throws {
        guard options.instance == nil else {
            throw ValidationError("the unit goes on with every instance: leave --instance away")
        }
        if enable, print { throw ValidationError("--print writes nothing that could be enabled") }
        if enable, !unit.isUsual {
            throw ValidationError(
                "--enable is for \(UnitOptions.usualDirectory), where systemd looks by itself")
        }
    }

    func run() async throws {
        let workspace = try Workspace(options, needs: .log)
        let text = try workspace.serviceUnit(config: options.config).text
        let warnings = workspace.serviceWarnings
        if print {
            Output.stored(text)
            for warning in warnings { Output.error("pawl: warning: \(warning)") }
            return
        }
        let change = try unit.file.write(text)
        if enable { try await Systemd.enable() }
        let next = enable ? Systemd.check : Systemd.nextToType + Systemd.check
        let report = ServiceReport(
            unit: unit.file.path, change: change, isEnabled: enable, warnings: warnings,
            next: unit.isUsual ? next : [])
        if options.json { return try Output.json(report) }
        Output.result(
            change == .written
                ? "Written: \(report.unit)" : "\(report.unit) is as it should be already.")
        report.tell()
    }
}

/// `pawl service uninstall`
struct UninstallServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uninstall",
        abstract: "Remove what 'pawl service install' has written.")

    @OptionGroup var unit: UnitOptions

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let change = try unit.file.remove()
        if change == .removed, unit.isUsual { await Systemd.forget() }
        let report = ServiceReport(
            unit: unit.file.path, change: change, isEnabled: false, warnings: [], next: [])
        if json { return try Output.json(report) }
        Output.result(
            change == .removed
                ? "Removed: \(report.unit)" : "There is no \(report.unit): nothing to do.")
    }
}

/// `pawl.service/1`
struct ServiceReport: Encodable {
    var format = "pawl.service/1"
    let unit: String
    let change: UnitFile.Change
    let isEnabled: Bool
    let warnings: [String]
    /// Commands to type, in order.
    let next: [String]

    func tell() {
        for warning in warnings { Output.error("pawl: warning: \(warning)") }
        if !Systemd.isRunning {
            Output.error(
                "pawl: warning: systemd does not run here; the unit takes effect where it does")
        }
        guard !next.isEmpty else { return }
        Output.result("Next:\n" + next.map { "    \($0)" }.joined(separator: "\n"))
    }
}

/// systemd, through its own command.
enum Systemd {
    static let nextToType = ["systemctl daemon-reload", "systemctl enable \(ServiceUnit.name)"]
    static let check = ["systemctl cat \(ServiceUnit.name)"]

    /// Source: sd_booted(3).
    static var isRunning: Bool { access("/run/systemd/system", F_OK) == 0 }

    static func enable() async throws {
        if isRunning { try await run("daemon-reload") }
        try await run("enable", ServiceUnit.name)
    }

    /// Its links have gone with the unit; only a systemd that runs has to be told.
    static func forget() async {
        guard isRunning else { return }
        do {
            try await run("daemon-reload")
        } catch {
            Output.error("pawl: warning: systemd was not told: \(error)")
        }
    }

    private static func run(_ words: String...) async throws {
        let command = Command(["systemctl"] + words, limit: .seconds(60))
        let advice = "the unit is written; type: systemctl \(words.joined(separator: " "))"
        do throws(Failure) {
            try await command.run().successful(command, code: "systemctl", advice: advice)
        } catch {
            throw Refusal(status: .failed, message: error.message, advice: advice)
        }
    }
}

extension Workspace {
    /// The unit for the log of this workspace, as this program.
    func serviceUnit(config: String?) throws -> ServiceUnit {
        let environment = ProcessInfo.processInfo.environment
        // A configuration that is named is named again; the log's directory is all that is needed.
        let named = config.map { ["--config", $0.asAbsolutePath] } ?? []
        let executable = try Origin.executable()
        guard !executable.contains(where: { #""\'"#.contains($0) }) else {
            throw Refusal(
                status: .refused,
                message: "systemd runs no program with a quote or a backslash in its path: "
                    + executable, advice: "put pawl into /usr/local/bin, and call it from there")
        }
        return ServiceUnit(
            executable: executable, options: named + ["--state", stateDirectory],
            stateDirectory: stateDirectory, user: Origin.loginName, engines: engineUnits,
            credentials: secretReferences.compactMap(\.credentialName).sorted(),
            dockerConfig: environment["DOCKER_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
                .map(\.asAbsolutePath))
    }

    private var secretReferences: Set<SecretReference> {
        Set((settings?.instances ?? []).flatMap(\.secrets))
    }

    /// What will not be there when the unit runs.
    var serviceWarnings: [String] {
        secretReferences.compactMap { reference in
            guard case .environment(let name) = reference else { return nil }
            return "the configuration takes a secret from the variable \(name), which no unit has: "
                + "after a boot its upgrade could not go on by itself. Give it as { file: … } or "
                + "{ credential: … } before the next upgrade"
        }.sorted()
    }

    /// The engines that the configuration names, as the units that they live in.
    private var engineUnits: [String] {
        let environment = ProcessInfo.processInfo.environment
        let addresses = (settings?.instances ?? []).compactMap { instance -> String? in
            guard case .docker(let docker) = instance.runtime else { return nil }
            return docker.engineAddress(environment: environment)
        }
        return Set(
            addresses.compactMap { address in
                switch address {
                case DockerSettings.usualEngine, "unix:///run/docker.sock": "docker.service"
                case "unix:///run/podman/podman.sock": "podman.socket"
                default: nil
                }
            }
        ).sorted()
    }
}

extension SecretReference {
    /// As `LoadCredential=` takes it: a short name that can be a file's.
    fileprivate var credentialName: String? {
        guard case .credential(let name) = self else { return nil }
        let isPlain = name.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0))
        }
        return isPlain ? name : nil
    }
}
