import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Verification by command", .timeLimit(.minutes(1)))
struct VerificationCommandTests {
    private func shell(_ script: String) -> Check.Question {
        .command(arguments: ["/bin/sh", "-c", script, "check", "{version}"])
    }

    @Test func `A command is told the version, and its last words are kept`() async throws {
        let results = try await Asked([shell("echo one; echo \"v$1 serves\"")])
            .verify(ScriptedService())
        #expect(results == [CheckResult(check: "check 0", saw: "exited with 0: v7.1.0 serves")])
    }

    @Test func `A command that fails is asked again, and its output is the excerpt`() async throws {
        let asked = Asked([shell("echo trying >&2; printf 'no log-in\\033[1m' >&2; exit 3")])
        let failure = try #require(
            await asked.outOfTime(ScriptedService(log: { _ in .of("a line of the log") })))
        #expect(failure.message.hasSuffix("check 0: exited with 3: no log-in [1m"))
        #expect(failure.excerpt == "trying\nno log-in [1m")
        #expect(!failure.isPermanent)
    }

    @Test func `A command waits until all else is good`() async throws {
        let asked = Asked([shell("exit 0"), .healthy(container: "web")])
        let never = ScriptedService { _ in ServiceStatus(parts: [.web(health: .starting)]) }
        let failure = try #require(await asked.outOfTime(never))
        #expect(failure.message.contains("check 0: not asked: it waits for the other checks"))
        let late = ScriptedService {
            ServiceStatus(parts: [.web(health: $0 < 3 ? .starting : .healthy)])
        }
        #expect(try await asked.verify(late).first?.saw == "exited with 0")
    }

    @Test func `A command that is not there will not come`() async throws {
        let asked = Asked([.command(arguments: ["/nonexistent/check"])])
        let failure = try #require(await asked.failure(ScriptedService()))
        #expect(failure.isPermanent)
        #expect(failure.message.contains("check 0: `/nonexistent/check`"))
    }

    @Test func `A command that hangs is ended at its limit`() async throws {
        var pace = Asked.fast
        pace.command = .milliseconds(200)
        let asked = Asked([shell("sleep 60")])
        let failure = try #require(
            await asked.outOfTime(ScriptedService(), pace: pace))
        #expect(failure.message.contains("had not ended after 0.2 seconds"), "\(failure.message)")
    }

    @Test func `A stop ends a running command with all its children`() async throws {
        let asked = Asked(
            [shell("trap '' TERM; sleep 61 & sleep 62")])
        let tag = StepTag(upgrade: asked.plan.upgrade, step: .verify)
        let failure = await asked.outOfTime(ScriptedService()) { tag.isCarried() }
        #expect(try #require(failure).message.hasSuffix("check 0: no answer yet"))
        #expect(!tag.isCarried())
    }

    @Test func `What a dead Pawl left running is ended by its tag`() async throws {
        let asked = Asked(
            [shell("exec sleep 63 </dev/null >/dev/null 2>&1 &")])
        _ = try await asked.verify(ScriptedService())
        let tag = StepTag(upgrade: asked.plan.upgrade, step: .verify)
        #expect(tag.isCarried())
        let driver = Verification(service: ScriptedService())
        let context = Context(plan: asked.plan) { _ in }
        try await driver.endLeftovers(of: .verify(release: Asked.new), in: context)
        #expect(!tag.isCarried())
    }
}
