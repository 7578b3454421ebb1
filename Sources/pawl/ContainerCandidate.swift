import Drivers
import Settings
import UpgradeMachine

/// Where an instance's candidate comes from: its registry, or an image archive of this host.
struct ContainerCandidate {
    let planner: ContainerPlanner
    let docker: DockerSettings
    let limits: Limits

    struct Found {
        let release: Release
        var findings: [PlanFinding] = []
        /// What bringing it here takes on the engine's disk, where that is known.
        var neededInBytes: Int64?
        /// What the image itself says about versions that must not be jumped over.
        var floors: String?
    }

    /// The candidate; none where nothing was asked for.
    func found(_ wanted: Planning.Candidate) async throws -> Found? {
        if let archive = wanted.archive { return try await archived(archive, wanted) }
        guard let version = wanted.version else { return nil }
        let release = try await planner.release(
            version, in: docker.repository, account: docker.registry)
        var found = Found(release: release)
        do throws(Failure) {
            let labels = try await planner.labels(
                of: release, in: docker.repository, account: docker.registry)
            found.floors = labels[VersionRules.label]
        } catch {
            // The engine has a way to the registry, and this host need not have one.
            found.findings = [
                PlanFinding(
                    .note,
                    "the label \(VersionRules.label) of \(release.reference) could not be read: "
                        + error.message)
            ]
        }
        return found
    }

    private func archived(_ path: String, _ wanted: Planning.Candidate) async throws -> Found {
        let archived = try await planner.release(
            from: ArchiveRequest(
                path: path, version: wanted.version, sha256: wanted.sha256,
                archivedAs: docker.archivedAs, limit: limits.pull), in: docker.repository)
        return Found(
            release: archived.release, findings: archived.findings.map(\.inPlan),
            neededInBytes: archived.neededInBytes, floors: archived.labels[VersionRules.label])
    }
}
