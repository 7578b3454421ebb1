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
        let mysql = MySQLDatabase(
            container: "studio_db", host: nil, port: nil, schema: "fusioncloud", user: "root",
            password: .environment(name: "STUDIO_DB_PASSWORD"))
        #expect(studio.database == .mysql(settings: mysql))
        #expect(studio.fence == .none)
        #expect(studio.backupDirectory(stateDirectory: "/state") == "/etc/pawl/backups/studio")
        #expect(studio.steadyFor == 90)
        #expect(studio.volumesNotCovered == .accept)
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
