import Settings
import Testing
import UpgradeMachine

@Suite("Several instances in one file")
struct SharingTests {
    static let merged = """
        x-usual: &usual
          steady_for: 20s
          limits: &limits { stop: 3m, start: 3m }
          checks: [running, { healthy: green_web }]
        x-late: &late { steady_for: 40s, backups: /late }
        instances:
          green:
            <<: [*usual, *late]
            runtime: { docker: { image: acme/studio, containers: [green_web] } }
          blue:
            <<: *usual
            checks: [{ healthy: blue_web }]
            runtime: { docker: { image: acme/studio, containers: [blue_web] } }
            limits: { <<: *limits, start: 4m }
          x-red: { not: read }
        """

    @Test func `Merges: a key of its own first, then the earlier merge`() throws {
        let file = try read(Self.merged)
        #expect(file.instances.map(\.name) == ["green", "blue"])
        let (green, blue) = (file.instances[0], file.instances[1])
        #expect((green.steadyFor, green.backups) == (20, "/late"))
        #expect((green.limits.stop, green.limits.start) == (180, 180))
        #expect((blue.steadyFor, blue.backups) == (20, nil))
        #expect((blue.limits.stop, blue.limits.start) == (180, 240))
        #expect(blue.checks.map(\.name) == ["healthy blue_web"])
    }

    @Test func `Merges without measure are refused`() {
        var text = "x-0: &a0 { k: 1 }\n"
        for level in 1...30 {
            text += "x-\(level): &a\(level) { <<: [*a\(level - 1), *a\(level - 1)] }\n"
        }
        RefusalCase("nested", file: text + "instances:\n  <<: *a30\n")
            .checkTells("merges bring more than 10000 entries in; merge fewer mappings")
    }

    @Test func `The same finding below two aliases is told once`() {
        RefusalCase(
            "shared",
            file: """
                x-runtime: &runtime { host: { directory: a } }
                instances:
                  green: { runtime: *runtime }
                  blue: { runtime: *runtime }
                """,
            "1:23: key 'start' is missing in runtime.host; for example start: [bin/start]",
            "1:23: key 'status' is missing in runtime.host; for example status: [bin/status]",
            "1:23: key 'stop' is missing in runtime.host; for example stop: [bin/stop]"
        ).check()
    }

    static let web = "runtime: { docker: { image: acme/studio, containers: [web] } }"
    static let host = "runtime: { host: { directory: a, start: [a], stop: [a], status: [a] } }"

    @Test(
        "What only one may have is refused to the other",
        arguments: [
            RefusalCase(
                "a container", file: "instances:\n  a: { \(web) }\n  b: { \(web) }\n",
                """
                3:62: the container 'web' is taken already, on line 2; a container belongs to one \
                instance, and there either to containers or to paused
                """),
            RefusalCase(
                "a directory", file: "instances:\n  a: { \(host) }\n  b: { \(host) }\n",
                """
                3:38: the directory '/etc/pawl/a' is taken already, on line 2; an instance has a \
                directory of its own
                """),
            RefusalCase(
                "a database file",
                file: """
                    instances:
                      a: { \(web), database: { sqlite: { path: app.db } } }
                      b: { \(host), database: { sqlite: { path: ./app.db } } }
                    """,
                """
                3:109: the database file '/etc/pawl/app.db' is taken already, on line 2; an \
                instance has a database of its own
                """),
            RefusalCase(
                "a schema",
                file: """
                    x-db: &db { mysql: { schema: s, user: a, password: { env: A } } }
                    instances:
                      a: { \(web), database: *db }
                      b: { \(host), database: *db }
                    """,
                """
                1:30: the schema 's' is taken already, on line 1; an instance has a schema of \
                its own
                """),
        ])
    func refused(_ given: RefusalCase) { given.check() }

    @Test func `Containers of two engines may have one name`() throws {
        let other = Self.web.replacing("{ image", with: "{ engine: tcp://other:2375, image")
        let file = try read("instances:\n  a: { \(Self.web) }\n  b: { \(other) }\n")
        #expect(file.instances.count == 2)
    }
}
