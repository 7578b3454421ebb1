import UpgradeMachine

extension Plan {
    private static let current = Release(
        version: "7.0.0", reference: "registry.example/studio:7.0.0",
        digest: "sha256:" + String(repeating: "70", count: 32))
    private static let candidate = Release(
        version: "7.1.0", reference: "registry.example/studio:7.1.0",
        digest: "sha256:" + String(repeating: "71", count: 32))

    private static let archived = Release(
        version: "7.1.0", reference: "archive:/srv/studio-7.1.0.tar.gz",
        digest: "sha256:" + String(repeating: "71", count: 32),
        file: ImageFile(
            path: "/srv/studio-7.1.0.tar.gz", sha256: String(repeating: "f1", count: 32),
            sizeInBytes: 812_345_678, manifests: ["sha256:" + String(repeating: "72", count: 32)],
            movedNames: [
                ImageFile.MovedName(
                    name: "studio:latest", imageID: "sha256:" + String(repeating: "70", count: 32))
            ]))

    /// Every optional part is there.
    static let containers = Plan(
        upgrade: "u1", instance: "studio", current: current, candidate: archived,
        runtime: .containers(
            settings: ContainerRuntime(
                engine: "unix:///var/run/docker.sock", repository: "registry.example/studio",
                localTag: "studio:latest",
                containers: [
                    container(
                        "web", .replaced, RestartPolicy(name: "always", maximumRetryCount: 0)),
                    container("worker", .paused, .never),
                ],
                stopGrace: 10,
                registry: RegistryAccount(
                    user: "customer", password: .command(arguments: ["pass", "show", "key"])),
                reloads: [ProxyReload(container: "https", command: ["nginx", "-s", "reload"])])),
        database: .mysql(
            settings: MySQLDatabase(
                container: "db", host: "127.0.0.1", port: 3306, schema: "fusioncloud",
                user: "root", password: .credential(name: "database"))),
        fence: .hold, backups: "/srv/backups",
        checks: [
            Check(name: "runs", question: .running),
            Check(name: "healthy", question: .healthy(container: "web")),
            Check(name: "release", question: .release),
            Check(
                name: "log",
                question: .log(
                    ready: "Server startup in \\[\\d+\\]", errors: ["SEVERE", "Error"],
                    except: ["SEVERE: deprecated"])),
            Check(
                name: "login",
                question: .http(
                    probe: HTTPProbe(
                        url: "https://localhost/login", status: 200,
                        version: .pattern(expression: "Version ([0-9.]+)"),
                        authorityFile: "/etc/pawl/ca.pem"))),
            Check(
                name: "api",
                question: .http(
                    probe: HTTPProbe(
                        url: "http://localhost:8080/api", status: 200,
                        version: .jsonPointer(pointer: "/build/version"), authorityFile: nil))),
            Check(name: "console", question: .http(probe: console)),
            Check(
                name: "inside",
                question: .http(
                    probe: HTTPProbe(
                        url: "http://web:8080/", status: 200, version: nil, authorityFile: nil,
                        destination: .container(name: "web")))),
            Check(name: "script", question: .command(arguments: ["verify", "{version}"])),
        ],
        steadyFor: 30, mayLoseMigratedData: false,
        limits: Limits(outageBudget: 900), reason: "patches", ticket: "CHG-42")

    /// A probe with all that one may have.
    private static let console = HTTPProbe(
        url: "https://studio.example/console", status: 200,
        version: .pattern(expression: "Version ([0-9.]+)"), authorityFile: nil,
        destination: .address(host: "127.0.0.1", port: 8443), certificateCheck: .skipped,
        account: HTTPAccount(user: "monitor", password: .environment(name: "MONITOR")),
        fields: [
            HTTPField(name: "Accept-Language", value: .text(text: "en")),
            HTTPField(name: "X-Key", value: .secret(reference: .environment(name: "KEY"))),
            HTTPField(name: "X-Site", value: .secret(reference: .credential(name: "site"))),
            HTTPField(
                name: "X-Pass", value: .secret(reference: .command(arguments: ["pass", "show"]))),
        ],
        login: HTTPLogin(
            page: "https://studio.example/login", action: "https://studio.example/j_security_check",
            fields: [
                HTTPField(name: "j_username", value: .text(text: "admin")),
                HTTPField(
                    name: "j_password", value: .secret(reference: .file(path: "/etc/pawl/admin"))),
            ],
            token: LoginToken(field: "_csrf", expression: "csrf=([0-9a-f]+)")),
        redirects: .followed, contains: "Signed in as", absent: ["Log in"], within: 20)

    static let host = Plan(
        upgrade: "u1", instance: "studio", current: current, candidate: candidate,
        runtime: .host(
            settings: HostRuntime(
                directory: "/opt/studio", start: ["systemctl", "start", "studio"],
                stop: ["systemctl", "stop", "studio"],
                status: ["systemctl", "is-active", "studio"], logFile: "/var/log/studio.log")),
        database: .sqlite(settings: SQLiteDatabase(path: "/var/lib/studio/data.db")),
        fence: .hold, backups: "/srv/backups",
        checks: [Check(name: "log", question: .log(ready: nil, errors: []))], steadyFor: 0,
        limits: Limits(attemptsPerStep: 2, resumesWithoutProgress: 9))

    /// A database of PostgreSQL's, with every optional part of it.
    static let postgresql = Plan(
        upgrade: "u1", instance: "studio", current: current, candidate: candidate,
        runtime: host.runtime,
        database: .postgresql(
            settings: PostgreSQLDatabase(
                container: "db", host: "/run/postgresql", port: 5433, database: "studio",
                user: "postgres", password: .file(path: "/etc/pawl/db"))),
        fence: .hold, backups: "/srv/backups",
        checks: [Check(name: "log", question: .log(ready: nil, errors: []))], steadyFor: 0,
        limits: Limits())

    static func stateless(_ upgrade: String) -> Plan {
        Plan(
            upgrade: upgrade, instance: "studio", current: current, candidate: candidate,
            runtime: .host(
                settings: HostRuntime(
                    directory: "/opt/studio", start: ["start"], stop: ["stop"],
                    status: ["status"], logFile: nil)),
            database: .none, fence: .none, backups: "/srv/backups", checks: [], steadyFor: 0,
            limits: Limits())
    }

    /// Next to no optional part is there.
    static let unfenced = Plan(
        upgrade: "u1", instance: "studio", current: current, candidate: candidate,
        runtime: .containers(
            settings: ContainerRuntime(
                engine: "unix:///run/podman/podman.sock", repository: "studio", localTag: nil,
                containers: [
                    container(
                        "web", .replaced, RestartPolicy(name: "on-failure", maximumRetryCount: 5))
                ],
                stopGrace: 0,
                registry: RegistryAccount(user: "", password: .file(path: "/etc/pawl/key")))),
        database: .mysql(
            settings: MySQLDatabase(
                container: nil, host: nil, port: nil, schema: "fusioncloud", user: "backup",
                password: .environment(name: "DB_PASSWORD"))),
        fence: .none, backups: "/srv/backups",
        checks: [
            Check(
                name: "http",
                question: .http(
                    probe: HTTPProbe(
                        url: "http://localhost/", status: 204, version: nil, authorityFile: nil)))
        ],
        steadyFor: 0, mayLoseMigratedData: true, limits: Limits())

    static func operation(_ upgrade: String, _ operation: Operation) -> Plan {
        Plan(
            upgrade: upgrade, instance: "studio", current: current,
            candidate: operation == .pull ? candidate : current, runtime: host.runtime,
            database: host.database, fence: .none, backups: "/srv/backups", checks: [],
            steadyFor: 0, limits: Limits(), operation: operation)
    }

    /// Quotation marks, backslashes, controls, line separators, one letter in two spellings,
    /// scalars beyond the 16 bits of an escape, the last one of all.
    static let awkwardText =
        "\"\\/</b>\u{0}\u{1}\u{8}\t\n\u{C}\r\u{1F}\u{7F}\u{85}\u{2028}é e\u{301} 👩‍👩‍👧 \u{FEFF}\u{10FFFF}"

    static let awkward = Plan(
        upgrade: "größer", instance: "stüdio 工房", current: current, candidate: candidate,
        runtime: .containers(
            settings: ContainerRuntime(
                engine: awkwardText, repository: "", localTag: "", containers: [],
                stopGrace: Seconds(.max), registry: nil)),
        database: .sqlite(settings: SQLiteDatabase(path: awkwardText)), fence: .hold,
        backups: "", checks: [], steadyFor: Seconds(.min),
        limits: Limits(attemptsPerStep: .max, outageBudget: 0), reason: awkwardText, ticket: "")

    private static func container(
        _ name: String, _ role: PlannedContainer.Role, _ policy: RestartPolicy
    ) -> PlannedContainer {
        PlannedContainer(
            name: name, role: role, id: "c-\(name)", imageID: "sha256:0ld", restartPolicy: policy,
            settingsDigest: String(repeating: "5e", count: 32))
    }
}
