import Settings
import Testing
import UpgradeMachine

@Suite("Settings as a person writes them")
struct ExampleTests {
    static let web = """
        x-note: the web shop of the customer
        state: state
        instances:
          studio:
            runtime:
              docker:
                engine: unix:///run/podman/podman.sock
                image: registry.example:5000/acme/studio
                local_tag: studio
                containers: [studio_web, studio_jobs]
                paused: [studio_worker]
                stop_grace: 45s
                registry: { user: customer, password: { file: registry.key } }
                archived_as: acme-studio
                reload: [{ container: studio_https, command: [nginx, -s, reload] }]
            database:
              mysql:
                container: studio_db
                schema: fusioncloud
                user: root
                password: { env: STUDIO_DB_PASSWORD }
              fence: none
            backups: backups/studio
            checks:
              - running
              - healthy: studio_web
              - release
              - log: { ready: 'Server startup in', errors: [SEVERE, Exception] }
              - http:
                  url: https://127.0.0.1:8443/version?key=1
                  status: 203
                  version: { json: /version }
                  ca: ca.pem
              - http: { url: http://127.0.0.1:8080/, version: { pattern: 'V([0-9.]+)' } }
              - command: [/usr/local/bin/smoke, '{version}', 8080]
              - name: reports
                command: [/usr/local/bin/smoke, reports]
              - command: [/opt/smoke]
            steady_for: 1m30s
            limits:
              outage: 5m
              verify: 6m
              verify_at_most: 90m
              pull: 31m
              backup: 61m
              restore: 3h
              stop: 150
              start: 3m
              attempts: 4
              resumes: 6
              may_lose_migrated_data: yes
            volumes_not_covered: accept
            versions:
              floors: [7.0.0, 7.10, v8-rc1]
              downgrade: allow
        """

    @Test func `A web container with MySQL`() throws {
        let file = try read(Self.web)
        let studio = try #require(file["studio"])
        #expect(file.instances == [studio])
        #expect(file.stateDirectory == "/etc/pawl/state")
        #expect(file.warnings.isEmpty)
        let account = RegistryAccount(
            user: "customer", password: .file(path: "/etc/pawl/registry.key"))
        guard case .docker(let docker) = studio.runtime else {
            Issue.record("not docker: \(studio.runtime)")
            return
        }
        #expect(docker.engine == "unix:///run/podman/podman.sock")
        #expect(docker.repository == "registry.example:5000/acme/studio")
        #expect(docker.localTag == "studio:latest")
        #expect(docker.containers == ["studio_web", "studio_jobs"])
        #expect(docker.paused == ["studio_worker"])
        #expect(docker.stopGrace == 45)
        #expect(docker.registry == account)
        #expect(docker.archivedAs == "acme-studio")
        #expect(
            docker.reloads == [
                ProxyReload(container: "studio_https", command: ["nginx", "-s", "reload"])
            ])
        let mysql = MySQLDatabase(
            container: "studio_db", host: nil, port: nil, schema: "fusioncloud", user: "root",
            password: .environment(name: "STUDIO_DB_PASSWORD"))
        #expect(studio.database == .mysql(settings: mysql))
        #expect(studio.fence == .none)
        #expect(studio.backupDirectory(stateDirectory: "/state") == "/etc/pawl/backups/studio")
        #expect(studio.steadyFor == 90)
        #expect(studio.volumesNotCovered == .accept)
        #expect(
            studio.versions
                == VersionRules(floors: ["7.0.0", "7.10", "v8-rc1"], downgrade: .allow))
        #expect(studio.mayLoseMigratedData)
        #expect(
            studio.limits
                == Limits(
                    attemptsPerStep: 4, resumesWithoutProgress: 6, pull: 1860, backUp: 3660,
                    restore: 10_800, stop: 150, start: 180, verify: 360, verifyAtMost: 5400,
                    outageBudget: 300))
        #expect(studio.secrets == [account.password, mysql.password])
    }

    @Test func `Its checks, each with a name of its own`() throws {
        let studio = try #require(try read(Self.web)["studio"])
        let secured = HTTPProbe(
            url: "https://127.0.0.1:8443/version?key=1", status: 203,
            version: .jsonPointer(pointer: "/version"), authorityFile: "/etc/pawl/ca.pem")
        let plain = HTTPProbe(
            url: "http://127.0.0.1:8080/", status: 200,
            version: .pattern(expression: "V([0-9.]+)"), authorityFile: nil)
        let smoke = "/usr/local/bin/smoke"
        #expect(
            studio.checks == [
                Check(name: "running", question: .running),
                Check(name: "healthy studio_web", question: .healthy(container: "studio_web")),
                Check(name: "release", question: .release),
                Check(
                    name: "log",
                    question: .log(ready: "Server startup in", errors: ["SEVERE", "Exception"])),
                Check(name: "http https://127.0.0.1:8443/version", question: .http(probe: secured)),
                Check(name: "http http://127.0.0.1:8080/", question: .http(probe: plain)),
                Check(
                    name: "command smoke",
                    question: .command(arguments: [smoke, "{version}", "8080"])),
                Check(name: "reports", question: .command(arguments: [smoke, "reports"])),
                Check(name: "command smoke (2)", question: .command(arguments: ["/opt/smoke"])),
            ])
    }

    static let console = """
        instances:
          studio:
            runtime:
              docker:
                image: registry.example/acme/studio
                containers: [studio_web]
            checks:
              - log: { errors: [SEVERE], except: ['SEVERE: old API'] }
              - name: console
                http:
                  url: https://studio.example/console
                  address: '[::1]:8443'
                  insecure: yes
                  account: { user: monitor, password: { env: MONITOR } }
                  headers: { Accept-Language: en, X-Api-Key: { credential: studio-key } }
                  login:
                    page: https://studio.example/login
                    action: https://Studio.example:443/session
                    fields: { j_username: admin, j_password: { file: admin.password } }
                    token: { field: _csrf, pattern: 'csrf" content="([^"]+)' }
                  follow: yes
                  contains: Signed in as
                  absent: ['Log in', Maintenance]
                  version: { pattern: 'Version ([0-9.]+)' }
                  within: 20s
              - http:
                  url: http://localhost:8080/console
                  container: studio_web
                  login: { fields: { j_username: 7, j_password: { file: admin.password } } }
              - http: { url: 'https://studio.example/', address: 127.0.0.1 }
        """

    @Test func `A console behind a log-in and a proxy`() throws {
        let file = try read(Self.console)
        let studio = try #require(file["studio"])
        let admin = SecretReference.file(path: "/etc/pawl/admin.password")
        let password = HTTPField(name: "j_password", value: .secret(reference: admin))
        let console = HTTPProbe(
            url: "https://studio.example/console", status: 200,
            version: .pattern(expression: "Version ([0-9.]+)"), authorityFile: nil,
            destination: .address(host: "::1", port: 8443), certificateCheck: .skipped,
            account: HTTPAccount(user: "monitor", password: .environment(name: "MONITOR")),
            fields: [
                HTTPField(name: "Accept-Language", value: .text(text: "en")),
                HTTPField(
                    name: "X-Api-Key", value: .secret(reference: .credential(name: "studio-key"))),
            ],
            login: HTTPLogin(
                page: "https://studio.example/login",
                action: "https://Studio.example:443/session",
                fields: [HTTPField(name: "j_username", value: .text(text: "admin")), password],
                token: LoginToken(field: "_csrf", expression: #"csrf" content="([^"]+)"#)),
            redirects: .followed, contains: "Signed in as", absent: ["Log in", "Maintenance"],
            within: 20)
        let inside = HTTPProbe(
            url: "http://localhost:8080/console", status: 200, version: nil, authorityFile: nil,
            destination: .container(name: "studio_web"),
            login: HTTPLogin(
                page: nil, action: nil,
                fields: [HTTPField(name: "j_username", value: .text(text: "7")), password],
                token: nil))
        let outside = HTTPProbe(
            url: "https://studio.example/", status: 200, version: nil, authorityFile: nil,
            destination: .address(host: "127.0.0.1", port: nil))
        #expect(
            studio.checks == [
                Check(
                    name: "log",
                    question: .log(ready: nil, errors: ["SEVERE"], except: ["SEVERE: old API"])),
                Check(name: "console", question: .http(probe: console)),
                Check(
                    name: "http http://localhost:8080/console in studio_web",
                    question: .http(probe: inside)),
                Check(
                    name: "http https://studio.example/ at 127.0.0.1",
                    question: .http(probe: outside)),
            ])
        #expect(
            studio.secrets == [
                .environment(name: "MONITOR"), .credential(name: "studio-key"), admin,
            ])
        #expect(
            file.warnings.map { $0.description(in: "pawl.yaml") } == [
                """
                pawl.yaml:13:21: warning: checks.http does not check the certificate: anybody in \
                between may be the one that answers, and is sent whatever the check sends; name \
                the certificate's authority with ca in place of insecure
                """
            ])
    }

    @Test(
        "A secret that goes over an open line is a warning",
        arguments: [
            ("url: http://studio/", true), ("url: https://studio/", false),
            ("url: http://127.0.0.1/", false), ("url: 'http://[::1]/'", false),
            ("url: http://studio/, address: 127.0.0.2", false),
            ("url: http://localhost/, address: studio", true),
            ("url: http://studio/, container: studio_web", false),
        ])
    func openLine(_ target: String, isWarning: Bool) throws {
        for secret in [
            "account: { user: a, password: { env: A } }", "headers: { X-Key: { env: A } }",
            "login: { fields: { a: { env: A } } }",
        ] {
            let text = "    checks: [{ http: { \(target), \(secret) } }]\n"
            let file = try read(RefusalCase.start + text)
            #expect(
                file.warnings.contains { $0.message.contains("not encrypted") } == isWarning)
        }
    }

    @Test func `A host whose name servers refuse is a warning`() throws {
        let text = """
                checks:
                  - http: { url: http://studio_web:8080/, container: studio_web }
            """
        let file = try read(RefusalCase.start + text)
        #expect(
            file.warnings.map { $0.description(in: "pawl.yaml") } == [
                """
                pawl.yaml:8:22: warning: checks.http asks for a host with a '_', which Tomcat and \
                others refuse with 400; beside container or address any name will do: \
                http://localhost:8080/
                """
            ])
    }

    static let board = """
        instances:
          board:
            runtime:
              host:
                directory: board
                archive: releases/noticeboard-{version}.tar.gz
                start: [bin/start]
                stop: [bin/stop]
                status: [bin/status]
                log: /var/log/noticeboard.log
            database:
              sqlite: { path: ./board/shared/app.db }
            checks:
              - log: { errors: [FATAL] }
        """

    @Test func `A database of PostgreSQL's`() throws {
        let file = try read(
            Self.board.replacing(
                "sqlite: { path: ./board/shared/app.db }",
                with: "postgresql: { host: /run/postgresql, port: 5433, database: board, "
                    + "user: postgres, password: { env: DB } }"))
        let board = try #require(file["board"])
        #expect(file.warnings.isEmpty)
        let settings = PostgreSQLDatabase(
            container: nil, host: "/run/postgresql", port: 5433, database: "board",
            user: "postgres", password: .environment(name: "DB"))
        #expect(board.database == .postgresql(settings: settings))
        #expect(board.fence == .hold)
        #expect(board.secrets == [settings.password])
    }

    @Test func `An application of the host with SQLite`() throws {
        let file = try read(Self.board)
        let board = try #require(file["board"])
        #expect(file.warnings.isEmpty)
        guard case .host(let host) = board.runtime else {
            Issue.record("not host: \(board.runtime)")
            return
        }
        #expect(
            host.runtime
                == HostRuntime(
                    directory: "/etc/pawl/board", start: ["bin/start"], stop: ["bin/stop"],
                    status: ["bin/status"], logFile: "/var/log/noticeboard.log"))
        #expect(
            host.archive(of: "2.1.0") == "/etc/pawl/releases/noticeboard-2.1.0.tar.gz")
        #expect(
            board.database
                == .sqlite(settings: SQLiteDatabase(path: "/etc/pawl/board/shared/app.db")))
        #expect(board.fence == .hold)
        #expect(board.secrets.isEmpty)
    }

    @Test func `What is left out has its usual value`() throws {
        let file = try read(RefusalCase.start)
        let studio = try #require(file["studio"])
        guard case .docker(let docker) = studio.runtime else {
            Issue.record("not docker: \(studio.runtime)")
            return
        }
        #expect(docker.engineAddress(environment: [:]) == "unix:///var/run/docker.sock")
        #expect(
            docker.engineAddress(environment: ["DOCKER_HOST": ""]) == DockerSettings.usualEngine)
        #expect(docker.engineAddress(environment: ["DOCKER_HOST": "tcp://a"]) == "tcp://a")
        #expect((docker.localTag, docker.registry) == (nil, nil))
        #expect(docker.archivedAs == nil)
        #expect(studio.versions == VersionRules(floors: [], downgrade: .refuse))
        #expect(docker.stopGrace == 30)
        #expect(studio.database == .none)
        #expect(studio.checks.map(\.name) == ["running", "release"])
        #expect(studio.steadyFor == 10)
        #expect(studio.limits == Limits() && !studio.mayLoseMigratedData)
        #expect(studio.volumesNotCovered == .report)
        #expect(
            studio.backupDirectory(stateDirectory: "/var/lib/pawl")
                == "/var/lib/pawl/backups/studio")
        #expect(
            file.warnings.map { $0.description(in: "pawl.yaml") } == [
                """
                pawl.yaml:2:3: warning: no check asks the application itself, so that an upgrade \
                that starts and does not work counts as good; add healthy, log, http or command to \
                checks
                """
            ])
    }

    @Test func `A verification longer than the usual hard limit raises it`() throws {
        let file = try read(RefusalCase.start + "    limits: { verify: 2h }\n")
        #expect(file["studio"]?.limits.verifyAtMost == 7200)
    }

    @Test func `Volumes of the host runtime are a warning`() throws {
        let file = try read(Self.board + "\n    volumes_not_covered: report\n")
        #expect(
            file.warnings.map { $0.description(in: "pawl.yaml") } == [
                """
                pawl.yaml:15:26: warning: volumes_not_covered has no effect: the host runtime has \
                no volumes; take it away
                """
            ])
    }
}
