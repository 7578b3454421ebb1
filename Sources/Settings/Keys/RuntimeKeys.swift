import UpgradeMachine

extension Shape where Value == RuntimeSettings {
    static let runtime = mapping(
        "a mapping with docker or host", example: "{ docker: … }",
        .one(
            of: Choice(
                "docker", Shape<DockerSettings>.docker.map { .docker(settings: $0) },
                "Containers of a Docker Engine, or of Podman behind the same API."),
            Choice(
                "host", Shape<HostSettings>.host.map { .host(settings: $0) },
                "Releases unpacked side by side, the serving one behind a `current` link."))
    ) { (_, _, runtime) throws(Refused) in runtime }
}

extension Shape where Value == DockerSettings {
    static let docker = mapping(
        "a mapping with image and containers",
        example: "{ image: registry.example/acme/studio, containers: [studio_web] }",
        .optional(
            "engine", .engine,
            "The engine's address; otherwise DOCKER_HOST, or unix:///var/run/docker.sock."),
        .required("image", .repository, "The image's repository without a tag."),
        .optional(
            "local_tag", .localTag,
            "A name of this host for the image that serves; it moves with the start."),
        .required(
            "containers", containerList(atLeast: 1),
            "Recreated with the candidate's image, in the order in which they start."),
        .optional(
            "paused", containerList(atLeast: 0), default: [],
            "Other writers: stopped for an upgrade and started again as they are."),
        .optional(
            "stop_grace", Shape<Seconds>.duration(Seconds(0)...3600, example: "30s"),
            default: Seconds(30),
            "Time between a container's stop signal and its kill; otherwise 30s."),
        .optional(
            "registry", .registryAccount,
            "The registry's account; otherwise what `docker login` kept."),
        .optional(
            "archived_as", .repository,
            "The image's name within image archives; otherwise any that ends like image."),
        .optional(
            "reload",
            Shape<Located<ProxyReload>>.reload.list(
                "a list of containers with commands",
                example: "[{ container: studio_https, command: [nginx, -s, reload] }]"),
            default: [],
            "What remembers where the containers are, such as a proxy: told after each start.")
    ) {
        (
            cursor, reading, engine, image, localTag, containers, paused, stopGrace, registry,
            archivedAs, reloads
        ) throws(Refused) in
        for reload in reloads
        where (containers + paused).contains(where: { $0.value == reload.value.container }) {
            throw reading.refuse(
                "runtime.docker.reload: '\(reload.value.container)' is one of the containers "
                    + "that are started anew", "name those that stand in front of them",
                at: reload.place)
        }
        for container in containers + paused {
            reading.claim(
                "the container", container.value,
                scope: engine ?? "",
                advice: "a container belongs to one instance, and there "
                    + "either to containers or to paused", at: container.place)
        }
        return DockerSettings(
            engine: engine, repository: image, localTag: localTag,
            containers: containers.map(\.value), paused: paused.map(\.value),
            stopGrace: stopGrace, registry: registry, archivedAs: archivedAs,
            reloads: reloads.map(\.value))
    }

    private static func containerList(atLeast: Int) -> Shape<[Located<String>]> {
        Shape<String>.container.located.list(
            "a list of container names", example: "[studio_web]", atLeast: atLeast)
    }
}

extension Shape where Value == Located<ProxyReload> {
    fileprivate static let reload = Shape<ProxyReload>.mapping(
        "a container and a command",
        example: "{ container: studio_https, command: [nginx, -s, reload] }",
        .required("container", .container, "The container."),
        .required(
            "command", .command(example: "[nginx, -s, reload]"),
            "Run in it, with no shell between; has to end 0.")
    ) { (_, _, container, command) throws(Refused) in
        ProxyReload(container: container, command: command)
    }.located
}

extension Shape where Value == RegistryAccount {
    static let registryAccount = mapping(
        "a mapping with user and password",
        example: "{ user: customer, password: { env: REGISTRY_PASSWORD } }",
        .required("user", .text("an account's name", example: "customer"), "The account's name."),
        .required("password", .secret, "Where its password or token is kept.")
    ) { (_, _, user, password) throws(Refused) in
        RegistryAccount(user: user, password: password)
    }
}

extension Shape where Value == HostSettings {
    static let host = mapping(
        "a mapping with directory, start, stop and status",
        example: "{ directory: /opt/noticeboard, start: [bin/start], stop: [bin/stop], "
            + "status: [bin/status] }",
        .required(
            "directory", Shape<String>.path("a directory", example: "/opt/noticeboard").located,
            "Holds releases/VERSION and the link current."),
        .optional(
            "archive", .archive,
            "The release archives of this host; otherwise every upgrade names its own."),
        .required(
            "start", .command(example: "[bin/start]"),
            "Starts the application; run in current, with no shell between."),
        .required("stop", .command(example: "[bin/stop]"), "Stops the application."),
        .required(
            "status", .command(example: "[bin/status]"),
            "Ends 0 where the application runs, 1 to 3 where not (as systemctl is-active)."),
        .optional(
            "log", .path("a file", example: "/var/log/noticeboard.log"),
            "The application's own log, for the checks that read it.")
    ) { (cursor, reading, directory, archive, start, stop, status, log) throws(Refused) in
        reading.claim(
            "the directory", directory.value, advice: "an instance has a directory of its own",
            at: directory.place)
        return HostSettings(
            runtime: HostRuntime(
                directory: directory.value, start: start, stop: stop, status: status,
                logFile: log),
            archive: archive)
    }
}

extension Shape where Value == String {
    fileprivate static let archive = path(
        "a file with {version} in its name", example: "'/srv/releases/noticeboard-{version}.tar.gz'"
    ).checked { (path, cursor, reading) throws(Refused) in
        guard path.contains(HostSettings.versionMark), !path.contains("://") else {
            throw reading.refuse(
                "\(cursor.name) has to be a file of this host with {version} in its name",
                "for example archive: '/srv/releases/noticeboard-{version}.tar.gz'",
                at: cursor.place)
        }
        return path
    }
}
