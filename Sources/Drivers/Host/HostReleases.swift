internal import Glibc
internal import HTTPClient
internal import UpgradeMachine

// Bringing releases to the host, and taking half-unpacked ones away.
extension HostService {
    func observePull(_ release: Release, in context: Context) throws(Failure) -> Observation {
        if let name = try store.name(of: release) {
            // Whoever unpacked it may have died before its name was durable.
            try Files.syncDirectory(store.releases)
            return .present(.pulled(release: release, imageID: name))
        }
        let partial = try partial(of: release, in: context)
        return try Files.status(of: partial) == nil
            ? .absent : .torn(detail: "\(partial) is not whole")
    }

    func pull(_ release: Release, in context: Context) async throws(Failure) -> Receipt {
        if let name = try store.name(of: release) {
            return .pulled(release: release, imageID: name)
        }
        let name = try store.nameForNew(release)
        let partial = try partial(of: release, in: context)
        try await Blocking.attempt { () throws(Failure) in
            try Files.makeDirectory(store.releases, mode: 0o755)
            try Files.removeTree(partial)
            try Files.makeDirectory(partial, mode: 0o755)
        }
        let archive = ReleaseArchive(
            path: release.reference, limit: context.plan.limits.pull.duration,
            tag: StepTag(upgrade: context.plan.upgrade, step: .pull))
        try await archive.checkEntries()
        try await archive.unpack(
            into: partial, expecting: release.digest, report: context.report)
        let marker = ReleaseStore.Marker(
            version: release.version, digest: release.digest, upgrade: context.plan.upgrade)
        try await Blocking.attempt { stop throws(Failure) in
            try ReleaseTree.settle(partial, isStopped: { stop.isRaised })
            try Files.write(
                try Files.json(marker), to: "\(partial)/\(ReleaseStore.Marker.name)", mode: 0o644)
            try Files.rename(partial, to: store.path(of: name))
            try Files.syncDirectory(store.releases)
        }
        return .pulled(release: release, imageID: name)
    }

    func clearPull(_ release: Release, in context: Context) async throws(Failure) {
        let partial = try partial(of: release, in: context)
        try await Blocking.attempt { () throws(Failure) in try Files.removeTree(partial) }
    }

    /// Old releases stay: they are what a later rollback starts.
    func tidy() async throws(Failure) -> Receipt {
        let partials = try store.partials()
        try await Blocking.attempt { () throws(Failure) in
            for name in partials { try Files.removeTree(store.path(of: name)) }
        }
        return .tidied(removed: partials)
    }

    private func partial(of release: Release, in context: Context) throws(Failure) -> String {
        store.partial(
            of: try ReleaseStore.checked(release.version), upgrade: context.plan.upgrade)
    }
}
