import EventLog
import Foundation
import Glibc
import Reports
import Runner
import Settings
import UpgradeMachine

/// Where a command works: settings, state directory, log.
struct Workspace {
    /// What a command cannot do without.
    enum Need {
        case settings
        /// What goes on, or is told, goes by the plans in the log: settings that cannot be read
        /// are no reason to refuse it.
        case log
    }

    let settings: SettingsFile?
    /// An absolute path, because plans name what lies in it.
    let stateDirectory: String
    private let options: WorkspaceOptions

    init(_ options: WorkspaceOptions, needs need: Need = .settings) throws {
        self.options = options
        let environment = ProcessInfo.processInfo.environment
        let named =
            options.state ?? environment["PAWL_STATE"].flatMap { $0.isEmpty ? nil : $0 }
        do throws(SettingsError) {
            settings = try Self.settings(options.config)
        } catch {
            guard need == .log else { throw error }
            guard named != nil else { throw Self.logUnknown(for: error) }
            Output.error(
                "\(error)\nIt is left out of account: what is under way goes by its plan. The next "
                    + "upgrade needs it.")
            settings = nil
        }
        let wanted = named ?? settings?.stateDirectory ?? Self.usualStateDirectory(environment)
        guard !wanted.isEmpty else {
            throw Refusal(
                status: .usage, message: "--state is empty", advice: "name a directory")
        }
        stateDirectory = wanted.asAbsolutePath
    }

    private static func logUnknown(for error: SettingsError) -> Refusal {
        Refusal(
            status: .configuration,
            message: "it is not known where the log is, because the configuration cannot be read:\n"
                + error.description,
            advice: "name the log's directory with --state, or mend the configuration")
    }

    private static func settings(_ path: String?) throws(SettingsError) -> SettingsFile? {
        if let path { return try SettingsFile.load(path: path) }
        let usual = ["pawl.yaml", "/etc/pawl/pawl.yaml"]
        guard let found = usual.first(where: { access($0, F_OK) == 0 }) else { return nil }
        return try SettingsFile.load(path: found)
    }

    private static let rootsStateDirectory = "/var/lib/pawl"

    /// Root's is the host's; anybody else's is their own (XDG Base Directory Specification).
    private static func usualStateDirectory(_ environment: [String: String]) -> String {
        if geteuid() == 0 { return rootsStateDirectory }
        let base =
            environment["XDG_STATE_HOME"] ?? (environment["HOME"] ?? "/tmp") + "/.local/state"
        return base + "/pawl"
    }

    /// What is doubtful in the configuration.
    var warnings: [PlanFinding] {
        guard let settings else { return [] }
        return settings.warnings.map { warning in
            let place = warning.place.map { ":\($0.line):\($0.column)" } ?? ""
            return PlanFinding(
                .warning, "\(settings.file)\(place): \(warning.message)",
                advice: warning.advice ?? "")
        }
    }

    /// The instance's settings, which planning needs.
    func instanceSettings() throws -> InstanceSettings {
        guard let settings else {
            throw Refusal(
                status: .configuration, message: "there is no pawl.yaml here and none in /etc/pawl",
                advice: "name one with --config; `pawl init` writes one from what runs")
        }
        let names = settings.instances.map(\.name)
        if let wanted = options.instance {
            guard let found = settings[wanted] else { throw Self.unknown(wanted, among: names) }
            return found
        }
        guard let only = settings.instances.first, names.count == 1 else {
            throw Self.several(names)
        }
        return only
    }

    private static func several(_ names: [String]) -> Refusal {
        Refusal(
            status: .usage, message: "there are several instances",
            advice: "name one with --instance: \(names.joined(separator: ", "))")
    }

    private static func unknown(_ name: String, among names: [String]) -> Refusal {
        Refusal(
            status: .usage, message: "there is no instance '\(name)'",
            advice: "there is " + names.joined(separator: ", "))
    }
}

// MARK: The log

extension Workspace {
    private var logPath: String { stateDirectory + "/pawl.sqlite" }

    /// Opens the log for writing, and makes it where there is none.
    func makeLog() throws -> EventLog {
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
        return try EventLog(path: logPath, for: .writing)
    }

    /// Opens the log; none where nothing has been done yet, and then none is made.
    func existingLog(for purpose: EventLog.Purpose) throws -> EventLog? {
        var status = stat()
        if stat(logPath, &status) != 0, errno == ENOENT || errno == ENOTDIR {
            try refuseToOverlookRoot()
            return nil
        }
        if status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 { return nil }
        return try EventLog(path: logPath, for: purpose)
    }

    /// Opens the log for reading, where there has to be one.
    func log() throws -> EventLog {
        guard let log = try existingLog(for: .reading) else { throw nothingDone() }
        return log
    }

    /// Why no upgrade of the instance can begin now; nothing is made by looking.
    func obstacle(to instance: String) throws -> PlanFinding? {
        guard let log = try existingLog(for: .reading),
            let newest = try log.streams(of: instance).lastWritten
        else { return nil }
        let replay = try Replay(try log.entries(of: newest.stream))
        if let holder = holder(of: instance) {
            return PlanFinding(
                .refusal, "\(instance) is held by another run: \(holder)",
                advice: "pawl status shows where it stands")
        }
        return replay.obstacle(at: SystemTimekeeper(bootID: try Origin.bootID()).now())
    }

    /// Who is not root has a state directory of their own, and would be told that nothing was done.
    private func refuseToOverlookRoot() throws {
        let usual = Self.usualStateDirectory(ProcessInfo.processInfo.environment)
        guard geteuid() != 0, stateDirectory == usual,
            access(Self.rootsStateDirectory, F_OK) == 0
        else { return }
        throw Refusal(
            status: .refused,
            message: "nothing is in \(stateDirectory), and there is a log of root's in "
                + Self.rootsStateDirectory,
            advice: "use sudo; or name the state directory that you mean with --state")
    }

    func nothingDone(with instance: String? = nil) -> Refusal {
        let what = instance.map { " with \($0)" } ?? ""
        return Refusal(
            status: .usage,
            message: "nothing has been done\(what) yet: there is no upgrade in "
                + logPath,
            advice: "name another state directory with --state, or begin with: pawl check")
    }

    /// Whether several instances are there to choose from, in the configuration or in the log.
    private func hasSeveral(in log: EventLog) throws -> Bool {
        let configured = settings?.instances.map(\.name) ?? []
        return Set(try log.streams().map(\.instance)).union(configured).count > 1
    }

    /// The instance's name, also where only the log knows it.
    func instanceName(in log: EventLog) throws -> String {
        let known = Set(try log.streams().map(\.instance))
        let configured = settings?.instances.map(\.name) ?? []
        let all = known.union(configured).sorted()
        if let wanted = options.instance {
            guard all.contains(wanted) else { throw Self.unknown(wanted, among: all) }
            return wanted
        }
        // What is under way goes on also where its name has gone from the configuration.
        let isNewToLog = known.isDisjoint(with: configured)
        let candidates = isNewToLog && !known.isEmpty ? known.sorted() : configured
        guard let only = candidates.first else { throw nothingDone() }
        guard candidates.count == 1 else { throw Self.several(candidates) }
        return only
    }

    /// The entries of the upgrade that is meant: the one named, or the instance's newest.
    func entries(of named: String?, in log: EventLog) throws -> [LogEntry] {
        do {
            if let named { return try log.entries(of: named) }
        } catch .unknownStream(let stream) {
            throw Refusal(
                status: .usage, message: "there is no upgrade '\(stream)' in \(log.path)",
                advice: "pawl status --all lists them")
        }
        let instance = try instanceName(in: log)
        guard let newest = try log.streams(of: instance).lastWritten else {
            throw nothingDone(with: instance)
        }
        return try log.entries(of: newest.stream)
    }

    /// What a report needs of this place beside the log.
    func surroundings(of instance: String, in log: EventLog) throws -> Surroundings {
        let several = try hasSeveral(in: log)
        return Surroundings(
            heldBy: holder(of: instance),
            options: options.again(instance: several ? instance : nil).map(\.quotedForShell),
            bootID: try Origin.bootID(),
            clock: Output.date)
    }

    /// Who works on the instance now; nobody where it cannot be told.
    ///
    /// Looking takes nothing: `flock(2)` can be asked only by taking the lock, and whoever begins
    /// in that moment would be refused. The kernel lists who has it (proc_locks(5)).
    private func holder(of instance: String) -> String? {
        let path = "\(stateDirectory)/locks/\(instance).lock"
        var status = stat()
        // Without either nobody can be named, and the report goes on without.
        guard stat(path, &status) == 0, let bytes = FileManager.default.contents(atPath: path),
            let holder = try? JSONDecoder().decode(InstanceLock.Holder.self, from: bytes),
            let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
        else { return nil }
        let isHeld = locks.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            return fields.count > 5 && fields[1] == "FLOCK" && fields[4] == "\(holder.pid)"
                && fields[5].hasSuffix(":\(status.st_ino)")
        }
        return isHeld ? holder.description : nil
    }
}
