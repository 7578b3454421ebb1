import Settings
import Testing
import UpgradeMachine

@Suite("What adoption finds, and what it asks")
struct AdoptionChoiceTests {
    private static func container(
        _ name: String, _ image: String, _ variables: [String: String] = [:],
        repositories: [String] = []
    ) -> FoundContainer {
        FoundContainer(
            name: name, image: image, repositories: repositories,
            environment: FoundEnvironment(variables))
    }

    private func refusal(
        _ containers: [FoundContainer], _ wishes: AdoptionWishes = AdoptionWishes()
    ) -> AdoptionRefusal? {
        do throws(AdoptionRefusal) {
            _ = try AdoptionRoles(of: containers, wishes)
            return nil
        } catch {
            return error
        }
    }

    @Test func `Several applications are listed to choose from`() throws {
        let containers = [
            Self.container("shop", "acme/shop:1"), Self.container("wiki", "acme/wiki:2"),
            Self.container("cache", "redis:7"),
        ]
        let refused = try #require(refusal(containers))
        #expect(
            refused.message
                == "several containers may be the application: shop (acme/shop:1), "
                + "wiki (acme/wiki:2)")
        #expect(refused.advice.contains("--container shop, or --container wiki"))
        let roles = try AdoptionRoles(of: containers, AdoptionWishes(containers: ["wiki"]))
        #expect(roles.application.map(\.name) == ["wiki"])
    }

    @Test func `One release in several containers is one application`() throws {
        let roles = try AdoptionRoles(
            of: [Self.container("jobs", "acme/shop:1"), Self.container("web", "acme/shop:1")],
            AdoptionWishes())
        #expect(roles.application.map(\.name) == ["jobs", "web"])
    }

    @Test func `The one that uses the database is the application`() throws {
        let roles = try AdoptionRoles(
            of: [
                Self.container("db", "mysql:8"),
                Self.container("shop", "acme/shop:1", ["URL": "jdbc:mysql://db/shop"]),
                Self.container("wiki", "acme/wiki:2"),
            ], AdoptionWishes())
        #expect(roles.application.map(\.name) == ["shop"])
    }

    @Test func `Several databases are listed, unless but one is used`() throws {
        let databases = [Self.container("a", "mariadb:11"), Self.container("b", "mysql:8")]
        let refused = try #require(refusal(databases + [Self.container("web", "acme/web:1")]))
        #expect(refused.message == "there are several databases: a (mariadb:11), b (mysql:8)")
        #expect(refused.advice == "name the one to back up with --database NAME")
        let using = Self.container("web", "acme/web:1", ["MYSQL_HOST": "b"])
        #expect(try AdoptionRoles(of: databases + [using], AdoptionWishes()).database?.name == "b")
    }

    @Test(arguments: [
        ("mysql:8", "mysql"), ("registry.example:5000/bitnami/mariadb:11@sha256:1", "mariadb"),
    ])
    func `Databases by their images`(image: String, name: String) throws {
        let found = [Self.container(name, image), Self.container("web", "acme/web:1")]
        #expect(try AdoptionRoles(of: found, AdoptionWishes()).database?.name == name)
    }

    @Test(arguments: ["prom/mysqld-exporter:1", "phpmyadmin:5", "acme/mysql-backup:1"])
    func `What only has a database's name is none`(image: String) throws {
        let found = [Self.container("tool", image), Self.container("web", "acme/web:1")]
        #expect(try AdoptionRoles(of: found, AdoptionWishes()).database == nil)
    }

    @Test func `An image of its own that is a database by its port and variables`() throws {
        let database = FoundContainer(
            name: "data", image: "acme/data:1", exposedPorts: [3306],
            environment: FoundEnvironment(["MARIADB_ROOT_PASSWORD": "x"]))
        let roles = try AdoptionRoles(
            of: [database, Self.container("web", "acme/web:1")], AdoptionWishes())
        #expect(roles.database?.name == "data" && roles.application.map(\.name) == ["web"])
    }

    @Test func `The preset's containers have to be there`() throws {
        let refused = try #require(
            refusal(
                [Self.container("web", "acme/web:1")], AdoptionWishes(preset: .mystStudio)))
        #expect(refused.message.hasPrefix("there is no container myststudio_db"))
        #expect(refused.advice.hasPrefix("there is web (acme/web:1); name them with"))
    }

    @Test func `Several repositories are listed to choose from`() throws {
        let web = Self.container("web", "web:latest", repositories: ["a/web", "b/web"])
        var parts = AdoptedFile.Parts(
            instance: "web", roles: try AdoptionRoles(of: [web], AdoptionWishes()))
        do throws(AdoptionRefusal) {
            _ = try AdoptedFile(parts)
            Issue.record("it chose one by itself")
        } catch {
            #expect(error.message.contains("a/web, b/web"))
            #expect(error.advice.contains("--repository"))
        }
        parts.repository = "b/web"
        #expect(try AdoptedFile(parts).text.contains("image: b/web\n"))
    }

    // MARK: - What pages and variables say

    @Test(arguments: [
        ("Myst Studio 7.0.0\n", #"pattern: 'Myst Studio ([0-9][0-9A-Za-z.+_-]*)'"#),
        (#"<i>Version <b id="v">7.0.0</b></i>"#, #"<b id="v">([0-9][0-9A-Za-z.+_-]*)'"#),
        (#"{"app": {"version": "7.0.0"}, "schema": 3}"#, "version: { json: '/app/version' }"),
        ("uses 17.0.0\nversion: 7.0.0", "pattern: 'version: ([0-9]"),
        ("<p>since 2019: release 7.0.0</p>", "pattern: 'release ([0-9]"),
    ])
    func `Where a page says the version`(body: String, expected: String) throws {
        let page = FoundPage(url: "http://localhost/", status: 200, body: body, running: "7.0.0")
        #expect(page.saysVersion)
        let text = try Self.text(with: page)
        #expect(text.contains(expected), "\(text)")
        #expect(try read(text)["web"] != nil)
    }

    @Test(arguments: ["7.0.0", "17.0.0 and 7.0.01", "version: 6.9\nversion: 7.0.0", ""])
    func `A page that does not say it clearly`(body: String) {
        let page = FoundPage(url: "http://localhost/", status: 200, body: body, running: "7.0.0")
        #expect(!page.saysVersion)
    }

    private static func text(with page: FoundPage) throws -> String {
        let roles = try AdoptionRoles(of: [container("web", "acme/web:1")], AdoptionWishes())
        return try AdoptedFile(
            AdoptedFile.Parts(instance: "web", roles: roles, pages: [page])
        ).text
    }

    @Test func `The best page says the version, or is at least there`() {
        func page(_ path: String, _ status: Int, _ body: String = "") -> FoundPage {
            FoundPage(url: path, status: status, body: body, running: "1.2")
        }
        #expect(FoundPage.best(of: [page("/", 200), page("/v", 200, "Shop 1.2")])?.url == "/v")
        #expect(FoundPage.best(of: [page("/", 302), page("/login", 200)])?.url == "/login")
        #expect(FoundPage.best(of: [page("/", 404), page("/x", 302)])?.url == "/x")
        #expect(FoundPage.best(of: [page("/", 502)]) == nil)
    }

    @Test(arguments: [
        ("jdbc:mysql://db:3307/studio?useSSL=false", "db", 3307, "studio"),
        ("mysql://user:pass@db.example/shop", "db.example", nil, "shop"),
        ("jdbc:mariadb://db/fusioncloud;x=y", "db", nil, "fusioncloud"),
    ])
    func `Addresses of databases`(url: String, host: String, port: Int?, schema: String) {
        let environment = FoundEnvironment(["URL": url])
        #expect(
            environment.addresses == [
                .init(variable: "URL", host: host, port: port, schema: schema)
            ])
    }

    @Test(arguments: [
        (["CMD-SHELL", "curl -f http://127.0.0.1:8080/about || exit 1"], "/about"),
        (["CMD", "wget", "-q", "http://localhost/health?full=1"], "/health"),
        (["CMD", "healthcheck"], nil),
    ])
    func `Paths of health checks`(command: [String], path: String?) {
        #expect(FoundContainer.healthPath(in: command) == path)
    }
}
