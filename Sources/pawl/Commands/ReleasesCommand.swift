import ArgumentParser
import Drivers
import EventLog
import Reports
import Settings
import UpgradeMachine

/// `pawl releases`
struct ReleasesCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "releases",
        abstract: "List the releases on this host: which serves, which can be gone back to.")

    @OptionGroup var options: WorkspaceOptions

    /// `pawl.releases/1`
    struct Listing: Encodable {
        struct Item: Encodable {
            let version: String
            let digest: String
            /// When it was made, or unpacked, since 1970.
            let madeAtMilliseconds: Int64?
            let sizeInBytes: Int?
            let serves: Bool
            /// The backup that `pawl rollback` would put back with it; none where it would not.
            let rollbackBackup: String?
            /// The upgrade that a rollback to it would undo.
            let rollbackOf: String?
        }

        var format = "pawl.releases/1"
        let instance: String
        let releases: [Item]
    }

    /// What a rollback would go back to.
    private struct WayBack {
        let upgrade: String
        let release: Release
        let backup: Backup?
    }

    func run() async throws {
        let workspace = try Workspace(options)
        let planning = try Planning(workspace)
        let plan = try await planning.planOfWhatServes()
        let held = try await Self.held(planning.settings, plan)
        let back = try wayBack(workspace, to: plan)
        let listing = Listing(
            instance: plan.instance,
            releases: held.map { Self.item($0, serving: plan.current, back) })
        if options.json { return try Output.json(listing) }
        guard !listing.releases.isEmpty else {
            return Output.result("There is no release of \(plan.instance) on this host.")
        }
        for item in listing.releases { Output.result(Self.line(item)) }
    }

    private static func held(
        _ settings: InstanceSettings, _ plan: Plan
    ) async throws -> [HeldRelease] {
        switch (settings.runtime, plan.runtime) {
        case (.host(let host), _): try HostService.held(host.runtime)
        case (.docker(let docker), .containers(let runtime)):
            try await Composition.planner(engine: runtime.engine).held(in: docker.repository)
        case (.docker, .host): []
        }
    }

    /// None where no upgrade has brought what serves now.
    private func wayBack(_ workspace: Workspace, to plan: Plan) throws -> WayBack? {
        guard let log = try workspace.existingLog(for: .reading) else { return nil }
        for summary in try log.streams(of: plan.instance).reversed() {
            guard let undone = try log.plan(of: summary.stream), undone.operation == nil,
                undone.candidate.digest == plan.current.digest
            else { continue }
            let upgrade = try Replay(try log.entries(of: summary.stream)).run.upgrade
            guard upgrade.name == .verified else { continue }
            return WayBack(
                upgrade: summary.stream, release: undone.current, backup: upgrade.backup)
        }
        return nil
    }

    private static func item(
        _ held: HeldRelease, serving: Release, _ back: WayBack?
    ) -> Listing.Item {
        let isTarget =
            back.map {
                held.digests.contains($0.release.digest)
                    || held.digests.contains($0.release.reference)
            } ?? false
        return Listing.Item(
            version: held.version, digest: held.digests.first { $0.hasPrefix("sha256:") } ?? "",
            madeAtMilliseconds: held.madeAt.map { $0 * 1000 },
            sizeInBytes: held.sizeInBytes,
            serves: held.digests.contains(serving.digest)
                || held.digests.contains(serving.reference),
            rollbackBackup: isTarget ? back?.backup?.path : nil,
            rollbackOf: isTarget ? back?.upgrade : nil)
    }

    private static func line(_ item: Listing.Item) -> String {
        var words = item.serves ? "serves" : "is here"
        if let upgrade = item.rollbackOf {
            words = "pawl rollback \(upgrade) goes back to it"
            if let backup = item.rollbackBackup { words += ", with \(backup)" }
        }
        let date = item.madeAtMilliseconds.map(Output.date) ?? ""
        let size = item.sizeInBytes.map { brief(bytes: $0) } ?? ""
        let columns = [
            item.version.padded(12), item.digest.prefix(19).padded(21), date.padded(20),
            size.padded(9),
        ]
        return columns.joined() + words
    }
}

extension StringProtocol {
    fileprivate func padded(_ width: Int) -> String {
        String(self) + String(repeating: " ", count: Swift.max(1, width - count))
    }
}
