import Foundation
import Synchronization
import Testing
import UpgradeMachine

@testable import Drivers

@Suite("Commands of this host")
struct CommandsTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    func shell(_ script: String, limit: Duration = .seconds(20)) -> Command {
        Command(["sh", "-c", script], limit: limit)
    }

    @Test("Arguments reach the program as they stand")
    func arguments() async throws {
        let words = ["", "a b", "$HOME", "`id`", "*", "'\"", "äö"]
        let result = try await Command(["printf", "%s\\n"] + words, limit: .seconds(5)).run()
        #expect(result.output == words.joined(separator: "\n") + "\n")
        #expect(result.isSuccess)
    }

    @Test("A relative program is looked for in the working directory")
    func directoryOfWork() async throws {
        try directory.write("#!/bin/sh\npwd; echo $PAWL_STEP$MORE", to: "bin/tool", mode: 0o755)
        var command = Command(["bin/tool"], in: directory.path, limit: .seconds(5))
        command.environment = ["MORE": "+"]
        command.tag = StepTag(upgrade: "up-1", step: .stop)
        #expect(try await command.run().output == "\(directory.path)\nup-1/stop+\n")
    }

    @Test("What holds a secret is not inherited, and all else is")
    func withheld() async throws {
        let command = shell("env")
        // HOME and PATH are as good as any: what this process has, and a child would have.
        #expect(try await command.run().output.contains("HOME="))
        let lines = try await Command.$withheldVariables.withValue(["HOME", "NOT_SET"]) {
            try await command.run().output.split(separator: "\n")
        }
        #expect(!lines.contains { $0.hasPrefix("HOME=") || $0.hasPrefix("NOT_SET=") })
        #expect(lines.contains { $0.hasPrefix("PATH=") })
        var other = command
        other.withheld = ["HOME"]
        #expect(try await !other.run().output.contains("HOME="))
    }

    @Test("Nothing of Pawl's is open in it, and it has no terminal and a session of its own")
    func isolated() async throws {
        let open = try await Command(["ls", "/proc/self/fd"], limit: .seconds(20)).run()
        // The fourth is the directory that `ls` reads.
        #expect(open.output == "0\n1\n2\n3\n")
        let ids = try await shell("ps -o pid=,sid=,tty= -p $$").run().output
            .split(whereSeparator: \.isWhitespace)
        #expect(ids.count == 3)
        #expect(ids.first == ids.dropFirst().first)
        #expect(ids.last == "?")
    }

    @Test(
        "Its end is told as it was",
        arguments: [
            ("exit 0", CommandResult.End.exited(status: 0)), ("exit 3", .exited(status: 3)),
            ("kill -9 $$", .signalled(number: 9)), ("kill -13 $$", .signalled(number: 13)),
        ])
    func ends(script: String, end: CommandResult.End) async throws {
        #expect(try await shell(script).run().end == end)
    }

    @Test("Input and output of any size pass through")
    func streams() async throws {
        let size = 3_000_000
        let left = Mutex(size)
        let seen = Mutex(0)
        let result = try await Command(["cat"], limit: .seconds(20)).run(
            pull: { buffer in
                left.withLock { left in
                    let count = min(left, buffer.count)
                    left -= count
                    return count
                }
            }, sink: { part in seen.withLock { $0 += part.count } })
        #expect(result.isSuccess)
        #expect(seen.withLock { $0 } == size)
        #expect(result.output.isEmpty)
    }

    @Test("A program that does not want its input is no error")
    func unwanted() async throws {
        var command = Command(["true"], limit: .seconds(5))
        command.input = [UInt8](repeating: 1, count: 5_000_000)
        #expect(try await command.run().isSuccess)
        #expect(try await shell("cat").run().output.isEmpty)
    }

    @Test("The newest output is kept, up to the limit")
    func limit() async throws {
        var command = shell(
            "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done; echo e >&2")
        command.outputLimitInBytes = 1000
        let result = try await command.run()
        #expect(result.output.utf8.count == 1000)
        #expect(result.output.hasSuffix("line 19999\nline 20000\n"))
        #expect(result.errors == "e\n")
    }

    @Test(
        "A secret is taken out, also where the limit cuts it", arguments: [10, 100, 101, 107, 5000])
    func redacted(limit: Int) async throws {
        var command = shell("i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo -n hunter2-; done")
        command.outputLimitInBytes = limit
        command.redaction = Redaction([Secret("hunter2-")])
        let output = try await command.run().output
        #expect(output.utf8.count <= limit)
        let rest = output.replacing("[redacted]", with: "")
        #expect("[redacted]".hasSuffix(rest))
    }

    @Test("What cannot be started says why", arguments: ["/nowhere/tool", "no-such-tool-here"])
    func missing(program: String) async throws {
        let failure = await #expect(throws: Failure.self) {
            try await Command([program], limit: .seconds(5)).run()
        }
        #expect(failure?.code == "command-not-started")
        #expect(failure?.isPermanent == true)
        let elsewhere = await #expect(throws: Failure.self) {
            try await Command(["true"], in: "/nowhere", limit: .seconds(5)).run()
        }
        #expect(elsewhere?.code == "command-not-started")
    }

    @Test("At its limit it ends with all its children, also those that ignore SIGTERM")
    func timedOut() async throws {
        let pids = directory.path("pids")
        var command = shell(
            "trap '' TERM; (trap '' TERM; sleep 61) & (set -m; sleep 62 & echo $! >>\(pids)); "
                + "echo $! $$ >>\(pids); echo waiting; wait",
            limit: .milliseconds(500))
        command.grace = .milliseconds(200)
        let failure = await #expect(throws: Failure.self) { try await command.run() }
        #expect(failure?.code == "command-timed-out")
        #expect(failure?.excerpt == "waiting\n")
        let all = try directory.read("pids").split(whereSeparator: \.isWhitespace)
            .compactMap { Int32($0) }
        #expect(all.count == 3)
        for pid in all { #expect(Sessions.process(pid)?.isAlive != true) }
    }

    @Test("A task that is asked to stop ends it without waiting for its grace")
    func stopped() async throws {
        let mark = directory.path("runs")
        var command = shell(
            "trap '' TERM; >\(mark); sleep 60 & wait; sleep 60", limit: .seconds(60))
        command.grace = .seconds(60)
        let task = Task { [command] in try await command.run() }
        try await eventually { FileManager.default.fileExists(atPath: mark) }
        let begin = ContinuousClock.now
        task.cancel()
        let failure = await #expect(throws: Failure.self) { try await task.value }
        #expect(failure?.code == "interrupted")
        // Half a second where nothing else runs; tests beside this one take their time too.
        #expect(ContinuousClock.now - begin < .seconds(20))
    }

    @Test(
        "What it leaves in the background neither holds it up nor dies with it",
        arguments: ["setsid nohup", "nohup", ""], ["", ">/dev/null 2>&1 </dev/null"])
    func background(how: String, redirected: String) async throws {
        let (go, mark) = (directory.path("go"), directory.path("mark"))
        try directory.write(
            "#!/bin/sh\nuntil [ -f \(go) ]; do sleep 0.05; done\n"
                + "for i in 1 2 3; do echo tick; done; echo done > \(mark)",
            to: "app", mode: 0o755)
        var command = Command(
            ["sh", "-c", "\(how) ./app \(redirected) & echo started"], in: directory.path,
            limit: .seconds(30))
        command.outputFile = directory.path("output")
        let result = try await command.run()
        #expect(result.isSuccess)
        #expect(result.errors.contains("started\n"))
        // It waits for this file, so the command's end was not its own.
        try directory.write("", to: "go")
        try await eventually { FileManager.default.fileExists(atPath: mark) }
        if redirected.isEmpty {
            #expect(try directory.read("output").components(separatedBy: "tick").count == 4)
        }
    }

    @Test("A pipe that the background holds open does not hold it up either")
    func inheritedPipe() async throws {
        let result = try await shell("sleep 100 & echo $!").run()
        let id = try #require(Int32(result.output.dropLast()))
        #expect(Sessions.process(id)?.isAlive == true)
        kill(id, SIGKILL)
    }

    @Test("A sink that throws ends it, and its failure is told")
    func sinkFails() async throws {
        let full = Failure(code: "disk-full", message: "full", advice: "make room")
        let failure = await #expect(throws: Failure.self) {
            try await shell("while :; do echo more; done").run(sink: { _ in throw full })
        }
        #expect(failure?.code == "disk-full")
    }

    @Test("What carries a tag is ended, and nothing else")
    func tagged() async throws {
        let tag = StepTag(upgrade: "up-\(UUID().uuidString)", step: .backUp)
        func leave(_ value: String, _ name: String) async throws -> Int32 {
            var command = shell(
                "setsid sh -c 'trap \"\" TERM; sleep 30; :' >/dev/null 2>&1 & echo $!")
            command.environment = ["PAWL_STEP": value]
            command.outputFile = directory.path(name)
            return try #require(Int32(try await command.run().errors.dropLast()))
        }
        let mine = try await leave(tag.value, "a")
        let other = try await leave(tag.value + "x", "b")
        #expect(tag.isCarried())
        try await tag.endAll(grace: .milliseconds(100))
        #expect(!tag.isCarried())
        #expect(Sessions.process(mine)?.isAlive != true)
        #expect(Sessions.process(other)?.isAlive == true)
        try await StepTag(upgrade: tag.value.replacing("/backUp", with: ""), step: .backUp).endAll()
        for process in Sessions.processes() where process.session == other || process.id == other {
            kill(process.id, SIGKILL)
        }
    }

    func eventually(_ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !condition() {
            try #require(ContinuousClock.now < deadline)
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
