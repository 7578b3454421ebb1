import Foundation
import Glibc
import Testing

/// Commands without an application: help, wrong usage, wrong configuration, foreign files.
struct CommandLineTests {
    static let commands = [
        "init", "check", "plan", "upgrade", "status", "resume", "rollback", "settle", "verify",
        "timeline", "log", "replay", "service",
    ]

    static let helps =
        [["--help"], ["-h"], ["help"], []] + commands.map { [$0, "--help"] }
        + ["install", "uninstall"].map { ["service", $0, "--help"] }

    @Test(arguments: helps)
    func help(_ arguments: [String]) throws {
        let end = try Pawl.run(arguments)
        #expect(end.code == 0)
        #expect(end.output.hasPrefix("OVERVIEW: "))
        #expect(end.errors.isEmpty)
        #expect(
            end.output.split(separator: "\n").allSatisfy {
                $0.count <= 80 || $0.hasPrefix("USAGE")
            })
    }

    @Test func version() throws {
        #expect(try Pawl.run(["--version"]).output == "0.1.0\n")
    }

    @Test(arguments: [
        ["nonsense"], ["upgrade"], ["upgrade", "1", "--nonsense"], ["status", "extra"],
        ["upgrade", "1", "--stop-before", "nowhere"], ["rollback"], ["resume", "--retry"],
        ["resume", "--reason", "why"], ["settle", "stop", "--as", "done"],
        ["settle", "nonsense", "--as", "done", "--reason", "x"], ["verify", "--within", "0"],
        ["log", "--since", "x"], ["rollback", "--reason", ""], ["rollback", "--reason", " "],
        ["plan", "1", "--reason", String(repeating: "x", count: 2001)],
        ["upgrade", "1", "--reason", String(repeating: "x", count: 2001)],
        ["upgrade", "1", "--reason", "a\u{1B}[2Jb"],
        ["upgrade", "1", "--ticket", String(repeating: "x", count: 201)],
        ["status", "--state", ""], ["init", "--preset", "nonsense"],
    ])
    func wrongUsage(_ arguments: [String]) throws {
        let end = try Pawl.run(arguments)
        #expect(end.code == 64, "\(end.errors)")
        #expect(end.output.isEmpty)
        #expect(!end.errors.isEmpty)
    }

    @Test(arguments: ["check", "plan 1", "upgrade 1", "verify"])
    func withoutAConfiguration(_ line: String) throws {
        let scratch = try Scratch()
        let end = try Pawl.run(line.split(separator: " ").map(String.init), in: scratch.path)
        #expect(end.code == 78)
        #expect(end.errors.contains("there is no pawl.yaml here and none in /etc/pawl"))
        #expect(end.errors.contains("--config"))
    }

    @Test func initWritesOverNothing() throws {
        let scratch = try Scratch()
        try scratch.write("mine", to: "pawl.yaml")
        let end = try Pawl.run(["init", "--json"], in: scratch.path)
        #expect(end.code == 12 && end.errors.contains("--force"), "\(end.errors)")
        #expect(try end.document()["format"] as? String == "pawl.error/1")
        let absent = "unix://\(scratch.path)/absent.sock"
        let other = try Pawl.run(
            ["init", "--engine", absent, "--output", "new.yaml"], in: scratch.path)
        #expect(other.code == 12 && other.errors.contains(absent), "\(other.errors)")
        let files = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
        #expect(files == ["pawl.yaml"])
    }

    @Test(arguments: [
        ("", "the file is empty"), ("instances: [", "this is not YAML"),
        ("instances: {}", "instances is empty"),
        ("instances:\n  a: { runtim: {} }\n", "pawl.yaml:2:8: error: unknown key 'runtim'"),
    ])
    func wrongConfiguration(_ yaml: String, _ words: String) throws {
        let scratch = try Scratch()
        try scratch.write(yaml, to: "pawl.yaml")
        let end = try Pawl.run(["check", "--json"], in: scratch.path)
        #expect(end.code == 78)
        #expect(end.errors.contains(words), "\(end.errors)")
        #expect(try end.document()["format"] as? String == "pawl.error/1")
        #expect(try end.document()["exitStatus"] as? Int == 78)
    }

    @Test(arguments: [
        ("status", Int32(0)), ("resume", 0), ("rollback --reason x --yes", 64),
        ("settle stop --as done --reason x", 64), ("timeline", 64), ("log", 64), ("replay", 64),
    ])
    func whereNothingHasBeenDone(_ line: String, _ code: Int32) throws {
        let scratch = try Scratch()
        let arguments = line.split(separator: " ").map(String.init)
        let end = try Pawl.run(arguments + ["--state", "state"], in: scratch.path)
        #expect(end.code == code, "\(end.errors)")
        #expect((end.output + end.errors).contains("\(scratch.path)/state"))
        let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
        #expect(left.isEmpty, "looking makes nothing")
    }

    @Test(arguments: ["status", "resume", "timeline", "log", "replay"])
    func aForeignFileIsLeftAlone(_ command: String) throws {
        let scratch = try Scratch()
        try scratch.write("hello", to: "pawl.sqlite")
        let end = try Pawl.run([command, "--state", scratch.path])
        #expect(end.code == 1)
        #expect(end.errors.contains("is not a log of Pawl's"))
        #expect(
            try String(contentsOfFile: "\(scratch.path)/pawl.sqlite", encoding: .utf8) == "hello")
    }

    @Test func closedPipesAndDescriptors() throws {
        #expect(try Pawl.shell("$PAWL --help | head -1 >/dev/null").code == 0)
        #expect(try Pawl.shell("$PAWL status --state /nowhere >&- 2>&- <&-").code == 0)
        #expect(try Pawl.shell("$PAWL status --state /nowhere >/dev/full").code == 0)
    }
}
