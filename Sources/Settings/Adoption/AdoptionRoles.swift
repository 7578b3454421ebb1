/// What a person has already decided about an adoption.
public struct AdoptionWishes: Hashable, Sendable {
    /// Containers of the application, in the order in which they start; none to find them.
    public var containers: [String]
    /// The database's container; none to find it.
    public var database: String?
    public var preset: AdoptionPreset?

    public init(
        containers: [String] = [], database: String? = nil, preset: AdoptionPreset? = nil
    ) {
        (self.containers, self.database, self.preset) = (containers, database, preset)
    }
}

/// Why nothing can be written yet, and what to say for it to be.
public struct AdoptionRefusal: Error, Hashable, Sendable {
    public let message: String
    public let advice: String

    public init(_ message: String, _ advice: String) {
        (self.message, self.advice) = (message, advice)
    }
}

/// Which container is what.
public struct AdoptionRoles: Hashable, Sendable {
    /// Made anew with each release, in the order in which they start.
    public let application: [FoundContainer]
    /// The database of MySQL or MariaDB, where there is one.
    public let database: FoundContainer?
    /// Others that are told of the same database: they may write it.
    public let writers: [FoundContainer]
    /// Web servers in front of the application.
    public let proxies: [FoundContainer]
    /// A database of a kind that has to be written by hand.
    public let otherDatabase: FoundContainer?

    /// - Throws: What is missing, or stands to choose from.
    public init(
        of found: [FoundContainer], _ wishes: AdoptionWishes
    ) throws(AdoptionRefusal) {
        let containers = found.filter { !$0.isKept }
        guard !containers.isEmpty else {
            throw AdoptionRefusal(
                "there is no container",
                "is it another engine? name it with --engine; an application without containers "
                    + "is described by hand, as the README shows")
        }
        let wished = wishes.containers.isEmpty ? wishes.preset?.containers ?? [] : wishes.containers
        let database = try Self.database(containers, wishes)
        self.database = database
        application = try Self.application(
            containers.filter { $0.name != database?.name }, wished, beside: database)
        let members = Set(application.map(\.name) + [database?.name].compactMap { $0 })
        let rest = containers.filter { !members.contains($0.name) && $0.isRunning }
        let near = Set(application.flatMap(\.networks)).subtracting(["bridge", "host", "none"])
        proxies = rest.filter { $0.kind == .proxy && !near.isDisjoint(with: $0.networks) }
        writers = rest.filter { other in
            other.kind == .application && (database.map { other.refers(to: $0) } ?? false)
        }
        otherDatabase = rest.first {
            $0.kind == .postgresql && !near.isDisjoint(with: $0.networks)
        }
    }

    private static func database(
        _ containers: [FoundContainer], _ wishes: AdoptionWishes
    ) throws(AdoptionRefusal) -> FoundContainer? {
        if let name = wishes.database ?? wishes.preset?.database {
            return try required(name, among: containers, wishes)
        }
        let all = containers.filter { $0.kind == .mysql }
        let used = all.filter { database in containers.contains { $0.refers(to: database) } }
        let candidates = used.isEmpty ? all : used
        guard candidates.count > 1 else { return candidates.first }
        throw AdoptionRefusal(
            "there are several databases: \(Self.list(candidates))",
            "name the one to back up with --database NAME")
    }

    private static func application(
        _ containers: [FoundContainer], _ wished: [String], beside database: FoundContainer?
    ) throws(AdoptionRefusal) -> [FoundContainer] {
        guard wished.isEmpty else {
            var chosen: [FoundContainer] = []
            for name in wished {
                chosen.append(try required(name, among: containers, AdoptionWishes()))
            }
            return chosen
        }
        var candidates = containers.filter { $0.kind == .application && $0.isRunning }
        if let database, case let using = candidates.filter({ $0.refers(to: database) }),
            !using.isEmpty
        {
            candidates = using
        }
        if candidates.isEmpty {
            candidates = containers.filter { $0.kind == .proxy && $0.isRunning }
        }
        guard let first = candidates.first else {
            throw AdoptionRefusal(
                "none of the containers is an application that runs: \(list(containers))",
                "name it with --container NAME")
        }
        // One release may run in several containers.
        guard candidates.allSatisfy({ $0.image == first.image }) else {
            throw AdoptionRefusal(
                "several containers may be the application: \(list(candidates))",
                "name those that are made anew with a release, in the order in which they start: "
                    + candidates.map { "--container \($0.name)" }.joined(separator: ", or "))
        }
        return candidates
    }

    private static func required(
        _ name: String, among containers: [FoundContainer], _ wishes: AdoptionWishes
    ) throws(AdoptionRefusal) -> FoundContainer {
        if let found = containers.first(where: { $0.name == name }) { return found }
        let there = "there is " + list(containers)
        guard wishes.preset != nil, wishes.database == nil else {
            throw AdoptionRefusal("there is no container \(name) to choose", there)
        }
        throw AdoptionRefusal(
            "there is no container \(name), which the preset is about",
            "\(there); name them with --container NAME and --database NAME")
    }

    private static func list(_ containers: [FoundContainer]) -> String {
        containers.map { "\($0.name) (\($0.image))" }.joined(separator: ", ")
    }
}

extension FoundContainer {
    enum Kind: Sendable { case application, proxy, mysql, postgresql, other }

    /// What it is, by its image's name; a database also by its port and its variables.
    var kind: Kind {
        if Self.mysqlImages.contains(where: baseName.hasPrefix), !isTool { return .mysql }
        if exposedPorts.contains(3306), rootPassword != nil { return .mysql }
        if Self.postgresqlImages.contains(where: baseName.hasPrefix), !isTool {
            return .postgresql
        }
        if Self.proxyImages.contains(where: baseName.hasPrefix), !isTool { return .proxy }
        return isTool || Self.otherImages.contains(where: baseName.hasPrefix)
            ? .other : .application
    }

    /// Names under which such images are usually published; begins of what follows the last `/`.
    private static let mysqlImages = ["mysql", "mariadb", "percona"]
    private static let postgresqlImages = ["postgres", "postgis", "timescaledb"]
    private static let proxyImages = [
        "nginx", "haproxy", "traefik", "caddy", "httpd", "apache", "envoy",
    ]
    private static let otherImages = [
        "redis", "valkey", "memcached", "rabbitmq", "mongo", "elasticsearch", "opensearch",
        "minio", "prometheus", "grafana", "portainer", "watchtower", "registry", "adminer",
        "phpmyadmin", "cadvisor", "node-exporter",
    ]

    /// Such as `mysqld-exporter`, which is no database.
    private var isTool: Bool {
        baseName.contains("exporter")
            || ["backup", "router", "proxy", "admin"].contains(where: baseName.contains)
                && !Self.proxyImages.contains(where: baseName.hasPrefix)
    }

    /// `studio` of `registry.example:5000/acme/studio:7.1.0`.
    private var baseName: String {
        let last = image.split(separator: "/").last ?? ""
        return last.prefix { $0 != ":" && $0 != "@" }.lowercased()
    }

    /// Whether an upgrade has kept it for a way back.
    var isKept: Bool { name.contains(".pawl-") }

    /// Whether its environment names the other as a database.
    func refers(to database: FoundContainer) -> Bool {
        guard name != database.name else { return false }
        let names = database.aliases.union([database.name])
        return environment.addresses.contains { names.contains($0.host) }
            || !environment.hosts.isDisjoint(with: names)
    }

    /// The variable that holds the password of root, or names the file that does.
    var rootPassword: (variable: String, file: String?)? {
        for server in ["MYSQL", "MARIADB"] {
            let variable = "\(server)_ROOT_PASSWORD"
            if environment.names.contains(variable) { return (variable, nil) }
            if let file = environment.passwordFiles["\(variable)_FILE"] {
                return ("\(variable)_FILE", file)
            }
        }
        return nil
    }
}
