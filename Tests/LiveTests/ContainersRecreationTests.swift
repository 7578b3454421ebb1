import DockerEngine
import Drivers
import Foundation
import Testing
import UpgradeMachine

/// What is recreated is what was there, but for the image.
@Suite("Containers made anew", .needsContainers, .timeLimit(.minutes(3)))
struct ContainersRecreationTests {
    /// Parts of an inspection in which a copy may differ, each with its reason.
    private static let mayDiffer: [(path: String, reason: String)] = [
        ("Id", "every container has its own"),
        ("Created", "a time"),
        ("State", "processes, times and ends are those of a run"),
        ("ResolvConfPath", "in the folder named by the id"),
        ("HostnamePath", "in the folder named by the id"),
        ("HostsPath", "in the folder named by the id"),
        ("LogPath", "in the folder named by the id"),
        ("GraphDriver/Data", "the container's own layers"),
        ("Image", "the candidate's"),
        ("Config/Image", "the name of the candidate's"),
        ("Config/Labels/io.pawl.upgrade", "one of our two labels"),
        ("Config/Labels/io.pawl.instance", "one of our two labels"),
        ("Config/Labels/com.docker.compose.image", "the candidate's id, as compose would set it"),
        ("Config/Labels/org.opencontainers.image.version", "the image's own label"),
        ("HostConfig/Binds/anonymous", "a volume without a name is attached by its id"),
        ("HostConfig/Mounts/anonymous", "a volume without a name is attached by its id"),
        ("Mounts/mode of anonymous", "a volume attached by name is marked as shared (z)"),
        ("NetworkSettings/SandboxID", "of the run's network namespace"),
        ("NetworkSettings/SandboxKey", "of the run's network namespace"),
        ("NetworkSettings/Networks/*/EndpointID", "of the run"),
        ("NetworkSettings/Networks/*/short id", "the engine's own alias, the container's short id"),
        ("NetworkSettings/Networks/dynamic/IPAddress", "given out anew"),
        ("NetworkSettings/Networks/dynamic/MacAddress", "made of the address"),
    ]

    private static func settings(_ world: ContainersWorld) -> [String: JSONValue] {
        [
            "Hostname": "myhost", "Domainname": "d.example", "User": "0:0", "WorkingDir": "/tmp",
            "Env": ["A=b", "PORT=9090", "EMPTY="], "StopSignal": "SIGTERM", "StopTimeout": 7,
            "Labels": [
                "k": "v", "org.opencontainers.image.title": "Mine",
                "com.docker.compose.image": "sha256:old", "com.docker.compose.service": "web",
            ],
            "Healthcheck": ["Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000],
            "ExposedPorts": ["99/tcp": [:]], "Volumes": ["/anonymous": [:]],
            "MacAddress": "02:42:ac:11:00:99", "Tty": true, "OpenStdin": true,
            "Entrypoint": ["/bin/sh", "-c"],
            "Cmd": ["trap 'exit 0' TERM; while :; do sleep 0.1; done"],
        ]
    }

    private static func hostSettings(_ world: ContainersWorld) -> JSONValue {
        let name = world.prefix
        return [
            "Binds": [.string("\(name)-named:/named"), "/tmp:/host:ro"],
            "Mounts": [
                ["Type": "tmpfs", "Target": "/tm", "TmpfsOptions": ["SizeBytes": 1_000_000]],
                ["Type": "volume", "Source": .string("\(name)-v2"), "Target": "/v2"],
                ["Type": "volume", "Target": "/anonymous2"],
            ],
            "Tmpfs": ["/run2": "size=65536k"],
            "PortBindings": ["99/tcp": [["HostIp": "127.0.0.1", "HostPort": "0"]]],
            "RestartPolicy": ["Name": "on-failure", "MaximumRetryCount": 3],
            "Memory": 67_108_864, "MemoryReservation": 33_554_432, "NanoCpus": 500_000_000,
            "CpuShares": 512, "PidsLimit": 50, "OomScoreAdj": 100,
            "Ulimits": [["Name": "nofile", "Soft": 1000, "Hard": 2000]],
            "CapAdd": ["NET_ADMIN"], "CapDrop": ["MKNOD"],
            "SecurityOpt": ["no-new-privileges"], "GroupAdd": ["7"],
            "Devices": [
                [
                    "PathOnHost": "/dev/null", "PathInContainer": "/dev/mine",
                    "CgroupPermissions": "rwm",
                ]
            ],
            "DeviceCgroupRules": ["c 1:3 rwm"],
            "Dns": ["127.0.0.53"], "DnsSearch": ["s.example"], "DnsOptions": ["ndots:2"],
            "ExtraHosts": ["other:127.0.0.9"], "Sysctls": ["net.core.somaxconn": "128"],
            "LogConfig": ["Type": "json-file", "Config": ["max-size": "1m"]],
            "ShmSize": 33_554_432, "Init": true, "ReadonlyRootfs": true,
            "MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"],
            "CgroupnsMode": "private", "IpcMode": "shareable", "UTSMode": "",
            "Annotations": .null,
        ]
    }

    @Test("a copy of a container that uses every setting has them all")
    func everySetting() async throws {
        try await ContainersWorld.run { world in
            let dynamic = try await world.network("dynamic")
            let fixed = try await world.network(
                "fixed", settings: ["IPAM": ["Config": [["Subnet": "10.231.77.0/24"]]]])
            var host = Self.hostSettings(world)
            host["NetworkMode"] = .string(dynamic)
            let before = try await world.container(
                host: host, start: false, config: Self.settings(world),
                networking: [
                    "EndpointsConfig": .object([
                        dynamic: [
                            "Aliases": ["web", "board"], "DriverOpts": ["com.example.x": "1"],
                        ]
                    ])
                ])
            try await world.engine.connectNetwork(
                fixed, container: before.id,
                settings: [
                    "Aliases": ["web2"], "IPAMConfig": ["IPv4Address": "10.231.77.77"],
                ])
            try await world.engine.startContainer(before.id)
            let old = try await world.engine.inspectContainer(before.id)
            // Once from the same image, so that nothing of the image hides a difference.
            try await check(old, world, to: "1.0.0", upgrade: "u1", volumes: true)
            let second = try await world.engine.inspectContainer(world.name("web"))
            try await check(second, world, to: "2.0.0", upgrade: "u2", volumes: false)
        }
    }

    private func check(
        _ old: ContainerDetails, _ world: ContainersWorld, to version: String, upgrade: String,
        volumes: Bool
    ) async throws {
        let plan = try await world.plan(to: version, upgrade: upgrade)
        try await world.pulled(version)
        _ = try await world.service.perform(.stop, in: plan.silent)
        _ = try await world.service.perform(.start(release: plan.candidate), in: plan.silent)
        let new = try await world.engine.inspectContainer(world.name("web"))
        #expect(new.id != old.id)
        #expect(new.imageID == (try await world.pulled(version)).id)
        let before = Self.flat(old.raw, of: old, world)
        let after = Self.flat(new.raw, of: new, world)
        let known = Set(Self.mayDiffer.map(\.path))
        let different = Set(before.keys).union(after.keys).filter { path in
            before[path] != after[path]
                && !known.contains { path == $0 || path.hasPrefix($0 + "/") }
        }
        #expect(
            different.isEmpty,
            """
            \(different.sorted().map { path in
                "\(path): \(before[path], default: "nothing") became "
                    + "\(after[path], default: "nothing")"
            }.joined(separator: "\n"))
            """)
        // The very volumes, not ones like them.
        let ids = { (container: ContainerDetails) in
            Set(container.mounts.compactMap(\.volume))
        }
        #expect(ids(old) == ids(new) && ids(new).count == 4)
        #expect(new.labels["com.docker.compose.image"] == new.imageID)
        let address = new.networks.first { $0.name.hasSuffix("-fixed") }?.address
        #expect(address == "10.231.77.77")
        #expect(
            new.networks.first { $0.name.hasSuffix("-dynamic") }?.raw["MacAddress"]
                == "02:42:ac:11:00:99")
    }

    /// An inspection as paths and values, with those that need it under names of their own.
    private static func flat(
        _ raw: JSONValue, of container: ContainerDetails, _ world: ContainersWorld
    ) -> [String: JSONValue] {
        let short = String(container.id.prefix(12))
        let anonymous = Set(
            container.mounts.filter { $0.destination.hasPrefix("/anonymous") }
                .compactMap(\.volume))
        func isAnonymous(_ text: String) -> Bool { anonymous.contains { text.contains($0) } }
        var raw = raw
        let binds = raw["HostConfig", "Binds"]?.stringsValue ?? []
        raw["HostConfig", "Binds"] = [
            "named": JSONValue(binds.filter { !isAnonymous($0) }),
            "anonymous": JSONValue(binds.filter(isAnonymous)),
        ]
        var given: JSONValue = [:]
        for mount in raw["HostConfig", "Mounts"]?.arrayValue ?? [] {
            let target = mount["Target"]?.stringValue ?? ""
            let name = target.hasPrefix("/anonymous") ? "anonymous" : "named"
            given[name, target] = mount
        }
        raw["HostConfig", "Mounts"] = given
        var mounts: JSONValue = [:]
        for mount in raw["Mounts"]?.arrayValue ?? [] {
            let target = mount["Destination"]?.stringValue ?? ""
            var mount = mount
            if target.hasPrefix("/anonymous") {
                mounts["mode of anonymous", target] = mount["Mode"]
                mount["Mode"] = nil
            }
            mounts[target] = mount
        }
        raw["Mounts"] = mounts
        var networks: JSONValue = [:]
        for network in container.networks {
            let name = String(network.name.dropFirst(world.prefix.count + 1))
            var settings = network.raw
            let aliases = settings["Aliases"]?.stringsValue ?? []
            settings["Aliases"] = JSONValue(aliases.filter { $0 != short })
            settings["EndpointID"] = nil
            if name == "dynamic", settings["MacAddress"] == "02:42:ac:11:00:99" {
                settings["MacAddress"] = nil
            }
            networks[name] = settings
        }
        raw["NetworkSettings", "Networks"] = networks
        var paths: [String: JSONValue] = [:]
        func walk(_ value: JSONValue, _ path: String) {
            if let members = value.objectValue, !members.isEmpty {
                for (name, member) in members {
                    walk(member, path.isEmpty ? name : path + "/" + name)
                }
            } else {
                // A port that the engine chose is another one each time.
                paths[path] = path.contains("/Ports/") ? "published" : value
            }
        }
        walk(raw, "")
        return paths
    }

    @Test("what came from the old image comes from the new one, what the user set stays")
    func imageDefaults() async throws {
        try await ContainersWorld.run { world in
            let image = try await world.pulled("2.0.0")
            try await world.container(
                host: ["RestartPolicy": ["Name": "always"]],
                config: ["Env": ["PORT=8081", "MINE=1"], "Labels": ["mine": "1"]])
            let plan = try await world.plan(to: "2.0.0")
            _ = try await world.service.perform(.stop, in: plan.silent)
            _ = try await world.service.perform(.start(release: plan.candidate), in: plan.silent)
            let new = try await world.engine.inspectContainer(world.name("web"))
            #expect(new.labels["org.opencontainers.image.version"] == "2.0.0")
            #expect(new.labels["mine"] == "1")
            let variables = Set(new.raw["Config", "Env"]?.stringsValue ?? [])
            #expect(variables.isSuperset(of: ["PORT=8081", "MINE=1", "PYTHONDONTWRITEBYTECODE=1"]))
            #expect(!variables.contains("PORT=8080"))
            #expect(new.raw["Config", "Healthcheck"] == image.config["Healthcheck"])
            #expect(new.raw["Config", "WorkingDir"] == image.config["WorkingDir"])
            #expect(new.raw["Config", "Hostname"]?.stringValue == String(new.id.prefix(12)))
            #expect(try await world.run(["cat", "RELEASE"], in: new.id) == "2.0.0\n")
        }
    }

    @Test("every default of an image is the new one's")
    func everyDefault() async throws {
        try await ContainersWorld.run { world in
            let words = ["old", "other"]
            var names: [String] = []
            for word in words {
                let port = "\(word.count)/tcp"
                names.append(
                    try await world.image(
                        word, stopSignal: word == "old" ? "SIGTERM" : "SIGINT",
                        changes: [
                            "ENV MODE=\(word)", "ENV PATH=/bin:/usr/bin", "LABEL who=\(word)",
                            #"ENTRYPOINT ["sh", "-c"]"#, "EXPOSE \(port)", "VOLUME /\(word)",
                            "CMD [\"trap 'exit 0' TERM; : \(word); while :; do sleep 0.1; done\"]",
                            "WORKDIR /\(word)", word == "old" ? "USER 0" : "USER 0:0",
                            "HEALTHCHECK --interval=\(word.count)s CMD true \(word)",
                        ]))
            }
            let new = try await world.engine.inspectImage(names[1])
            let made = try await world.engine.createContainer(
                name: world.name("web"),
                body: [
                    "Image": .string(names[0]), "Env": ["MINE=1"],
                    "HostConfig": ["NetworkMode": "none"],
                ])
            try await world.engine.startContainer(made.id)
            let repository = String(names[1].dropLast(2))
            let release = try await world.planner.localRelease(
                names[1], version: "2", in: repository)
            let survey = try await world.planner.survey(world.selection(["web": .replaced]))
            let plan = try await world.plan(
                candidate: release, containers: survey.containers, localTag: names[1],
                repository: repository)
            _ = try await twice(.stop, world, plan)
            _ = try await twice(.start(release: release), world, plan)
            let web = try await world.engine.inspectContainer(world.name("web"))
            #expect(web.imageID == new.id)
            for name in [
                "Cmd", "Entrypoint", "ExposedPorts", "WorkingDir", "User", "StopSignal",
                "Healthcheck", "Volumes",
            ] {
                #expect(web.raw["Config", name] == new.config[name], "\(name)")
            }
            #expect(web.labels["who"] == "other")
            let variables = Set(web.raw["Config", "Env"]?.stringsValue ?? [])
            #expect(variables == Set(new.config["Env"]?.stringsValue ?? []).union(["MINE=1"]))
            // Data of the old image's volume stays attached, though the new image knows it not.
            #expect(Set(web.mounts.map(\.destination)) == ["/old", "/other"])
            try await world.engine.removeImage("\(repository):2")
        }
    }

    @Test("data in a volume without a name is there for the candidate, and for the way back")
    func anonymousVolume() async throws {
        try await ContainersWorld.run { world in
            try await world.container(config: ["Volumes": ["/data": [:]]])
            _ = try await world.run(["sh", "-c", "echo one > /data/file"], in: world.name("web"))
            let plan = try await world.plan(to: "2.0.0")
            try await world.pulled("2.0.0")
            let service = world.service
            _ = try await service.perform(.stop, in: plan.silent)
            _ = try await service.perform(.start(release: plan.candidate), in: plan.silent)
            #expect(try await world.run(["cat", "/data/file"], in: world.name("web")) == "one\n")
            _ = try await world.run(["sh", "-c", "echo two > /data/file"], in: world.name("web"))
            _ = try await service.perform(.removeCandidate, in: plan.silent)
            _ = try await service.perform(.startPrevious(kept: nil), in: plan.silent)
            #expect(try await world.run(["cat", "/data/file"], in: world.name("web")) == "two\n")
        }
    }

    @Test("containers that join another one join its copy")
    func joined() async throws {
        try await ContainersWorld.run { world in
            let first = try await world.container(
                "a", host: ["IpcMode": "shareable"], config: ["Volumes": ["/data": [:]]])
            try await world.container(
                "b",
                host: [
                    "NetworkMode": .string("container:\(first.id)"),
                    "IpcMode": .string("container:\(world.name("a"))"),
                    "VolumesFrom": [.string(first.id)],
                ])
            let survey = try await world.planner.survey(
                world.selection(["a": .replaced, "b": .replaced]))
            #expect(!survey.findings.contains { $0.severity == .refusal }, "\(survey.findings)")
            let wrong = try await world.planner.survey(
                world.selection(["b": .replaced, "a": .replaced]))
            #expect(wrong.findings.filter { $0.code == "wrong-order" }.count == 3)

            let plan = try await world.plan(to: "2.0.0", ["a": .replaced, "b": .replaced])
            try await world.pulled("2.0.0")
            _ = try await world.service.perform(.stop, in: plan.silent)
            _ = try await world.service.perform(.start(release: plan.candidate), in: plan.silent)
            let a = try await world.engine.inspectContainer(world.name("a"))
            let b = try await world.engine.inspectContainer(world.name("b"))
            #expect(b.raw["HostConfig", "NetworkMode"]?.stringValue == "container:\(a.id)")
            #expect(b.raw["HostConfig", "IpcMode"]?.stringValue == "container:\(a.id)")
            #expect(a.mounts.map(\.volume) == b.mounts.map(\.volume) && a.mounts.count == 1)
        }
    }
}
