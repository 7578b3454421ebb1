import Synchronization
import Testing
import UpgradeMachine

@testable import DockerEngine
@testable import Drivers

@Suite("What a container has of its own") struct ContainersOwnSettingsTests {
    static let image: JSONValue = [
        "Env": ["PATH=/bin", "MODE=fast", "VERSION=1"], "Cmd": ["serve"], "Entrypoint": ["/run"],
        "Labels": ["version": "1", "vendor": "acme"], "ExposedPorts": ["80/tcp": [:]],
        "Volumes": ["/data": [:]], "WorkingDir": "/opt", "User": "app", "StopSignal": "SIGQUIT",
        "Healthcheck": ["Test": ["CMD", "check"], "Interval": 5], "Shell": ["/bin/sh", "-c"],
    ]

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What the container has in place of the image's.
        let changes: [String: JSONValue]
        /// What of it has to be given to a new image.
        let own: JSONValue
    }

    @Test(arguments: [
        Case(
            testDescription: "nothing of its own", changes: [:],
            own: ["Env": [], "Labels": [:], "ExposedPorts": [:], "Volumes": [:]]),
        Case(
            testDescription: "one variable more and one other",
            changes: ["Env": ["PATH=/bin", "MODE=slow", "VERSION=1", "DB=x"]],
            own: [
                "Env": ["MODE=slow", "DB=x"], "Labels": [:], "ExposedPorts": [:],
                "Volumes": [:],
            ]),
        Case(
            testDescription: "labels, ports and volumes beside the image's",
            changes: [
                "Labels": ["version": "1", "vendor": "me", "x": "y"],
                "ExposedPorts": ["80/tcp": [:], "81/tcp": [:]],
                "Volumes": ["/data": [:], "/more": [:]],
            ],
            own: [
                "Env": [], "Labels": ["vendor": "me", "x": "y"],
                "ExposedPorts": ["81/tcp": [:]], "Volumes": ["/more": [:]],
            ]),
        Case(
            testDescription: "its own arguments for the image's entry point",
            changes: ["Cmd": ["serve", "--port", "81"]],
            own: [
                "Env": [], "Labels": [:], "ExposedPorts": [:], "Volumes": [:],
                "Cmd": ["serve", "--port", "81"],
            ]),
        Case(
            testDescription: "its own entry point, which does away with the arguments",
            changes: ["Entrypoint": ["/mine"], "Cmd": nil],
            own: [
                "Env": [], "Labels": [:], "ExposedPorts": [:], "Volumes": [:],
                "Entrypoint": ["/mine"],
            ]),
        Case(
            testDescription: "the image's entry point, given on purpose without arguments",
            changes: ["Cmd": nil],
            own: [
                "Env": [], "Labels": [:], "ExposedPorts": [:], "Volumes": [:],
                "Entrypoint": ["/run"],
            ]),
        Case(
            testDescription: "no entry point",
            changes: ["Entrypoint": nil, "Cmd": ["/bin/other"]],
            own: [
                "Env": [], "Labels": [:], "ExposedPorts": [:], "Volumes": [:],
                "Entrypoint": [""], "Cmd": ["/bin/other"],
            ]),
        Case(
            testDescription: "another interval for the image's health check",
            changes: ["Healthcheck": ["Test": ["CMD", "check"], "Interval": 9, "Retries": 2]],
            own: [
                "Env": [], "Labels": [:], "ExposedPorts": [:], "Volumes": [:],
                "Healthcheck": ["Interval": 9, "Retries": 2],
            ]),
        Case(
            testDescription: "no health check",
            changes: ["Healthcheck": ["Test": ["NONE"], "Interval": 5]],
            own: [
                "Env": [], "Labels": [:], "ExposedPorts": [:], "Volumes": [:],
                "Healthcheck": ["Test": ["NONE"]],
            ]),
        Case(
            testDescription: "another user, folder and signal, and settings nobody knows yet",
            changes: ["User": "0", "WorkingDir": "/", "StopSignal": "SIGINT", "New": ["a": 1]],
            own: [
                "Env": [], "Labels": [:], "ExposedPorts": [:], "Volumes": [:], "User": "0",
                "WorkingDir": "/", "StopSignal": "SIGINT", "New": ["a": 1],
            ]),
    ])
    func own(_ expected: Case) {
        var config = Self.image
        for (name, value) in expected.changes { config[name] = value }
        #expect(OwnSettings(config: config, image: Self.image).own == expected.own)
    }
}

@Suite("A copy of a container") struct ContainersCopyTests {
    /// As an engine of API 1.41 shows one that is stopped.
    static func kept(
        _ host: JSONValue = [:], networks: JSONValue = [:], mounts: JSONValue = [],
        config: JSONValue = [:]
    ) throws -> ContainerDetails {
        var config = config
        config["Image"] = "studio:latest"
        if config["Hostname"] == nil { config["Hostname"] = "0123456789ab" }
        return try ContainerDetails(
            [
                "Id": .string("0123456789ab" + String(repeating: "c", count: 52)),
                "Name": "/web.pawl-u1", "Image": "sha256:old", "Config": config,
                "State": ["Status": "exited", "Running": false], "HostConfig": host,
                "Mounts": mounts, "NetworkSettings": ["Networks": networks],
            ], "container web")
    }

    static func copy(
        of kept: ContainerDetails, copies: [String: String] = [:], inherited: Set<String> = [],
        gone: Set<String> = [], allowsNetworkMAC: Bool = false
    ) -> ContainerCopy {
        ContainerCopy(
            kept: kept,
            planned: PlannedContainer(
                name: "web", role: .replaced, id: kept.id, imageID: kept.imageID,
                restartPolicy: RestartPolicyOfPlan.always, settingsDigest: ""),
            oldImage: [:], newImageID: "sha256:new", imageName: "studio:latest",
            labels: ["io.pawl.upgrade": "u1"], copies: copies, inherited: inherited,
            gone: gone, plannedNames: ["cache.pawl-u1": "cache"],
            allowsNetworkMAC: allowsNetworkMAC, isPodman: false)
    }

    @Test("the policy is the plan's, the labels say whose it is, compose is told of its image")
    func marks() throws {
        let kept = try Self.kept(
            ["RestartPolicy": ["Name": "no"]],
            config: ["Labels": ["com.docker.compose.image": "sha256:old", "a": "b"]])
        let body = Self.copy(of: kept).body
        #expect(body["HostConfig", "RestartPolicy", "Name"] == "always")
        #expect(
            body["Labels"] == [
                "io.pawl.upgrade": "u1", "a": "b", "com.docker.compose.image": "sha256:new",
            ])
        #expect(body["Image"] == "studio:latest")
        #expect(body["Hostname"] == nil, "it was the engine's own choice")
    }

    @Test("volumes without a name stay attached, others are left as they were given")
    func volumes() throws {
        let volume = { (name: String, place: String) -> JSONValue in
            ["Type": "volume", "Name": .string(name), "Destination": .string(place), "RW": true]
        }
        let kept = try Self.kept(
            [
                "Binds": ["named:/named:ro"],
                "Mounts": [
                    ["Type": "volume", "Target": "/anon2"],
                    ["Type": "volume", "Source": "mine", "Target": "/mine"],
                ],
            ],
            mounts: [
                volume("named", "/named"), volume("abc", "/anon1"), volume("def", "/anon2"),
                volume("mine", "/mine"), volume("other", "/from"),
            ])
        let host = Self.copy(of: kept, inherited: ["/from"]).body["HostConfig"]
        #expect(host?["Binds"] == ["named:/named:ro", "abc:/anon1"])
        #expect(
            host?["Mounts"] == [
                ["Type": "volume", "Target": "/anon2", "Source": "def"],
                ["Type": "volume", "Source": "mine", "Target": "/mine"],
            ])
    }

    @Test("what points to a container that was copied before points to the copy")
    func references() throws {
        let first = String(repeating: "f", count: 64)
        let kept = try Self.kept(
            [
                "NetworkMode": .string("container:\(first)"), "PidMode": "container:other",
                "VolumesFrom": [.string("\(first):ro"), "name"],
                "Links": ["/db:/web/database"],
            ],
            config: ["Hostname": "of-the-other", "ExposedPorts": ["80/tcp": [:]]])
        let body = Self.copy(of: kept, copies: [first: "new"]).body
        #expect(body["HostConfig", "NetworkMode"] == "container:new")
        #expect(body["HostConfig", "PidMode"] == "container:other")
        #expect(body["HostConfig", "VolumesFrom"] == ["new:ro", "name"])
        #expect(body["HostConfig", "Links"] == ["db:database"])
        #expect(body["Hostname"] == nil && body["ExposedPorts"] == nil)
        #expect(body["NetworkingConfig"] == nil)
    }

    static let networks: JSONValue = [
        "front": [
            "NetworkID": "aaa", "Aliases": ["web", "0123456789ab", "myhost"],
            "IPAMConfig": ["IPv4Address": "10.0.0.7"], "Links": .null, "MacAddress": "",
        ],
        "back": ["NetworkID": "bbb", "Aliases": ["0123456789ab"], "IPAMConfig": .null],
    ]

    @Test("one network at creation, the others after it, without what the engine adds itself")
    func networkSettings() throws {
        let copy = Self.copy(
            of: try Self.kept(
                ["NetworkMode": "front"], networks: Self.networks,
                config: ["Hostname": "myhost", "MacAddress": "02:00:00:00:00:01"]))
        #expect(
            copy.body["NetworkingConfig", "EndpointsConfig"] == [
                "front": ["Aliases": ["web"], "IPAMConfig": ["IPv4Address": "10.0.0.7"]]
            ])
        #expect(copy.furtherNetworks.map(\.name) == ["back"])
        #expect(copy.furtherNetworks.first?.settings == [:])
        #expect(copy.networkToLeave == nil)
        #expect(copy.body["Hostname"] == "myhost")
        #expect(copy.body["MacAddress"] == "02:00:00:00:00:01")
    }

    @Test("the MAC address moves into the network where the API has it there")
    func newMAC() throws {
        let copy = Self.copy(
            of: try Self.kept(
                ["NetworkMode": "front"], networks: Self.networks,
                config: ["MacAddress": "02:00:00:00:00:01"]), allowsNetworkMAC: true)
        let front = copy.body["NetworkingConfig", "EndpointsConfig", "front"]
        #expect(front?["MacAddress"] == "02:00:00:00:00:01")
        #expect(copy.body["MacAddress"] == nil)
    }

    @Test("a network that the container was taken out of is left again")
    func left() throws {
        let copy = Self.copy(of: try Self.kept(["NetworkMode": "gone"], networks: Self.networks))
        #expect(copy.networkToLeave == "gone")
        #expect(copy.furtherNetworks.map(\.name) == ["back", "front"])
        #expect(copy.body["NetworkingConfig"] == nil)
    }

    @Test("the digest of the settings is the same while it runs, stopped and renamed")
    func digest() throws {
        let running: JSONValue = [
            "front": [
                "NetworkID": "aaa", "Aliases": ["web", "0123456789ab", "myhost"],
                "IPAMConfig": ["IPv4Address": "10.0.0.7"], "MacAddress": "02:42:00:00:00:09",
                "IPAddress": "10.0.0.7",
            ],
            "back": ["NetworkID": "bbb", "Aliases": ["0123456789ab"]],
        ]
        let config: JSONValue = ["Hostname": "myhost"]
        let before = try Self.kept(
            ["RestartPolicy": ["Name": "always"]], networks: running, config: config)
        let after = try Self.kept(
            ["RestartPolicy": ["Name": "no"]], networks: Self.networks, config: config)
        let digest = ContainerSettings.digest(of: before)
        #expect(digest == ContainerSettings.digest(of: after) && digest.count == 64)
        let other = try Self.kept(
            ["Memory": 5], networks: Self.networks, config: config)
        #expect(digest != ContainerSettings.digest(of: other))
    }
}

/// Both the machine and the engine have a `RestartPolicy`.
private enum RestartPolicyOfPlan {
    static let always = UpgradeMachine.RestartPolicy(name: "always", maximumRetryCount: 0)
}

@Suite("Pulling") struct ContainersPullTests {
    @Test("bytes of all layers are counted once")
    func progress() {
        let told = Mutex<[String]>([])
        let layers = LayerProgress { step in
            if case .bytes(let done, let total) = step {
                told.withLock { $0.append("\(done)/\(total ?? -1)") }
            }
        }
        let line = { (text: String, id: String, done: Int64?, total: Int64?) in
            var line: JSONValue = ["status": .string(text), "id": .string(id)]
            if let done { line["progressDetail", "current"] = .integer(done) }
            if let total { line["progressDetail", "total"] = .integer(total) }
            if let step = ImageProgress(line) { layers.take(step) }
        }
        line("Pulling fs layer", "a", nil, nil)
        line("Downloading", "a", 10, 100)
        line("Downloading", "b", 5, 50)
        line("Download complete", "b", nil, nil)
        line("Extracting", "b", 50, 50)
        line("Pull complete", "b", nil, nil)
        line("Pull complete", "a", nil, nil)
        #expect(told.withLock { $0 } == ["10/100", "15/150", "60/150", "150/150"])
    }

    @Test(
        "what the engine says of a registry",
        arguments: [
            (
                "Get \"https://r/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                "registry-unreachable"
            ),
            (
                "Get \"https://r/v2/\": x509: certificate signed by unknown authority",
                "registry-untrusted"
            ),
            (
                "Get \"https://r/v2/\": http: server gave HTTP response to HTTPS client",
                "registry-untrusted"
            ),
            ("toomanyrequests: You have reached your pull rate limit", "registry-rate-limit"),
            ("write /var/lib/docker/tmp/x: no space left on device", "disk-full"),
            ("something else", "engine-refused"),
        ])
    func refusals(_ message: String, _ code: String) throws {
        let image = try #require(ImageReference("r.example/a"))
        let error = DockerError.rejected(status: 500, message: message, endpoint: "POST /x")
        let failure = Failure.pull(error, image, version: "7", login: .anonymous)
        #expect(failure.code == code)
        #expect(failure.message.contains(message))
    }

    @Test("names of kept containers")
    func keptNames() {
        #expect(KeptName.isKept("web.pawl-u1", of: "web"))
        #expect(!KeptName.isKept("web.pawl-", of: "web"))
        #expect(!KeptName.isKept("myweb.pawl-u1", of: "web"))
        #expect(TagName.parts(of: "r.example:5000/studio")?.repository == "r.example:5000/studio")
        #expect(TagName.parts(of: "r.example:5000/studio:7")?.tag == "7")
    }
}
