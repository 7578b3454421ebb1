import Testing
import UpgradeMachine

@Suite("Two versions")
struct VersionTests {
    /// From the oldest to the newest; none is the same as another.
    static let ascending = [
        "0.9", "1", "1.0.1", "1.2.0-SNAPSHOT", "1.2.0-alpha", "1.2.0-alpha2", "1.2.0.Beta1",
        "1.2.0-m3", "1.2.0-pre1", "1.2.0-rc1", "1.2.0-rc.2", "1.2.0RC10", "1.2.0", "1.2.1-2",
        "1.2.1-10", "1.10.0-alpine", "1.11", "v2.0.0+build.7", "2.0.0.1", "7.0.0", "10", "20241125",
    ]

    @Test func `Each is older than all behind it`() throws {
        let versions = try Self.ascending.map { try #require(Version($0), "\($0)") }
        for (index, left) in versions.enumerated() {
            for right in versions[(index + 1)...] {
                #expect(left.order(beside: right) == .older, "\(left.text) and \(right.text)")
                #expect(right.order(beside: left) == .newer, "\(right.text) and \(left.text)")
            }
        }
    }

    @Test(arguments: [
        ("7", "7.0.0"), ("v7.1", "7.1.0"), ("7.1.0+a", "7.1.0+b"), ("7.1.0.Final", "7.1.0"),
        ("7.1-RC1", "7.1.0.rc.1"), ("7.1.0-alpine", "7.1.0-ALPINE"), ("1.0-a1", "1.0-alpha1"),
    ])
    func `Two spellings are the same`(left: String, right: String) throws {
        let (own, its) = (try #require(Version(left)), try #require(Version(right)))
        #expect(own.order(beside: its) == .same)
        #expect(its.order(beside: own) == .same)
    }

    @Test(arguments: [
        ("7.1.0-alpine", "7.1.0"), ("7.1.0-2", "7.1.0"), ("7.1.0-hotfix", "7.1.0-patched"),
        ("7.1.0-rc1-b5", "7.1.0-rc1"), ("7.1.0-rc1", "7.1.0-slim"),
    ])
    func `Some have no order`(left: String, right: String) throws {
        let (own, its) = (try #require(Version(left)), try #require(Version(right)))
        #expect(own.order(beside: its) == nil)
        #expect(its.order(beside: own) == nil)
    }

    @Test(arguments: [
        "", "latest", "v", "stable-7", ".1", "902698021c65", "123456789012", "7f3a", "1.2x",
        "99999999999999999999.1", "-1", "²",
    ])
    func `What is no version is none`(text: String) { #expect(Version(text) == nil) }
}

@Suite("Which version may follow")
struct VersionRulesTests {
    private static let rules = VersionRules(floors: ["7.4.0", "7.0.0"])

    private func refusals(_ findings: [PlanFinding]) -> [PlanFinding] {
        findings.filter { $0.severity == .refusal }
    }

    @Test(arguments: [
        ("6.5.0", "7.0.0"), ("7.0.0", "7.4.0"), ("7.0.3", "7.3.9"), ("7.4.0", "9.0.0"),
        ("6.9", "7.0.0-rc1"), ("7.0.0", "7.0.0"),
    ])
    func `A way that jumps over no floor is free`(current: String, candidate: String) {
        #expect(Self.rules.findings(from: current, to: candidate).isEmpty)
    }

    @Test func `The lowest floor that is jumped over is named, and the whole way`() throws {
        let findings = Self.rules.findings(from: "6.5.0", to: "8.0.0")
        #expect(
            findings == [
                PlanFinding(
                    .refusal,
                    "from 6.5.0 to 8.0.0 no upgrade leads past 7.0.0 (versions.floors)",
                    advice: "upgrade to 7.0.0 first: 7.0.0, then 7.4.0, then 8.0.0")
            ])
    }

    @Test func `An image names floors of its own`() {
        let findings = Self.rules.findings(from: "7.4.0", to: "9.0.0", label: " 8.1, 8.0.0\n7.0.0")
        #expect(findings.map(\.severity) == [.refusal])
        #expect(findings.first?.message.contains("8.0.0 (io.pawl.floors)") == true)
        #expect(findings.first?.advice.hasSuffix("8.0.0, then 8.1, then 9.0.0") == true)
    }

    @Test func `A floor that cannot be compared is passed over, and said so`() {
        let findings = VersionRules(floors: ["8.0.0-blue", "7.0.0"])
            .findings(from: "6.0", to: "8.0.0-green")
        #expect(findings.map(\.severity) == [.warning, .refusal])
        #expect(findings.first?.message.contains("8.0.0-blue") == true)
    }

    @Test func `A downgrade is refused, unless it is allowed`() {
        let refused = Self.rules.findings(from: "7.1.0", to: "7.1.0-rc2")
        #expect(refused.map(\.severity) == [.refusal])
        #expect(refused.first?.advice.contains("pawl rollback") == true)
        let allowed = VersionRules(floors: ["7.1.0"], downgrade: .allow)
            .findings(from: "7.2.0", to: "7.0.0")
        #expect(allowed.map(\.severity) == [.warning])
    }

    @Test func `The same version with new bytes is no downgrade`() {
        #expect(Self.rules.findings(from: "latest", to: "latest").isEmpty)
        #expect(Self.rules.findings(from: "7.1", to: "7.1.0").isEmpty)
    }

    @Test func `What cannot be compared is said, and not refused`() {
        let unknown = VersionRules().findings(from: "902698021c65", to: "7.1.0")
        #expect(unknown.map(\.severity) == [.note])
        let withFloors = Self.rules.findings(from: "stable", to: "7.1.0")
        #expect(withFloors.map(\.severity) == [.warning])
        #expect(withFloors.first?.message.contains("7.4.0, 7.0.0") == true)
    }
}
