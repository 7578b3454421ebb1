import ArgumentParser
import EventLog
import Foundation
import Glibc
import Runner
import Settings
import UpgradeMachine

/// Options that every command has.
struct WorkspaceOptions: ParsableArguments {
    @Option(
        name: [.customShort("c"), .long],
        help: "The configuration; otherwise ./pawl.yaml or /etc/pawl/pawl.yaml.")
    var config: String?

    @Option(help: "The directory of log, locks and backups; otherwise as DESCRIBED in the guide.")
    var state: String?

    @Option(
        name: [.customShort("i"), .long], help: "The instance; not needed where there is but one.")
    var instance: String?

    @Flag(help: "Print one JSON document instead of text.")
    var json = false
}

/// Where a command works: settings, state directory, log.
struct Workspace {
    let settings: SettingsFile?
    let stateDirectory: String
    private let wanted: String?

    init(_ options: WorkspaceOptions) throws {
        settings = try Self.settings(options.config)
        wanted = options.instance
        let environment = ProcessInfo.processInfo.environment
        stateDirectory =
            options.state ?? environment["PAWL_STATE"] ?? settings?.stateDirectory
            ?? Self.usualStateDirectory(environment)
    }

    private static func settings(_ path: String?) throws -> SettingsFile? {
        if let path { return try SettingsFile.load(path: path) }
        let usual = ["pawl.yaml", "/etc/pawl/pawl.yaml"]
        guard let found = usual.first(where: { access($0, F_OK) == 0 }) else { return nil }
        return try SettingsFile.load(path: found)
    }

    /// Root's is the host's; anybody else's is their own (XDG Base Directory Specification).
    private static func usualStateDirectory(_ environment: [String: String]) -> String {
        if geteuid() == 0 { return "/var/lib/pawl" }
        let base =
            environment["XDG_STATE_HOME"] ?? (environment["HOME"] ?? "/tmp") + "/.local/state"
        return base + "/pawl"
    }

    var logPath: String { stateDirectory + "/pawl.sqlite" }

    func openLog(for purpose: EventLog.Purpose) throws -> EventLog {
        if purpose == .writing { try makeStateDirectory() }
        return try EventLog(path: logPath, for: purpose)
    }

    private func makeStateDirectory() throws {
        do {
            try FileManager.default.createDirectory(
                atPath: stateDirectory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw Refusal(
                status: .refused,
                message: "the state directory \(stateDirectory) cannot be made: "
                    + String(cString: strerror(errno)),
                advice: "name one that you may write with --state, or run as root")
        }
    }

    /// The instance's settings, which planning needs.
    func instanceSettings() throws -> InstanceSettings {
        guard let settings else {
            throw Refusal(
                status: .configuration, message: "there is no pawl.yaml here and none in /etc/pawl",
                advice: "name one with --config; the README has a complete example")
        }
        let names = settings.instances.map(\.name)
        if let wanted {
            guard let found = settings[wanted] else {
                throw Refusal(
                    status: .usage, message: "\(settings.file) has no instance '\(wanted)'",
                    advice: "it has \(names.joined(separator: ", "))")
            }
            return found
        }
        guard let only = settings.instances.first, names.count == 1 else {
            throw Refusal(
                status: .usage, message: "\(settings.file) has several instances",
                advice: "name one with --instance: \(names.joined(separator: ", "))")
        }
        return only
    }

    /// The instance's name, also where only the log knows it.
    func instanceName(in log: EventLog) throws -> String {
        if let wanted { return wanted }
        if settings?.instances.count == 1, let only = settings?.instances.first { return only.name }
        let known = Set(try log.streams().map(\.instance)).sorted()
        guard let only = known.first, known.count == 1 else {
            throw Refusal(
                status: .usage,
                message: known.isEmpty
                    ? "the log is empty: nothing has been done yet" : "there are several instances",
                advice: known.isEmpty
                    ? "begin with: pawl check"
                    : "name one with --instance: \(known.joined(separator: ", "))")
        }
        return only
    }
}

extension Workspace {
    /// The upgrade that is meant: the one named, or the instance's newest.
    func stream(_ named: String?, in log: EventLog) throws -> String {
        if let named { return named }
        let instance = try instanceName(in: log)
        guard let newest = try log.streams(of: instance).last else {
            throw Refusal(
                status: .usage, message: "nothing has been done with \(instance) yet",
                advice: "begin with: pawl check")
        }
        return newest.stream
    }
}
