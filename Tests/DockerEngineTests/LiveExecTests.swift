import DockerEngine
import Synchronization
import Testing

@Suite(.needsEngine, .timeLimit(.minutes(3))) struct LiveExecTests {
    @Test("50 MB through standard input arrive whole")
    func input() async throws {
        let size = 50 << 20
        let sent = try HostChecksum()
        try await LiveEngine.withContainer { engine, name in
            let left = Mutex((source: SeededBytes(seed: 1), count: size))
            let output = Collected<String>()
            let outcome = try await engine.runExec(
                in: name, ExecCommand(["sh", "-c", "sha256sum; echo done >&2"]),
                limits: ExecLimits(whole: .seconds(120)),
                input: { buffer in
                    try left.withLock { left in
                        let count = min(left.count, buffer.count & ~7)
                        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                        left.source.fill(part)
                        left.count -= count
                        try sent.update(UnsafeRawBufferPointer(part))
                        return count
                    }
                }, output: { output.append(String(decoding: $0, as: UTF8.self)) })
            #expect(outcome.exitCode == 0)
            #expect(outcome.standardErrorText == "done\n")
            #expect(outcome.inputSizeInBytes == Int64(size))
            #expect(!outcome.wasInputRefused)
            #expect(try output.values.joined() == sent.finalize())
        }
    }

    @Test("200 MB through standard output arrive whole")
    func output() async throws {
        let received = try HostChecksum()
        // The same bytes go to the sink and, inside the container, to sha256sum(1).
        let script = """
            mkfifo /tmp/f; sha256sum </tmp/f >&2 & head -c 200000000 /dev/urandom | tee /tmp/f; wait
            """
        try await LiveEngine.withContainer { engine, name in
            let outcome = try await engine.runExec(
                in: name, ExecCommand(["sh", "-c", script]),
                limits: ExecLimits(whole: .seconds(150)), output: { try received.update($0) })
            #expect(outcome.exitCode == 0)
            #expect(outcome.outputSizeInBytes == 200_000_000)
            #expect(try outcome.standardErrorText == received.finalize())
        }
    }

    @Test("input and output at once do not wait for each other")
    func both() async throws {
        try await LiveEngine.withContainer { engine, name in
            let left = Mutex(30 << 20)
            let outcome = try await engine.runExec(
                in: name, ExecCommand(["cat"]), limits: ExecLimits(whole: .seconds(60)),
                input: { buffer in
                    left.withLock { left in
                        let count = min(left, buffer.count)
                        left -= count
                        return count
                    }
                })
            #expect(outcome.outputSizeInBytes == 30 << 20)
        }
    }

    @Test("a command that does not want its input ends with its own exit code")
    func refusedInput() async throws {
        try await LiveEngine.withContainer { engine, name in
            let outcome = try await engine.runExec(
                in: name, ExecCommand(["sh", "-c", "echo no >&2; exit 3"]),
                limits: ExecLimits(whole: .seconds(30)), input: { $0.count })
            #expect(outcome.exitCode == 3)
            #expect(outcome.wasInputRefused)
            #expect(outcome.standardErrorText == "no\n")
        }
    }

    @Test("user, folder, environment and a limit on standard error")
    func settings() async throws {
        try await LiveEngine.withContainer { engine, name in
            let output = Collected<String>()
            let outcome = try await engine.runExec(
                in: name,
                ExecCommand(
                    ["sh", "-c", "id -u; pwd; echo $SECRET; head -c 100000 /dev/zero >&2; exit 7"],
                    environment: ["SECRET": "a b"], user: "65534", workingDirectory: "/usr"),
                limits: ExecLimits(whole: .seconds(30), standardErrorInBytes: 1000),
                output: { output.append(String(decoding: $0, as: UTF8.self)) })
            #expect(output.values.joined() == "65534\n/usr\na b\n")
            #expect(outcome.exitCode == 7)
            #expect(outcome.standardError.count == 1000 && outcome.isStandardErrorTruncated)
        }
    }

    @Test("a conversation with a shell")
    func conversation() async throws {
        try await LiveEngine.withContainer { engine, name in
            let shell = try await engine.converse(
                in: name, ExecCommand(["sh", "-c", "while read l; do echo \"<$l>\"; done; exit 5"]))
            for word in ["one", "two words", ""] {
                try await shell.send(word + "\n", within: .seconds(5))
                #expect(try await shell.receiveLine(within: .seconds(5)) == "<\(word)>")
            }
            await #expect(throws: DockerError.self) {
                try await shell.receiveLine(within: .milliseconds(300))
            }
            try await shell.send("still there\n", within: .seconds(5))
            #expect(try await shell.receiveLine(within: .seconds(5)) == "<still there>")
            #expect(try await engine.inspectExec(shell.execID).isRunning)
            #expect(try await shell.finish(within: .seconds(5)) == 5)
        }
    }

    @Test("stopping the task ends a running command's streams within a second")
    func stopped() async throws {
        try await LiveEngine.withContainer { engine, name in
            let began = Collected<Int>()
            let task = Task {
                try await engine.runExec(
                    in: name, ExecCommand(["sh", "-c", "echo up; sleep 500"]),
                    limits: ExecLimits(whole: .seconds(100)), output: { began.append($0.count) })
            }
            try await eventually { !began.values.isEmpty }
            let asked = ContinuousClock.now
            task.cancel()
            let result = await task.result
            #expect(ContinuousClock.now - asked < .seconds(1))
            guard case .failure(DockerError.stopped) = result else {
                Issue.record("got \(result)")
                return
            }
        }
    }

    @Test("the limit of the whole command is kept")
    func limit() async throws {
        try await LiveEngine.withContainer { engine, name in
            await #expect {
                try await engine.runExec(
                    in: name, ExecCommand(["sleep", "500"]), limits: ExecLimits(whole: .seconds(1)))
            } throws: { error in
                if case DockerError.timedOut(_, .seconds(1)) = error { true } else { false }
            }
        }
    }

    @Test("a pull closure or sink that throws is the error")
    func thrown() async throws {
        struct Broken: Error {}
        let isBroken = { (error: any Error) in
            if case DockerError.bodyFailed(_, is Broken) = error { true } else { false }
        }
        try await LiveEngine.withContainer { engine, name in
            await #expect {
                try await engine.runExec(
                    in: name, ExecCommand(["cat"]), limits: ExecLimits(whole: .seconds(20)),
                    input: { _ in throw Broken() })
            } throws: { isBroken($0) }
            await #expect {
                try await engine.runExec(
                    in: name, ExecCommand(["echo"]), limits: ExecLimits(whole: .seconds(20)),
                    output: { _ in throw Broken() })
            } throws: { isBroken($0) }
        }
    }

    @Test("a container that is not there, or does not run")
    func absent() async throws {
        let engine = try LiveEngine.engine()
        await #expect {
            try await engine.createExec(in: "nobody", ExecCommand(["ls"]), attachesInput: false)
        } throws: { if case DockerError.notFound = $0 { true } else { false } }
        try await LiveEngine.withContainer(start: false) { engine, name in
            await #expect {
                try await engine.createExec(in: name, ExecCommand(["ls"]), attachesInput: false)
            } throws: { if case DockerError.conflict = $0 { true } else { false } }
        }
        await #expect {
            try await engine.runExec("0123456789ab", limits: ExecLimits(whole: .seconds(5)))
        } throws: { if case DockerError.notFound = $0 { true } else { false } }
    }
}
