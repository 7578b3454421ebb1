import Testing
import UpgradeMachine

@testable import DockerEngine
@testable import Drivers

// What once made a copy that could not serve, or none at all.
extension ContainersCopyTests {
    @Test("a published port stays exposed where the new image does not expose it")
    func publishedPorts() throws {
        let ports: JSONValue = ["80/tcp": [["HostIp": "", "HostPort": "8080"]]]
        // What the old image exposes is left to the new one.
        let kept = try Self.kept(
            ["PortBindings": ports], config: ["ExposedPorts": ["80/tcp": [:], "81/tcp": [:]]])
        var copy = Self.copy(of: kept)
        #expect(copy.body["ExposedPorts"] == ["80/tcp": [:], "81/tcp": [:]])
        copy = Self.copy(of: try Self.kept(["PortBindings": ports]))
        #expect(copy.body["ExposedPorts"] == ["80/tcp": [:]])
        copy = Self.copy(
            of: try Self.kept(["PortBindings": ports, "NetworkMode": "container:x"]))
        #expect(copy.body["ExposedPorts"] == nil)
        #expect(Self.copy(of: try Self.kept(["PortBindings": [:]])).body["ExposedPorts"] == nil)
    }

    @Test("a link to a container that is kept leads to its copy")
    func links() throws {
        let kept = try Self.kept(
            ["Links": ["/cache.pawl-u1:/web.pawl-u1/cache", "/db:/web.pawl-u1/database"]])
        let body = Self.copy(of: kept).body
        #expect(body["HostConfig", "Links"] == ["cache:cache", "db:database"])
    }

    @Test("the digest is the same whatever the order of links, and the names they lead to")
    func linksInDigest() throws {
        let digests = try [["/a:/web/x", "/b:/web/y"], ["/b:/web/y", "/a.pawl-u1:/web/x"], []].map {
            ContainerSettings.digest(of: try Self.kept(["Links": JSONValue($0)]))
        }
        #expect(Set(digests).count == 1)
    }

    @Test("a place is the same with a slash at its end")
    func places() throws {
        let volume = { (name: String, place: String) -> JSONValue in
            ["Type": "volume", "Name": .string(name), "Destination": .string(place), "RW": true]
        }
        let kept = try Self.kept(
            [
                "Binds": ["studio:/data/"],
                "Mounts": [["Type": "volume", "Source": "mine", "Target": "/mine//x/."]],
            ], mounts: [volume("studio", "/data"), volume("mine", "/mine/x")])
        let host = Self.copy(of: kept).body["HostConfig"]
        #expect(host?["Binds"] == ["studio:/data/"])
        #expect(host?["Mounts"]?.arrayValue?.count == 1)
    }

    @Test(arguments: [
        ("/data/", "/data"), ("//data//x/./y/", "/data/x/y"), ("/a/../b", "/b"), ("/..", "/"),
        ("/", "/"), ("", ""), ("named", "named"),
    ])
    func cleaned(_ path: String, _ place: String) {
        #expect(ContainerPath.cleaned(path) == place)
    }

    @Test("volumes of a container that has been removed are attached one by one")
    func goneContainer() throws {
        let kept = try Self.kept(
            ["VolumesFrom": ["data:ro", "other"], "Binds": ["/etc/own:/own"]],
            mounts: [
                [
                    "Type": "volume", "Name": "abc", "Source": "/v/abc", "Destination": "/data",
                    "RW": false,
                ],
                ["Type": "bind", "Source": "/srv/files", "Destination": "/files", "RW": true],
                ["Type": "bind", "Source": "/etc/own", "Destination": "/own", "RW": true],
                ["Type": "volume", "Name": "def", "Destination": "/of-other", "RW": true],
            ])
        let host = Self.copy(of: kept, inherited: ["/of-other"], gone: ["data:ro"]).body[
            "HostConfig"]
        #expect(host?["VolumesFrom"] == ["other"])
        #expect(host?["Binds"] == ["/etc/own:/own", "abc:/data:ro", "/srv/files:/files"])
    }

    @Test("the working directory of the old image is no setting of the user's, slash or not")
    func workingDirectory() {
        let own = { (folder: JSONValue, ofImage: JSONValue) in
            OwnSettings(config: ["WorkingDir": folder], image: ["WorkingDir": ofImage])
                .own["WorkingDir"]
        }
        #expect(own("/opt/studio", "/opt/studio/") == nil)
        #expect(own("/opt/studio", "/opt") == "/opt/studio")
        #expect(own("", .null) == nil)
    }

    @Test("its own stop time is known, if it has one")
    func stopTimeout() throws {
        #expect(try Self.kept(config: ["StopTimeout": 180]).stopTimeout == .seconds(180))
        #expect(try Self.kept(config: ["StopTimeout": -1]).stopTimeout == .seconds(-1))
        #expect(try Self.kept().stopTimeout == nil)
    }

    @Test("the log of one between two starts begins with the run that has ended")
    func logBegin() throws {
        let begin = { (running: Bool, restarting: Bool) throws in
            var raw = try Self.kept().raw
            raw["State"] = [
                "Status": "x", "Running": .bool(running), "Restarting": .bool(restarting),
                "StartedAt": "2026-01-01T00:00:10Z", "FinishedAt": "2026-01-01T00:00:11Z",
            ]
            return try ContainerDetails(raw, "web").logBegin
        }
        let ofEnded = Timestamp(rfc3339: "2026-01-01T00:00:08Z")
        #expect(try begin(true, true) == ofEnded)
        #expect(try begin(false, false) == ofEnded)
        #expect(try begin(true, false) == Timestamp(rfc3339: "2026-01-01T00:00:11Z"))
    }
}

@Suite("A copy that is tried out") struct ContainersProbeTests {
    @Test("it is neither a kept container nor a service of compose's, and fills no volume")
    func body() {
        let body: JSONValue = [
            "Labels": ["io.pawl.upgrade": "u1", "com.docker.compose.project": "p"],
            "HostConfig": [
                "RestartPolicy": ["Name": "always"],
                "Binds": ["v:/a", "v:/b:ro", "v:/c:rw,nocopy", "/host:/d", "/host:/e:ro"],
                "Mounts": [
                    ["Type": "volume", "Source": "v", "Target": "/f"],
                    ["Type": "bind", "Source": "/g", "Target": "/g"],
                ],
            ],
        ]
        let probe = ContainerProbe.body(from: body, upgrade: "u1", isPodman: false)
        #expect(probe["Labels"] == ["io.pawl.probe": "u1"])
        let host = probe["HostConfig"]
        #expect(host?["RestartPolicy", "Name"] == "no")
        #expect(
            host?["Binds"] == [
                "v:/a:nocopy", "v:/b:ro,nocopy", "v:/c:rw,nocopy", "/host:/d", "/host:/e:ro",
            ])
        #expect(host?["Mounts"]?[0]?["VolumeOptions", "NoCopy"] == true)
        #expect(host?["Mounts"]?[1]?["VolumeOptions"] == nil)
        let ofPodman = ContainerProbe.body(from: body, upgrade: "u1", isPodman: true)
        #expect(ofPodman["HostConfig", "Binds"] == body["HostConfig", "Binds"])
        let name = ContainerProbe.name(of: "web", upgrade: "u1")
        #expect(!KeptName.isKept(name, of: "web"))
    }
}

@Suite("What a look at containers refuses") struct ContainersLookTests {
    /// Members in order, each with its role and its own settings.
    private static func codes(
        _ members: [(String, PlannedContainer.Role, JSONValue)], stopLimit: Duration? = nil,
        config: JSONValue = [:]
    ) throws -> [String] {
        var look = Look(
            ContainerSelection(
                repository: "r", localTag: nil,
                members: members.map { .init(name: $0.0, role: $0.1) }, stopLimit: stopLimit))
        for (name, role, host) in members {
            var raw = try ContainersCopyTests.kept(host, config: config).raw
            raw["Id"] = .string("\(name)-\(String(repeating: "0", count: 20))")
            raw["Name"] = .string("/" + name)
            raw["State"] = ["Status": "running", "Running": true]
            let details = try ContainerDetails(raw, name)
            look.details.append(details)
            look.planned.append(
                PlannedContainer(
                    name: name, role: role, id: details.id, imageID: "sha256:old",
                    restartPolicy: .init(name: "no", maximumRetryCount: 0), settingsDigest: ""))
        }
        look.examineMembers()
        return look.findings.filter { $0.severity == .refusal }.map(\.code)
    }

    @Test("links and joined containers that a start, or the way back, could not follow")
    func references() throws {
        let link: JSONValue = ["Links": ["/other:/web/x"]]
        let join: JSONValue = ["NetworkMode": "container:other-0000000000"]
        for settings in [link, join, ["PidMode": "container:other"]] {
            let web = ("web", PlannedContainer.Role.replaced, settings)
            #expect(try Self.codes([web, ("other", .paused, [:])]) == ["wrong-order"])
            #expect(try Self.codes([web, ("other", .replaced, [:])]) == ["wrong-order"])
            #expect(try Self.codes([("other", .replaced, [:]), web]) == [])
            #expect(try Self.codes([web, ("third", .paused, [:])]) == [])
            let paused = ("web", PlannedContainer.Role.paused, settings)
            #expect(try Self.codes([("other", .replaced, [:]), paused]) == ["joined"])
            #expect(try Self.codes([("other", .paused, [:]), paused]) == [])
        }
        let volumes: JSONValue = ["VolumesFrom": ["other:ro"]]
        #expect(
            try Self.codes([("web", .replaced, volumes), ("other", .paused, [:])]) == [])
        #expect(
            try Self.codes([("web", .replaced, volumes), ("other", .replaced, [:])])
                == ["wrong-order"])
        #expect(
            try Self.codes([("other", .replaced, [:]), ("web", .paused, volumes)]) == [])
    }

    @Test(
        "a stop time that limits.stop does not allow",
        arguments: [
            (180, ["stop-timeout"]), (120, ["stop-timeout"]), (119, []), (-1, ["stop-timeout"]),
        ])
    func stopTimeout(seconds: Int, expected: [String]) throws {
        let codes = try Self.codes(
            [("web", .replaced, [:])], stopLimit: .seconds(120),
            config: ["StopTimeout": .integer(Int64(seconds))])
        #expect(codes == expected)
    }

    @Test("changes that cannot be listed are a note, and no end of planning")
    func changes() throws {
        var look = Look(ContainerSelection(repository: "r", localTag: nil, members: []))
        for error in [
            DockerError.timedOut("x", after: .seconds(60)), .tooLarge("x", limitInBytes: 1),
        ] {
            #expect(try look.withoutChanges(of: "web", because: error) == nil)
        }
        #expect(look.findings.map(\.code) == ["changes-unknown", "changes-unknown"])
        #expect(look.findings.allSatisfy { $0.severity == .note })
        #expect(throws: Failure.self) {
            try look.withoutChanges(of: "web", because: .stopped("x"))
        }
    }
}

@Suite("What an engine's refusal means") struct ContainersFailureTests {
    private static func code(_ message: String, status: Int = 500) -> String {
        Failure(DockerError.rejected(status: status, message: message, endpoint: "POST /x")).code
    }

    @Test("a port and an address in use are told apart")
    func inUse() {
        #expect(Self.code("Bind for 0.0.0.0:80 failed: port is already allocated") == "port-in-use")
        #expect(Self.code("listen tcp4 0.0.0.0:80: bind: address already in use") == "port-in-use")
        #expect(Self.code("Address already in use", status: 403) == "address-in-use")
    }

    @Test("an advice is given once")
    func advice() {
        let failure = Failure(
            DockerError.unreachable(endpoint: "e", reason: "r", advice: "Look at it."))
        #expect(failure.advice == "Look at it." && !failure.message.contains("Look at it."))
    }

    @Test("where images are unpacked, in either store")
    func imageDirectory() throws {
        let info = { (status: JSONValue) in
            EngineInfo(
                rootDirectory: "/var/lib/docker", hostName: nil, serverVersion: nil,
                storageDriver: nil, isLiveRestoreEnabled: false, raw: ["DriverStatus": status])
        }
        #expect(
            info([["driver-type", "io.containerd.snapshotter.v1"]]).imageDirectory
                == "/var/lib/containerd")
        #expect(info([["Backing Filesystem", "extfs"]]).imageDirectory == "/var/lib/docker")
        #expect(info(.null).imageDirectory == "/var/lib/docker")
    }
}
