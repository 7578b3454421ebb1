import Drivers
import Foundation
import Glibc
import Reports
import Settings
import UpgradeMachine

/// Makes a plan from the settings and from what is found in the world; changes nothing.
struct Planning {
    let workspace: Workspace
    let settings: InstanceSettings

    init(_ workspace: Workspace) throws {
        self.workspace = workspace
        settings = try workspace.instanceSettings()
    }

    /// A plan with all that pre-flight found.
    struct Outcome {
        let plan: Plan
        let isServing: Bool
        let findings: [PlanFinding]

        var refusals: [PlanFinding] { findings.filter { $0.severity == .refusal } }
    }

    /// What an upgrade leads to: a version, a file, or both.
    struct Candidate {
        /// None to look at what is there, as `pawl check` does, or to take what the archive says.
        var version: String?
        /// An image's archive, or a host release's where the settings do not say it.
        var archive: String?
        /// What the archive's SHA-256 has to be.
        var sha256: String?

        init(version: String? = nil, _ origin: ArchiveOptions? = nil) {
            self.version = version
            archive = origin?.archive?.asAbsolutePath
            sha256 = origin?.sha256
        }

        var isNone: Bool { version == nil && archive == nil }
    }

    func outcome(
        _ candidate: Candidate, reason: String?, ticket: String?
    ) async throws -> Outcome {
        let survey = try await survey(candidate)
        let plan = plan(
            from: survey, steadyFor: settings.steadyFor, reason: reason, ticket: ticket)
        var findings = workspace.warnings + survey.findings
        findings += try await Composition.withholdingSecrets(of: plan) {
            try await Preflight(plan: plan).findings()
        }
        if survey.isServing {
            findings.append(
                PlanFinding(
                    .note,
                    "\(plan.candidate.version) serves already, with exactly these bytes: "
                        + "an upgrade would change nothing"))
        }
        return Outcome(plan: plan, isServing: survey.isServing, findings: findings)
    }

    /// The outcome as an upgrade would have it now, for whoever only wants to know.
    func preview(
        _ candidate: Candidate, reason: String? = nil, ticket: String? = nil
    ) async throws -> Outcome {
        let obstacle = try workspace.obstacle(to: settings.name)
        let outcome = try await outcome(candidate, reason: reason, ticket: ticket)
        return Outcome(
            plan: outcome.plan, isServing: outcome.isServing,
            findings: (obstacle.map { [$0] } ?? []) + outcome.findings)
    }

    /// A plan from what serves to itself, to ask its checks once.
    func planOfWhatServes() async throws -> Plan {
        let survey = try await survey(Candidate())
        return plan(from: survey, steadyFor: 0, reason: nil, ticket: nil)
    }

    /// - Parameter operation: What is done instead of an upgrade.
    func plan(
        from survey: Survey, steadyFor: Seconds, reason: String?, ticket: String?,
        operation: Operation? = nil
    ) -> Plan {
        Plan(
            upgrade: Self.newUpgradeID(), instance: settings.name, current: survey.current,
            candidate: survey.candidate, runtime: survey.runtime, database: settings.database,
            // What an operation backs up goes on being written; what it restores has been stopped.
            fence: operation == nil ? settings.fence : .none,
            backups: settings.backupDirectory(stateDirectory: workspace.stateDirectory),
            checks: settings.checks, steadyFor: steadyFor,
            // It is about what a candidate makes of the data, not about the data itself.
            mayLoseMigratedData: operation == nil && settings.mayLoseMigratedData,
            limits: settings.limits,
            reason: reason, ticket: ticket, operation: operation)
    }

    func survey(
        _ candidate: Candidate, for operation: Operation? = nil
    ) async throws -> Survey {
        switch settings.runtime {
        case .host(let host): try await hostSurvey(host, candidate)
        case .docker(let docker): try await containerSurvey(docker, candidate, operation)
        }
    }

    private func hostSurvey(_ host: HostSettings, _ wanted: Candidate) async throws -> Survey {
        let current = try HostService.currentRelease(host.runtime)
        var candidate = current
        guard wanted.version != nil || wanted.archive == nil else {
            throw Refusal(
                status: .usage, message: "a host release's archive does not say its version",
                advice: "name it as well: pawl upgrade VERSION --archive FILE, or "
                    + "pawl import FILE --version VERSION")
        }
        if let version = wanted.version {
            guard let path = wanted.archive ?? host.archive(of: version) else {
                throw Refusal(
                    status: .refused, message: "nothing says where release \(version) is",
                    advice: "add runtime.host.archive to pawl.yaml, or name it with --archive")
            }
            candidate = try await hostCandidate(
                version, archive: path.asAbsolutePath, sha256: wanted.sha256)
        }
        return Survey(
            current: current, candidate: candidate, runtime: .host(settings: host.runtime),
            findings: settings.versions.findings(from: current.version, to: candidate.version),
            isServing: !wanted.isNone && candidate.digest == current.digest)
    }

    private func hostCandidate(
        _ version: String, archive: String, sha256: String?
    ) async throws -> Release {
        guard access(archive, F_OK) == 0 || errno != ENOENT else {
            throw Refusal(
                status: .refused,
                message: "there is no release \(version): \(archive) is not there",
                advice: "put its archive there, or name it with --archive")
        }
        let checksums = try ArchiveChecksum.known(of: archive, given: sha256)
        let candidate = try HostService.candidate(archive: archive, version: version)
        for checksum in checksums { try checksum.check(candidate.digest, of: archive) }
        try await HostService.examine(candidate, limit: settings.limits.pull)
        return candidate
    }

    private func containerSurvey(
        _ docker: DockerSettings, _ wanted: Candidate, _ operation: Operation?
    ) async throws -> Survey {
        let address = docker.engineAddress(environment: ProcessInfo.processInfo.environment)
        let planner = try Composition.planner(engine: address)
        let source = ContainerCandidate(planner: planner, docker: docker, limits: settings.limits)
        let candidate = try await source.found(wanted)
        let found = try await planner.survey(
            selection(of: docker), candidate: candidate?.release,
            neededInBytes: candidate?.neededInBytes)
        let target = candidate?.release ?? found.current
        let isServing = try await planner.isServing(
            target, by: found.containers, in: docker.repository)
        var findings = found.findings.filter { isWanted($0, for: operation) }.map(\.inPlan)
        if let candidate {
            findings += candidate.findings
            // What is only got may be for a later step of the way.
            findings +=
                operation != nil
                ? []
                : settings.versions.findings(
                    from: found.current.version, to: target.version, label: candidate.floors)
        }
        return Survey(
            current: found.current, candidate: target,
            runtime: .containers(
                settings: docker.runtime(engine: address, inspected: found.containers)),
            findings: findings, isServing: candidate != nil && isServing)
    }

    private func selection(of docker: DockerSettings) -> ContainerSelection {
        var selection = ContainerSelection(
            repository: docker.repository, localTag: docker.localTag,
            members: docker.containers.map { .init(name: $0, role: .replaced) }
                + docker.paused.map { .init(name: $0, role: .paused) },
            database: settings.database.container,
            stopLimit: settings.limits.stop.duration)
        selection.reloaded = docker.reloads.map(\.container)
        return selection
    }

    /// Somebody may have decided that data outside the backup is good so.
    private func isWanted(
        _ finding: ContainerSurvey.Finding, for operation: Operation?
    ) -> Bool {
        switch finding.code {
        // What serves is not touched.
        case _ where operation == .pull: false
        case ContainerSurvey.Finding.notBackedUp: settings.volumesNotCovered == .report
        // What does not come up may be what a stop, or other data, is to mend.
        case ContainerSurvey.Finding.restarting: operation == nil
        // Most of what forbids an upgrade is no matter of a stop or a start.
        default: operation == nil || ContainerSurvey.Finding.ofEveryStop.contains(finding.code)
        }
    }

    /// Sorts by time, and is short enough for a container's name.
    private static func newUpgradeID() -> String {
        let formatter = DateFormatter()
        formatter.dateFormat = "yyyyMMdd-HHmmss"
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.locale = Locale(identifier: "en_US_POSIX")
        let suffix = String(UInt16.random(in: 0...UInt16.max), radix: 16)
        let zeros = String(repeating: "0", count: 4 - suffix.count)
        return "\(formatter.string(from: Date()))-\(zeros)\(suffix)"
    }
}

/// Questions that are asked of every plan before it starts; nothing is changed by them.
struct Preflight {
    let plan: Plan

    func findings() async throws -> [PlanFinding] {
        var findings = [PlanFinding]()
        let context = Context(plan: plan) { _ in }
        findings += try await serviceFindings(context)
        findings += try await databaseFindings(context)
        findings += await CheckFindings(plan: plan).findings()
        return findings
    }

    func serviceFindings(_ context: Context) async throws -> [PlanFinding] {
        let status = try await Composition.service(for: plan).status(in: context)
        return status.parts.filter { !$0.isRunning }.map {
            PlanFinding(
                .refusal, "\($0.name) does not run: \($0.detail)",
                advice: "start it: an upgrade begins with a service that serves, "
                    + "so that a rollback can be verified")
        }
    }

    /// - Parameter mayBeDamaged: Whether what forbids a backup of it is only told.
    func databaseFindings(
        _ context: Context, mayBeDamaged: Bool = false
    ) async throws -> [PlanFinding] {
        guard let database = try Composition.database(for: plan) else {
            return [
                PlanFinding(
                    .warning, "there is no database in the configuration",
                    advice: "right only where the application keeps no data")
            ]
        }
        let survey = try await database.survey(in: context)
        var findings = survey.findings
        if mayBeDamaged {
            findings = findings.map { PlanFinding(min($0.severity, .warning), $0.message) }
        }
        findings.append(
            PlanFinding(
                .note,
                "database: \(survey.server), \(survey.tables) tables, about "
                    + brief(bytes: survey.sizeInBytes)))
        findings += try spaceFindings(needed: survey.backupsMayTakeInBytes)
        if plan.fence == .none, plan.operation == nil {
            findings.append(
                PlanFinding(
                    .warning,
                    "what is written between the backup and the stop is lost by a rollback",
                    advice: "set database.fence to hold"))
        }
        return findings
    }

    /// What the smallest backup is given room for, twice.
    private static let spareInBytes = 2 << 20

    /// Room for the backup and for the migrated data that a rollback saves first.
    private func spaceFindings(needed: Int) throws -> [PlanFinding] {
        let free = try BackupStore(plan).freeSpaceInBytes()
        let wanted = needed + Self.spareInBytes
        guard free < wanted else {
            return [PlanFinding(.note, "backups: \(brief(bytes: free)) free in \(plan.backups)")]
        }
        return [
            PlanFinding(
                .refusal,
                "\(plan.backups) has \(brief(bytes: free)) free, and the backup and a rollback's "
                    + "saved data may need \(brief(bytes: wanted))",
                advice: "make room there, or name another directory under backups in pawl.yaml")
        ]
    }
}

extension ContainerSurvey.Finding {
    var inPlan: PlanFinding {
        switch severity {
        case .note: PlanFinding(.note, text)
        case .warning: PlanFinding(.warning, text)
        case .refusal: PlanFinding(.refusal, text)
        }
    }
}
