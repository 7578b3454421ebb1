import Foundation
import Testing

/// What is asked beside an upgrade, and what its checks are asked with.
@Suite(.enabled(if: hasPython, "the sample application is in Python"))
struct VerifyTests {
    @Test func everyCheckIsTold() throws {
        let world = try Installation(
            .init(moreChecks: [
                "http: { url: 'http://127.0.0.1:PORT/version', contains: '\"version\"' }",
                "{ name: odd, http: { url: 'http://127.0.0.1:PORT/health', contains: Nonsense } }",
            ]))
        let bad = try world.pawl("verify", "--within", "1")
        #expect(bad.code == 20, "\(bad.errors)")
        let lines = bad.output.split(separator: "\n").map(String.init)
        #expect(lines.contains { $0.hasPrefix("  ✓ running: ") })
        #expect(lines.contains { $0.hasPrefix("  ✓ release: sha256:") })
        #expect(lines.contains { $0.hasSuffix("/version (2): 200, a match of \"version\"") })
        #expect(lines.contains("  ✗ odd: 200, without a match of Nonsense"), "\(lines)")
        #expect(lines.count == 8)

        let report = try world.pawl("verify", "--within", "1", "--json").document()
        #expect(report["isGood"] as? Bool == false)
        let results = try #require(report["results"] as? [[String: Any]])
        let odd = try #require(results.first { $0["check"] as? String == "odd" })
        #expect(odd["isGood"] as? Bool == false)
        #expect(results.count { $0["isGood"] as? Bool == true } == 6)
        #expect((report["failure"] as? String)?.contains("Nonsense") == true)
    }

    @Test func secretsOfChecksAreKept() throws {
        let planted = "planted-\(UInt64.random(in: 0...UInt64.max))"
        let key = FileManager.default.temporaryDirectory
            .appending(path: "pawl-key-\(UInt64.random(in: 0...UInt64.max))").path
        defer { _ = try? FileManager.default.removeItem(atPath: key) }
        #expect(
            FileManager.default.createFile(
                atPath: key, contents: Data(planted.utf8), attributes: [.posixPermissions: 0o600]))
        let world = try Installation(
            .init(moreChecks: [
                "http: { url: 'http://127.0.0.1:PORT/', headers: { X-Key: { env: SMOKE_KEY } } }",
                "http: { url: 'http://127.0.0.1:PORT/health', account: { user: a, "
                    + "password: { file: \(key) } } }",
                "{ name: gossip, command: [sh, -c, 'test -z \"$SMOKE_KEY\" && cat \(key)'] }",
            ]))
        let environment = ["SMOKE_KEY": "env-\(planted)"]
        func pawl(_ arguments: String...) throws -> Child.End {
            try Pawl.run(arguments, in: world.directory.path, environment: environment)
        }
        let verified = try pawl("verify", "--within", "20")
        #expect(verified.code == 0, "\(verified.output) \(verified.errors)")
        #expect(verified.output.contains("✓ gossip: exited with 0: [redacted]"))
        let upgraded = try pawl("upgrade", "2.0.0")
        #expect(upgraded.code == 0, "\(upgraded.errors)")
        let ends = [
            verified, upgraded, try pawl("timeline"), try pawl("timeline", "--json"),
            try pawl("log", "--json"), try pawl("verify", "--json"),
        ]
        #expect(ends[4].output.contains("exited with 0: [redacted]"))
        for end in ends { #expect(!"\(end.output)\(end.errors)".contains(planted)) }
        let state = try world.shell("grep -rl '\(planted)' state || true")
        #expect(state.isEmpty, "\(state)")
    }

    @Test func whatChecksNeedIsLookedForBefore() throws {
        let world = try Installation(
            .init(moreChecks: [
                "{ name: key, http: { url: 'http://127.0.0.1:PORT/', headers: { X-Key: { env: "
                    + "PAWL_NO_SUCH_KEY } } } }",
                "{ name: tls, http: { url: 'https://127.0.0.1:PORT/', ca: nowhere.pem } }",
            ]))
        let check = try world.pawl("check", "2.0.0")
        #expect(check.code == 12)
        #expect(
            check.output.contains(
                "the check key cannot be asked: the environment has no variable PAWL_NO_SUCH_KEY"))
        #expect(check.output.contains("the check tls cannot be asked: "))
        #expect(check.output.contains("nowhere.pem holds no certificate in PEM"))
        let upgrade = try world.pawl("upgrade", "2.0.0")
        #expect(upgrade.code == 12, "\(upgrade.errors)")
        #expect(try world.servingVersion() == "1.0.0")
    }
}
