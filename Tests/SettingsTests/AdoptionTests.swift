import Settings
import Testing
import UpgradeMachine

@Suite("A pawl.yaml from what was found")
struct AdoptionTests {
    static let tomcatLog = [
        "INFO [main] studio.Boot.contextInitialized Myst Studio 7.0.0 is ready",
        "INFO [main] org.apache.catalina.startup.Catalina.start Server startup in [624] ms",
    ]

    static let compose = FoundContainer.Compose(
        project: "myststudio", service: "web", folder: "/opt/myst-studio",
        files: "docker-compose.yml")

    static let web = FoundContainer(
        name: "myststudio_web", image: "myst-studio:latest",
        repositories: ["registry.example/acme/myst-studio"], version: "7.0.0",
        hasHealthCheck: true, healthPath: "/about", exposedPorts: [8080], compose: compose,
        networks: ["myststudio"], aliases: ["web"],
        environment: FoundEnvironment([
            "STUDIO_DB_URL": "jdbc:mariadb://myststudio_db:3306/fusioncloud",
            "STUDIO_DB_PASSWORD": "hunter2",
        ]))

    static let database = FoundContainer(
        name: "myststudio_db", image: "mariadb:10.11", exposedPorts: [3306],
        networks: ["myststudio"], aliases: ["db"],
        environment: FoundEnvironment([
            "MYSQL_ROOT_PASSWORD": "hunter3", "MYSQL_DATABASE": "fusioncloud",
            "MYSQL_PASSWORD": "hunter2",
        ]))

    static let https = FoundContainer(
        name: "myststudio_https", image: "nginx:1.22", exposedPorts: [443],
        ports: [.init(inside: 443, address: "127.0.0.1", port: 443)], networks: ["myststudio"])

    static let page = FoundPage(
        url: "https://127.0.0.1:443/about", status: 200,
        authorityFile: "/opt/myst-studio/certs/ca.pem", body: "Myst Studio 7.0.0\n",
        running: "7.0.0")

    private static func parts(
        _ containers: [FoundContainer] = [web, database, https],
        _ wishes: AdoptionWishes = AdoptionWishes(), instance: String = "studio"
    ) throws -> AdoptedFile.Parts {
        AdoptedFile.Parts(
            instance: instance, roles: try AdoptionRoles(of: containers, wishes),
            log: LogSigns(tomcatLog), commandLine: ["/usr/bin/docker"])
    }

    @Test func `Myst Studio, whole`() throws {
        var parts = try Self.parts(
            [Self.https, Self.database, Self.web], AdoptionWishes(preset: .mystStudio))
        parts.pages = [Self.page]
        let file = try AdoptedFile(parts)
        #expect(file.text == Self.wholeText)
        #expect(
            file.found == [
                "myststudio_web: the application, version 7.0.0, of the compose project "
                    + "myststudio",
                "myststudio_https: in front of the application",
                "myststudio_db: the database (mariadb:10.11), schema fusioncloud by "
                    + "MYSQL_DATABASE of myststudio_db",
                "MYSQL_ROOT_PASSWORD of myststudio_db: the password of root, read there when it "
                    + "is needed",
                "https://127.0.0.1:443/about answers 200, with the version",
            ])
        #expect(file.toDo.isEmpty)
        let settings = try #require(try read(file.text)["studio"])
        #expect(settings.checks.map(\.name).contains("healthy myststudio_web"))
        #expect(try read(file.text).warnings.isEmpty)
    }

    static let wholeText = """
        # How Pawl upgrades this application: written by pawl init, yours to edit.
        # `pawl check VERSION` looks whether an upgrade could start, and changes
        # nothing; `pawl upgrade VERSION` does it.
        instances:
          studio:
            runtime:
              docker:
                # The image in its registry; a version is its tag. `docker login` comes
                # first, or: registry: { user: NAME, password: { file: /etc/pawl/registry } }
                image: registry.example/acme/myst-studio
                # What it is started by: /opt/myst-studio/docker-compose.yml.
                # The name moves to the new release.
                local_tag: myst-studio:latest
                # Made anew with each release, in the order in which they start.
                containers: [myststudio_web]
                # They remember where the containers are: told after each start.
                reload:
                  - { container: myststudio_https, command: [nginx, -s, reload] }
            database:
              mysql:
                container: myststudio_db
                # As MYSQL_DATABASE of myststudio_db says.
                schema: fusioncloud
                user: root
                # Read in the container when it is needed (MYSQL_ROOT_PASSWORD): no copy is
                # kept. Or: { file: /etc/pawl/studio-database-password }, with mode 600.
                password: { command: [/usr/bin/docker, exec, myststudio_db, sh, -c, \
        'printf %s "$MYSQL_ROOT_PASSWORD"'] }
              # The database refuses writes from the backup to the stop: none is lost.
              fence: hold
            # Where backups go; otherwise the state directory's backups.
            # backups: /var/backups/studio
            # What has to be good for an upgrade to count; otherwise it is rolled back.
            checks:
              - running
              # The running image is the release's, by digest.
              - release
              - healthy: myststudio_web
              - log: { ready: 'Server startup in', errors: [SEVERE] }
              - http:
                  url: https://127.0.0.1:443/about
                  ca: /opt/myst-studio/certs/ca.pem
                  version: { pattern: 'Myst Studio ([0-9][0-9A-Za-z.+_-]*)' }
            # All of them have to stay good for so long.
            steady_for: 10s
            # After so long without the service an upgrade turns around.
            # limits: { outage: 5m }

        """

    @Test func `Without the preset it finds the same`() throws {
        let roles = try AdoptionRoles(
            of: [Self.https, Self.database, Self.web], AdoptionWishes())
        #expect(roles.application.map(\.name) == ["myststudio_web"])
        #expect(roles.database?.name == "myststudio_db")
        #expect(roles.proxies.map(\.name) == ["myststudio_https"])
        #expect(roles.writers.isEmpty)
    }

    // MARK: - Secrets

    @Test func `No value of an environment is written or told`() throws {
        let web = FoundContainer(
            name: "web", image: "acme/web:1", repositories: ["acme/web"],
            environment: FoundEnvironment([
                "DB_URL": "mysql://hunter2:hunter3@db/studio?password=hunter4",
                "DB_HOST": "db", "TOKEN": "hunter5",
            ]))
        let file = try AdoptedFile(Self.parts([web, Self.named("db", Self.database)]))
        let told = [file.text] + file.found + file.toDo + ["\(web)"]
        #expect(told.allSatisfy { !$0.contains("hunter") })
        #expect(file.text.contains("schema: fusioncloud"))
    }

    @Test(arguments: [
        (["MYSQL_ROOT_PASSWORD": "x"], ["/usr/bin/docker"], "$MYSQL_ROOT_PASSWORD"),
        (
            ["MARIADB_ROOT_PASSWORD_FILE": "/run/secrets/root"], ["/usr/bin/docker"],
            "exec, db, cat, /run/secrets/root]"
        ),
        (
            ["MYSQL_ROOT_PASSWORD": "x"], nil,
            "password: { file: /etc/pawl/studio-database-password }"
        ),
        (["MYSQL_RANDOM_ROOT_PASSWORD": "1"], ["/usr/bin/docker"], "password: { file: /etc/pawl/"),
    ])
    func `How the password is read`(
        variables: [String: String], commandLine: [String]?, expected: String
    ) throws {
        let database = FoundContainer(
            name: "db", image: "mariadb:11", environment: FoundEnvironment(variables))
        var parts = try Self.parts([Self.web, database], AdoptionWishes(database: "db"))
        parts.commandLine = commandLine
        let file = try AdoptedFile(parts)
        #expect(file.text.contains(expected), "\(file.text)")
        // What has to be filled in is said, with its place.
        let isLeft = file.toDo.contains { $0.contains("/etc/pawl/studio-database-password") }
        #expect(isLeft == expected.contains("file: "))
        #expect(try read(file.text)["studio"] != nil)
    }

    // MARK: - What is left to a person

    @Test func `A release in the compose file, an archive's image, no schema, no version`() throws {
        let web = FoundContainer(
            name: "web", image: "acme/web:1.2", compose: Self.compose,
            environment: FoundEnvironment(["DB_HOST": "db:3306"]))
        let database = FoundContainer(name: "db", image: "docker.io/library/mysql:8.0")
        let file = try AdoptedFile(Self.parts([web, database]))
        #expect(file.toDo.count == 5, "\(file.toDo)")
        for part in [
            "in place of acme/web", "names the release itself (image: acme/web:1.2)",
            "in place of THE_SCHEMA", "password of db's root", "where a page says the version",
        ] {
            #expect(file.toDo.contains { $0.contains(part) }, "\(part)")
        }
        let settings = try #require(try read(file.text)["studio"])
        guard case .docker(let docker) = settings.runtime else { return }
        #expect(docker.localTag == nil)
    }

    @Test func `Lines of error that are there already are no check`() throws {
        var parts = try Self.parts()
        parts.log = LogSigns(Self.tomcatLog + ["SEVERE x", "SEVERE y"])
        let text = try AdoptedFile(parts).text
        #expect(text.contains("- log: { ready: 'Server startup in' }"))
        #expect(text.contains("# Its log has 2 lines with 'SEVERE' now"))
    }

    @Test func `A certificate that nobody vouches for is left to a person`() throws {
        var parts = try Self.parts()
        parts.untrusted = ["https://127.0.0.1:443"]
        let file = try AdoptedFile(parts)
        #expect(file.text.contains("# - http: { url: 'https://127.0.0.1:443/', ca: "))
        #expect(file.toDo.contains { $0.hasPrefix("https://127.0.0.1:443 shows a certificate") })
    }

    @Test func `Others that use the database are paused, kept containers left alone`() throws {
        let worker = FoundContainer(
            name: "reports", image: "acme/reports:3",
            environment: FoundEnvironment(["DB_HOST": "myststudio_db"]))
        let kept = Self.named("myststudio_web.pawl-20260101-1", Self.web)
        let file = try AdoptedFile(
            Self.parts(
                [Self.web, Self.database, worker, kept],
                AdoptionWishes(containers: ["myststudio_web"])))
        #expect(file.text.contains("paused: [reports]"))
        #expect(!file.text.contains("pawl-2026"))
        #expect(try read(file.text)["studio"] != nil)
    }

    @Test func `Names that YAML would take for something else`() throws {
        let web = FoundContainer(
            name: "null", image: "acme/web:latest", repositories: ["acme/web"])
        let file = try AdoptedFile(Self.parts([web], instance: "1.10"))
        let settings = try #require(try read(file.text)["1.10"])
        guard case .docker(let docker) = settings.runtime else { return }
        #expect(docker.containers == ["null"])
        #expect(docker.localTag == "acme/web:latest")
    }

    private static func named(_ name: String, _ container: FoundContainer) -> FoundContainer {
        FoundContainer(
            name: name, image: container.image, exposedPorts: container.exposedPorts,
            networks: container.networks, environment: container.environment)
    }
}
