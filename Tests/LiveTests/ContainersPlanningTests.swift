import DockerEngine
import Foundation
import HTTPClient
import Testing
import UpgradeMachine

@testable import Drivers

/// What planning asks of registry and engine.
@Suite("Containers planned", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersPlanningTests {
    @Test("a version is what the registry says it is")
    func resolved() async throws {
        try await ContainersWorld.run { world in
            let release = try await world.release("2.0.0")
            #expect(release.reference == "\(world.repository):2.0.0")
            #expect(release.digest.hasPrefix("sha256:") && release.digest.count == 71)
            #expect(try await world.release("1.0.0").digest != release.digest)
        }
    }

    @Test("a wrong password, no account, an unknown version and repository, nobody there")
    func refused() async throws {
        try await ContainersWorld.run { world in
            let code = { (version: String, repository: String, account: RegistryAccount?) in
                await failure {
                    _ = try await world.planner.release(version, in: repository, account: account)
                }
            }
            let wrong = await code("2.0.0", world.repository, world.account(password: "WRONG"))
            #expect(wrong?.code == "registry-unauthorized" && wrong?.isPermanent == true)
            #expect(wrong?.message.contains(world.user) == true)
            #expect(wrong?.message.contains("WRONG") == false)
            let nobody = await code("2.0.0", world.repository, nil)
            #expect(nobody?.code == "registry-unauthorized")
            #expect(nobody?.advice.contains("docker login") == true)
            let unknown = await code("9.9.9", world.repository, world.account())
            #expect(unknown?.code == "version-unknown" && unknown?.isPermanent == true)
            #expect(unknown?.message.contains(world.repository) == true)
            #expect(unknown?.advice.contains("http://\(world.registry)/v2/") == true)
            let other = await code("1.0.0", "\(world.registry)/nothing", world.account())
            #expect(other?.code == "version-unknown")
            let away = await code("1.0.0", "127.0.0.1:9/studio", nil)
            #expect(away?.code == "registry-unreachable" && away?.isPermanent == false)
            #expect(await code("a b", world.repository, nil)?.code == "invalid-version")
            #expect(await code("1", "a:7", nil)?.code == "invalid-repository")
        }
    }

    @Test("a registry asked directly, as for Podman, says the same")
    func askedDirectly() async throws {
        try await ContainersWorld.run { world in
            let manifests = RegistryManifests(http: HTTPClient())
            let right = RegistryLogin.password(user: world.user, password: Secret(world.password))
            let ask = { (tag: String, repository: String, login: RegistryLogin) async throws in
                let image = try #require(ImageReference(repository))
                return try await manifests.digest(of: tag, in: image, login: login)
            }
            let digest = try await ask("2.0.0", world.repository, right)
            #expect(digest == (try await world.release("2.0.0")).digest)
            let wrong = RegistryLogin.password(user: world.user, password: Secret("WRONG"))
            for (tag, repository, login, code) in [
                ("9.9.9", world.repository, right, "version-unknown"),
                ("2.0.0", world.repository, wrong, "registry-unauthorized"),
                ("2.0.0", world.repository, .anonymous, "registry-unauthorized"),
                ("2.0.0", "127.0.0.1:9/studio", right, "registry-unreachable"),
            ] {
                let refused = await failure { _ = try await ask(tag, repository, login) }
                #expect(refused?.code == code, "\(String(describing: refused))")
            }
        }
    }

    @Test("a pull tells a wrong password and an unknown digest in the same words")
    func pullRefused() async throws {
        try await ContainersWorld.run { world in
            let digest = "sha256:" + String(repeating: "0", count: 64)
            let release = Release(
                version: "9.9.9", reference: "\(world.repository):9.9.9", digest: digest)
            let pull = { (account: RegistryAccount) async throws in
                let plan = try await world.plan(
                    candidate: release, containers: [], account: account)
                return await failure {
                    _ = try await world.service.perform(.pull(release: release), in: plan.silent)
                }
            }
            let unknown = try await pull(world.account())
            #expect(unknown?.code == "version-unknown" && unknown?.isPermanent == true)
            let wrong = try await pull(world.account(password: "WRONG"))
            #expect(wrong?.code == "registry-unauthorized" && wrong?.isPermanent == true)
        }
    }

    @Test("the same version with a new digest is an upgrade")
    func patched() async throws {
        try await ContainersWorld.run { world in
            // A tag of this test's own, which first stands for one manifest and then for another,
            // as after `tools/testbed repush`, which would disturb other tests.
            let tag = "t-\(world.prefix)"
            try await put(tag, as: "1.0.0", world)
            let first = try await world.release(tag)
            let image = try await world.pulled(tag)
            try await world.engine.tagImage(image.id, repository: world.repository, tag: tag)
            let name = "\(world.repository):\(tag)"
            try await world.container(version: tag, config: ["Image": .string(name)])
            var survey = try await world.planner.survey(world.selection(["web": .replaced]))
            #expect(survey.current == first)
            #expect(
                try await world.planner.isServing(
                    first, by: survey.containers, in: world.repository))

            try await put(tag, as: "1.0.1", world)
            let plan = try await world.plan(to: tag)
            #expect(plan.candidate.version == plan.current.version)
            #expect(plan.candidate.digest != plan.current.digest)
            #expect(
                try await !world.planner.isServing(
                    plan.candidate, by: survey.containers, in: world.repository))
            let service = world.service
            let pull = Effect.pull(release: plan.candidate)
            #expect(try await service.observe(pull, in: plan.silent) == .absent)
            _ = try await twice(pull, world, plan)
            #expect(
                try await world.engine.inspectImage(name).id == image.id, "not before the start")
            _ = try await twice(.stop, world, plan)
            _ = try await twice(.start(release: plan.candidate), world, plan)
            let web = try await world.engine.inspectContainer(world.name("web"))
            #expect(web.imageID != image.id && web.configImage == name)
            #expect(try await world.engine.inspectImage(name).id == web.imageID)
            survey = try await world.planner.survey(world.selection(["web": .replaced]))
            #expect(survey.current == plan.candidate)
            _ = try await twice(.removeCandidate, world, plan)
            _ = try await twice(.startPrevious(kept: nil), world, plan)
            #expect(try await world.engine.inspectImage(name).id == image.id)
            try await world.engine.removeContainer(world.name("web"), force: true)
            for tag in [tag, "pawl-\(tag)"] {
                try await world.engine.removeImage("\(world.repository):\(tag)")
            }
        }
    }

    /// Makes a tag of the registry stand for a version's manifest.
    private func put(_ tag: String, as version: String, _ world: ContainersWorld) async throws {
        let http = HTTPClient()
        let base = "http://\(world.openRegistry)/v2/noticeboard/manifests/"
        let type = "application/vnd.docker.distribution.manifest.v2+json"
        let manifest = try await http.send(
            HTTPRequest(.get, base + version, fields: ["Accept": type]), limitInBytes: 1 << 20)
        try #require(manifest.isSuccess)
        let answer = try await http.send(
            HTTPRequest(
                .put, base + tag, fields: ["Content-Type": type], body: .bytes(manifest.body)),
            limitInBytes: 1 << 20)
        try #require(answer.isSuccess, "\(answer.status): \(answer.text)")
    }

    @Test("what was written outside volumes is named: the new container begins without it")
    func written() async throws {
        try await ContainersWorld.run { world in
            let web = try await world.container(host: [
                "Binds": [.string("\(world.prefix)-data:/data")]
            ])
            let findings = { () async throws -> [ContainerSurvey.Finding] in
                try await world.planner.survey(world.selection(["web": .replaced])).findings
                    .filter { $0.code == "written-outside-volumes" }
            }
            _ = try await world.run(["sh", "-c", "echo x >/data/x; echo x >/tmp/x"], in: web.name)
            #expect(try await findings() == [])
            _ = try await world.run(
                ["sh", "-c", "mkdir -p /opt/a; echo x >/opt/a/uploads"], in: web.name)
            let found = try #require(try await findings().first)
            #expect(found.text.hasPrefix("/opt/a/uploads in \(web.name) was written"))
            #expect(found.severity == .warning)
        }
    }

    @Test("a policy that Podman cannot take away is refused there, and taken away by Docker")
    func policies() async throws {
        try await ContainersWorld.run { world in
            try await world.container("eager", host: ["RestartPolicy": ["Name": "always"]])
            try await world.container("web", host: ["RestartPolicy": ["Name": "unless-stopped"]])
            let findings = try await world.planner.survey(
                world.selection(["eager": .paused, "web": .replaced])
            ).findings.filter { $0.code == "restart-policy-stays" }
            guard try await world.engine.version().isPodman else {
                #expect(findings.isEmpty)
                return
            }
            #expect(findings.map(\.severity) == [.refusal, .note])
            #expect(findings.first?.text.contains(world.name("eager")) == true)
        }
    }

    @Test("what an upgrade would stumble over is found")
    func findings() async throws {
        try await ContainersWorld.run { world in
            let network = try await world.network("net")
            let web = try await world.container(
                host: [
                    "AutoRemove": true, "NetworkMode": .string(network),
                    "Binds": [.string("\(world.prefix)-data:/data"), "/tmp:/ro:ro"],
                    "LogConfig": ["Type": "none"],
                ], config: ["Labels": ["com.docker.swarm.task.id": "x"], "Volumes": ["/anon": [:]]])
            try await world.container("idle", start: false)
            try await world.container("db", host: ["NetworkMode": .string(network)])
            try await world.container(
                "stranger",
                host: [
                    "NetworkMode": .string("container:\(web.id)"),
                    "Binds": [.string("\(world.prefix)-data:/x")],
                ])
            try await world.container("near", host: ["NetworkMode": .string(network)])
            var selection = world.selection(
                ["web": .replaced, "idle": .paused], localTag: world.localTag("nowhere"))
            selection.database = world.name("db")
            let findings = try await world.planner.survey(selection).findings
            let about = { (code: String, word: String) in
                findings.contains { $0.code == code && $0.text.contains(word) }
            }
            #expect(about("auto-remove", "web"))
            #expect(about("foreign-owner", "Swarm"))
            #expect(about("not-backed-up", "\(world.prefix)-data"))
            #expect(!about("not-backed-up", "/tmp"))
            #expect(findings.filter { $0.code == "not-backed-up" }.count == 2)
            #expect(about("log-driver", "none"))
            #expect(about("not-running", "idle"))
            #expect(about("joined", "stranger"))
            #expect(about("shared-volume", "stranger"))
            #expect(about("near-database", "near"))
            #expect(!about("near-database", "web"))
            #expect(about("local-tag-elsewhere", "nowhere"))
            #expect(findings.first?.severity == .refusal)

            selection.backedUp = ["\(world.prefix)-data"]
            let fewer = try await world.planner.survey(selection).findings
            #expect(fewer.filter { $0.code == "not-backed-up" }.count == 1)
            selection.members.append(.init(name: world.name("nowhere"), role: .replaced))
            let missing = await failure { _ = try await world.planner.survey(selection) }
            #expect(missing?.code == "container-missing")
        }
    }
}
