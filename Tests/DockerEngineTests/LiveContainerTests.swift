import DockerEngine
import Testing

@Suite(.needsEngine, .timeLimit(.minutes(2))) struct LiveContainerTests {
    @Test("the engine tells of itself")
    func engine() async throws {
        let engine = try LiveEngine.engine()
        #expect(try await engine.apiVersion() >= .oldest)
        #expect(try await engine.info().rootDirectory.hasPrefix("/"))
        #expect(try await !engine.version().version.isEmpty)
    }

    @Test("made, started, renamed, stopped, given a policy, removed")
    func life() async throws {
        try await LiveEngine.withContainer(start: false) { engine, name in
            var container = try await engine.inspectContainer(name)
            #expect(container.name == name && container.state.status == "created")
            #expect(container.state.startedAt == nil && !container.autoRemove)
            #expect(container.restartPolicy == RestartPolicy(name: "always"))
            #expect(container.labels["pawl.test"] == name)
            try await engine.startContainer(name)
            try await engine.startContainer(name)
            #expect(try await engine.topContainer(name).rows.count == 1)
            try await engine.renameContainer(name, to: name + "-old")
            try await engine.updateContainer(name + "-old", restartPolicy: .no)
            try await engine.renameContainer(container.id, to: name)
            try await engine.stopContainer(name, grace: .seconds(1))
            try await engine.stopContainer(name, grace: .seconds(1))
            container = try await engine.inspectContainer(name)
            #expect(!container.state.isRunning && container.state.exitCode == 137)
            #expect(container.restartPolicy == .no)
            let started = try #require(container.state.startedAt)
            #expect(try #require(container.state.finishedAt) > started)
            #expect(try await engine.waitContainer(name, within: .seconds(5)).exitCode == 137)
            let list = try await engine.listContainers(
                all: true, filters: ["label": ["pawl.test=\(name)"]])
            #expect(list.map(\.name) == [name])
            #expect(
                try await engine.listContainers(filters: ["label": ["pawl.test=\(name)"]]).isEmpty)
        }
    }

    @Test("a container is made again from what is read of it")
    func recreated() async throws {
        try await LiveEngine.withContainer(start: false) { engine, name in
            let first = try await engine.inspectContainer(name)
            var body = try #require(first.raw["Config"])
            body["HostConfig"] = first.raw["HostConfig"]
            let made = try await engine.createContainer(name: name + "-2", body: body)
            let second = try await engine.inspectContainer(made.id)
            try await engine.removeContainer(made.id)
            var (left, right) = (first.raw, second.raw)
            left["Config", "Hostname"] = nil
            right["Config", "Hostname"] = nil
            #expect(left["Config"] == right["Config"])
            #expect(left["HostConfig"] == right["HostConfig"])
        }
    }

    @Test("a name in use is a conflict, one that is not there is not found")
    func refusals() async throws {
        try await LiveEngine.withContainer { engine, name in
            await #expect {
                try await engine.createContainer(
                    name: name, body: ["Image": .string(try LiveEngine.image())])
            } throws: { if case DockerError.conflict = $0 { true } else { false } }
            await #expect {
                try await engine.removeContainer(name)
            } throws: { if case DockerError.conflict = $0 { true } else { false } }
            for missing in ["nobody", "a/b?c", "ü"] {
                await #expect {
                    try await engine.inspectContainer(missing)
                } throws: { if case DockerError.notFound = $0 { true } else { false } }
            }
            await #expect {
                try await engine.inspectContainer("")
            } throws: { if case DockerError.invalid = $0 { true } else { false } }
            // The image, not the container.
            await #expect {
                try await engine.createContainer(name: name + "-x", body: ["Image": "no/such:1"])
            } throws: { if case DockerError.rejected(404, _, _) = $0 { true } else { false } }
            await #expect {
                try await engine.startContainer("nobody")
            } throws: { if case DockerError.notFound = $0 { true } else { false } }
            await #expect {
                try await engine.waitContainer(name, within: .milliseconds(500))
            } throws: { if case DockerError.timedOut = $0 { true } else { false } }
        }
    }

    @Test("networks: made, entered, left, removed")
    func networks() async throws {
        try await LiveEngine.withContainer(start: false) { engine, name in
            let id = try await engine.createNetwork(name: name, settings: ["Labels": ["a": "b"]])
            #expect(try await engine.inspectNetwork(name).labels == ["a": "b"])
            try await engine.disconnectNetwork("none", container: name)
            try await engine.connectNetwork(
                id, container: name, settings: ["Aliases": ["toy"]])
            let networks = try await engine.inspectContainer(name).networks
            #expect(networks.map(\.name) == [name])
            #expect(networks.first?.aliases.contains("toy") == true)
            try await engine.disconnectNetwork(id, container: name)
            try await engine.removeNetwork(id)
            await #expect(throws: DockerError.self) { try await engine.inspectNetwork(id) }
        }
    }

    @Test("the log's two streams, its end, its time and its limit", arguments: [false, true])
    func log(terminal: Bool) async throws {
        // The engine reads the two streams apart, so the numbers wait until "err" is in the log.
        let script = """
            echo out; echo err >&2; until [ -e /tmp/go ]; do sleep 0.1; done; seq 1000; sleep 600
            """
        try await LiveEngine.withContainer(command: ["sh", "-c", script], terminal: terminal) {
            engine, name in
            let lines = { (selection: LogSelection) in
                let (output, error) = (Collected<String>(), Collected<String>())
                try await engine.readLog(of: name, selection, limitInBytes: 1 << 20) {
                    let text = String(decoding: $1, as: UTF8.self)
                    ($0 == .output ? output : error).append(text)
                }
                let text = output.values.joined().replacing("\r\n", with: "\n")
                return (text, error.values.joined())
            }
            try await eventually {
                let (output, error) = try await lines(LogSelection())
                return (output + error).contains("err\n")
            }
            _ = try await engine.runExec(
                in: name, ExecCommand(["touch", "/tmp/go"]), limits: ExecLimits(whole: .seconds(20))
            )
            try await eventually { try await lines(LogSelection()).0.hasSuffix("\n1000\n") }
            let (output, error) = try await lines(LogSelection())
            #expect(output.hasPrefix("out\n"))
            #expect(error == (terminal ? "" : "err\n"))
            #expect(try await lines(LogSelection(tail: 2)).0 == "999\n1000\n")
            let stamped = try await lines(LogSelection(tail: 1, timestamps: true)).0
            let time = try #require(Timestamp(rfc3339: String(stamped.prefix { $0 != " " })))
            #expect(
                try await lines(LogSelection(since: Timestamp(seconds: time.seconds + 5))).0 == "")
            #expect(try await lines(LogSelection(since: time)).0.hasSuffix("1000\n"))
            let end = try await engine.readLog(of: name, limitInBytes: 100) { _, _ in }
            #expect(end.sizeInBytes == 100 && end.isTruncated)
        }
    }

    @Test("stopping the task ends a followed log within a second")
    func stoppedLog() async throws {
        try await LiveEngine.withContainer(command: ["sh", "-c", "echo up; sleep 600"]) {
            engine, name in
            let seen = Collected<Int>()
            let task = Task {
                try await engine.readLog(
                    of: name, LogSelection(follow: true), limitInBytes: 1000
                ) { seen.append($1.count) }
            }
            try await eventually { !seen.values.isEmpty }
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

    @Test("events of one container, those that were and those to come")
    func events() async throws {
        try await LiveEngine.withContainer(start: false) { engine, name in
            let id = try await engine.inspectContainer(name).id
            let seen = Collected<String>()
            let task = Task {
                try await engine.readEvents(
                    since: Timestamp(seconds: 1),
                    filters: ["type": ["container"], "label": ["pawl.test=\(name)"]]
                ) { event in
                    seen.append(event.action)
                    return event.subject == id && event.action == "die" ? .finish : .goOn
                }
            }
            try await eventually { seen.values.contains("create") }
            try await engine.startContainer(name)
            try await engine.killContainer(name)
            try await task.value
            #expect(seen.values == ["create", "start", "kill", "die"])
        }
    }
}
