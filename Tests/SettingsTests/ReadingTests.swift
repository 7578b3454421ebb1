import Foundation
import Testing
import UpgradeMachine

@testable import Settings

@Suite("Forms of values")
struct ReadingTests {
    @Test(
        "Durations",
        arguments: [
            ("30s", 30), ("5m", 300), ("2h", 7200), ("1h30m", 5400), ("1h0m5s", 3605),
            ("90m", 5400),
            ("45", 45), ("0s", 0), ("0", 0),
            ("", nil), ("h", nil), ("1.5h", nil), ("30m1h", nil), ("5 m", nil), ("-5s", nil),
            ("+5", nil), ("5M", nil), ("99999999999999999999", nil), ("9999999h", nil),
        ] as [(String, Int?)])
    func durations(text: String, seconds: Int?) {
        #expect(Seconds(written: text)?.count == seconds)
    }

    @Test("Durations as they are shown", arguments: [(0, "0s"), (5400, "1h30m"), (3605, "1h5s")])
    func shown(seconds: Int, text: String) {
        #expect(Seconds(seconds).written == text)
    }

    @Test(
        "The nearest word",
        arguments: [
            ("contaners", "containers"), ("conatiners", "containers"), ("Containers", "containers"),
            ("stop-grace", "stop_grace"), ("pasued", "paused"), ("ports", nil), ("", nil),
            (String(repeating: "a", count: 65), nil),
        ] as [(String, String?)])
    func nearestWord(text: String, expected: String?) {
        #expect(nearest(to: text, among: ["containers", "paused", "stop_grace"]) == expected)
    }

    @Test(
        "Paths",
        arguments: [
            ("/a", "/a"), ("a", "/etc/pawl/a"), ("./a", "/etc/pawl/a"), (".//a", "/etc/pawl/a"),
            ("../a", "/etc/pawl/../a"), (".", "/etc/pawl"), ("./", "/etc/pawl"),
        ])
    func paths(text: String, expected: String) {
        #expect(absolute(text, in: "/etc/pawl") == expected)
        #expect(absolute("a", in: "/") == "/a")
    }

    @Test(
        "Repositories without a tag",
        arguments: [
            ("studio", true), ("acme/studio", true), ("localhost/studio", true),
            ("localhost:5000/a", true), ("registry.example:5000/acme/stu-dio", true),
            ("Registry.example/acme/studio", true), ("studio:7", false), ("acme/studio:7", false),
            ("acme/studio@sha256:70", false), ("acme//studio", false), ("Acme/studio", false),
            ("https://registry.example/studio", false), ("registry.example/", false),
        ])
    func repositories(text: String, isGood: Bool) {
        let start = RefusalCase.start.replacing("registry.example/acme/studio", with: "'\(text)'")
        let errors = RefusalCase("", file: start).errors()
        #expect(errors.isEmpty == isGood, "\(errors)")
    }
}

@Suite("The JSON Schema")
struct JSONSchemaTests {
    @Test func `It is JSON, and knows the keys that are read`() throws {
        let data = Data(SettingsFile.jsonSchema.utf8)
        let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(root["required"] as? [String] == ["instances"])
        #expect(root["additionalProperties"] as? Bool == false)
        let instances = (root["properties"] as? [String: Any])?["instances"] as? [String: Any]
        let instance = instances?["additionalProperties"] as? [String: Any]
        let keys = (instance?["properties"] as? [String: Any])?.keys.sorted()
        #expect(
            keys == [
                "<<", "backups", "checks", "database", "limits", "runtime", "steady_for",
                "versions", "volumes_not_covered",
            ])
    }

    @Test func `Every key is described in a sentence`() {
        let keys = allKeys(of: Shape<FileSettings>.file.schema)
        #expect(keys.count > 50)
        #expect(keys.filter { !$0.summary.hasSuffix(".") }.map(\.name).isEmpty)
    }

    private func allKeys(of schema: Schema) -> [Schema.Key] {
        schema.keys.flatMap { [$0] + allKeys(of: $0.schema) }
    }
}
