import UpgradeMachine

/// The whole file, before it has its name.
struct FileSettings: Sendable {
    let stateDirectory: String?
    let instances: [InstanceSettings]
}

extension Shape where Value == FileSettings {
    static let file = mapping(
        "a mapping with the key 'instances'", example: "instances: { studio: { runtime: … } }",
        .required(
            "instances",
            Shape<UnnamedInstance>.instance.names(
                "a mapping from names to instances", example: "{ studio: { runtime: … } }",
                label: { "instance '\($0)'" },
                nameExpectation: "a name of at most 63 letters, digits, '_', '.' and '-'",
                accepts: { $0.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}/) != nil }),
            "Every deployed copy of the application, by a name of your own."),
        .optional(
            "state", .path("a directory", example: "/var/lib/pawl"),
            "Where log, locks and backups are; otherwise /var/lib/pawl, for others than root "
                + "their own.")
    ) { (_, _, instances, state) throws(Refused) in
        FileSettings(
            stateDirectory: state, instances: instances.map { $0.value.named($0.name) })
    }
}

/// An instance before it is known by what name.
struct UnnamedInstance: Sendable {
    let runtime: RuntimeSettings
    let database: DatabaseSettings?
    let backups: String?
    let checks: [Check]
    let steadyFor: Seconds
    let limits: WrittenLimits
    let volumesNotCovered: VolumePolicy
    let versions: VersionRules

    func named(_ name: String) -> InstanceSettings {
        InstanceSettings(
            name: name, runtime: runtime, database: database?.database ?? .none,
            fence: database?.fence ?? .none, backups: backups, checks: checks,
            steadyFor: steadyFor, limits: limits.limits,
            mayLoseMigratedData: limits.mayLoseMigratedData,
            volumesNotCovered: volumesNotCovered, versions: versions)
    }
}

extension Shape where Value == UnnamedInstance {
    static let instance = mapping(
        "a mapping with runtime", example: "{ runtime: { docker: … } }",
        .required("runtime", .runtime, "How it is run."),
        .optional(
            "database", .database, "What a rollback puts back; otherwise there is none."),
        .optional(
            "backups", .path("a directory", example: "/var/backups/studio"),
            "Where backups go; otherwise the state directory's backups/INSTANCE."),
        .optional(
            "checks", Shape<[WrittenCheck]>.checks,
            "What verification asks; otherwise running and release."),
        .optional(
            "steady_for",
            Shape<Seconds>.duration(0...Seconds(24 * 3600), example: "10s"),
            "Checks must stay good for this long; otherwise 10s."),
        .optional(
            "limits", .limits, default: WrittenLimits(), "How long and how often anything is tried."
        ),
        .optional(
            "volumes_not_covered", Shape<VolumePolicy>.word([.report, .accept]).located,
            "Data volumes that a rollback would not cover: report (otherwise) or accept."),
        .optional(
            "versions", .versions, default: VersionRules(),
            "Which versions it may be upgraded to.")
    ) {
        (cursor, reading, runtime, database, backups, written, steadyFor, limits, volumes, versions)
            throws(Refused) in
        let written = written ?? WrittenCheck.usual(at: cursor.owner)
        let steady = steadyFor ?? 10
        Agreement(runtime: runtime, cursor: cursor, reading: reading).examine(
            database, written, limits: limits.limits)
        let verify = limits.limits.verify
        if steady >= verify {
            reading.refuse(
                "steady_for is \(steady.written), which limits.verify, \(verify.written), "
                    + "leaves no time for", "raise limits.verify or lower steady_for",
                at: reading.place(of: "steady_for", beside: cursor)
                    ?? reading.place(of: "limits.verify", beside: cursor))
        }
        if let volumes, case .host = runtime {
            reading.warn(
                "volumes_not_covered has no effect: the host runtime has no volumes",
                "take it away", at: volumes.place)
        }
        return UnnamedInstance(
            runtime: runtime, database: database, backups: backups,
            checks: try named(written, reading), steadyFor: steady, limits: limits,
            volumesNotCovered: volumes?.value ?? .report, versions: versions)
    }
}

extension WrittenCheck {
    fileprivate static func usual(at place: Place) -> [WrittenCheck] {
        [Check.Question.running, .release].map {
            WrittenCheck(name: nil, question: $0, place: place)
        }
    }
}

/// Whether an instance's parts fit its runtime.
private struct Agreement {
    let runtime: RuntimeSettings
    let cursor: Cursor
    let reading: Reading

    func examine(
        _ database: DatabaseSettings?, _ checks: [WrittenCheck], limits: Limits
    ) {
        for check in checks { examine(check) }
        if checks.allSatisfy({ $0.question == .running || $0.question == .release }) {
            reading.warn(
                "no check asks the application itself, so that an upgrade that starts and does "
                    + "not work counts as good", "add healthy, log, http or command to checks",
                at: checks.first?.place ?? cursor.owner)
        }
        guard case .docker(let docker) = runtime else { return }
        if docker.stopGrace >= limits.stop {
            reading.refuse(
                "runtime.docker.stop_grace is \(docker.stopGrace.written), which limits.stop, "
                    + "\(limits.stop.written), leaves no time for",
                "raise limits.stop or lower stop_grace",
                at: place(of: "runtime.docker.stop_grace"))
        }
        if let database, let container = database.database.container,
            (docker.containers + docker.paused).contains(container)
        {
            let key = "database.\(database.kind).container"
            reading.refuse(
                "\(key) '\(container)' is one of runtime.docker's containers",
                "the database has to run while these are stopped: name those alone that write it",
                at: place(of: key))
        }
    }

    private func place(of path: String) -> Place {
        reading.place(of: path, beside: cursor) ?? cursor.owner
    }

    private func examine(_ check: WrittenCheck) {
        switch (check.question, runtime) {
        case (.healthy, .host):
            reading.refuse(
                "a healthy check needs a container, and the host runtime has none",
                "ask with http or command", at: check.place)
        case (.healthy(let container), .docker(let docker)):
            examine(container, of: "checks.healthy", among: docker, at: check.place)
        case (.http(let probe), _):
            guard case .container(let container) = probe.destination else { return }
            guard case .docker(let docker) = runtime else {
                reading.refuse(
                    "checks.http.container needs a container, and the host runtime has none",
                    "ask the url itself, or an address", at: check.place)
                return
            }
            examine(container, of: "checks.http.container", among: docker, at: check.place)
        case (.log, .host(let host)) where host.runtime.logFile == nil:
            reading.refuse(
                "a log check needs runtime.host.log, which is not there",
                "add log: /var/log/….log to runtime.host", at: check.place)
        default: break
        }
    }

    private func examine(
        _ container: String, of key: String, among docker: DockerSettings, at place: Place
    ) {
        let known = docker.containers + docker.paused
        guard !known.contains(container) else { return }
        let advice =
            nearest(to: container, among: known).map { "did you mean '\($0)'?" }
            ?? "known are " + known.joined(separator: ", ")
        reading.refuse(
            "\(key): '\(container)' is none of runtime.docker's containers", advice, at: place)
    }
}
