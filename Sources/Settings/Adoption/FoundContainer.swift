/// A container as adoption looks at it; no value that may be a secret is in it.
public struct FoundContainer: Hashable, Sendable {
    /// A TCP port that is published on the host.
    public struct Port: Hashable, Sendable {
        /// In the container.
        public let inside: Int
        /// Of this host to ask, as in `127.0.0.1`.
        public let address: String
        public let port: Int

        public init(inside: Int, address: String, port: Int) {
            (self.inside, self.address, self.port) = (inside, address, port)
        }
    }

    /// What docker compose has written on it.
    public struct Compose: Hashable, Sendable {
        public let project: String
        public let service: String
        /// Where its file is, as in `/opt/myst-studio`.
        public let folder: String?
        /// Its file, or files, in that folder.
        public let files: String?

        public init(project: String, service: String, folder: String?, files: String?) {
            (self.project, self.service) = (project, service)
            (self.folder, self.files) = (folder, files)
        }
    }

    public let name: String
    /// The name that it was made with, as in `myst-studio:latest`.
    public let image: String
    /// Those that know its image by digest, without a tag.
    public let repositories: [String]
    /// As its image's label or tag says.
    public let version: String?
    public let isRunning: Bool
    public let hasHealthCheck: Bool
    /// The path that its health check asks, as in `/health`, where it asks one by HTTP.
    public let healthPath: String?
    /// Ports of TCP that it listens on, published or not.
    public let exposedPorts: [Int]
    public let ports: [Port]
    public let compose: Compose?
    public let networks: Set<String>
    /// Names in its networks that lead to it, its own not among them.
    public let aliases: Set<String>
    public let environment: FoundEnvironment
    /// Folders and files of the host that it sees.
    public let hostFolders: [String]

    public init(
        name: String, image: String, repositories: [String] = [], version: String? = nil,
        isRunning: Bool = true, hasHealthCheck: Bool = false, healthPath: String? = nil,
        exposedPorts: [Int] = [], ports: [Port] = [], compose: Compose? = nil,
        networks: Set<String> = [], aliases: Set<String> = [],
        environment: FoundEnvironment = FoundEnvironment([:]), hostFolders: [String] = []
    ) {
        (self.name, self.image, self.repositories) = (name, image, repositories)
        (self.version, self.isRunning) = (version, isRunning)
        (self.hasHealthCheck, self.healthPath) = (hasHealthCheck, healthPath)
        (self.exposedPorts, self.ports, self.compose) = (exposedPorts, ports, compose)
        (self.networks, self.aliases) = (networks, aliases)
        (self.environment, self.hostFolders) = (environment, hostFolders)
    }

    /// The path of the first request of HTTP in a health check's command.
    public static func healthPath(in command: [String]) -> String? {
        let address = /https?:\/\/[^\/\s"']+(\/[A-Za-z0-9_.\/\-]*)/
        return command.joined(separator: " ").firstMatch(of: address).map { String($0.1) }
    }
}

/// What adoption takes from a container's environment: names, and addresses of databases.
///
/// The values themselves are read and forgotten: any of them may be a password.
public struct FoundEnvironment: Hashable, Sendable {
    /// A database that a variable's URL leads to, as in `jdbc:mysql://db:3306/studio`.
    public struct Address: Hashable, Sendable {
        public let variable: String
        public let host: String
        public let port: Int?
        public let schema: String

        public init(variable: String, host: String, port: Int?, schema: String) {
            (self.variable, self.host) = (variable, host)
            (self.port, self.schema) = (port, schema)
        }
    }

    /// The variables' names.
    public let names: Set<String>
    public let addresses: [Address]
    /// Where the variables lead whose names end with `HOST`.
    public let hosts: Set<String>
    /// Files that hold passwords, by the variables that name them, as in `…_PASSWORD_FILE`.
    public let passwordFiles: [String: String]
    private let schemas: [String: String]

    private static let schemaVariables = ["MYSQL_DATABASE", "MARIADB_DATABASE"]

    /// - Parameter variables: Names and values.
    public init(_ variables: [String: String]) {
        let set = variables.filter { !$0.value.isEmpty }
        names = Set(set.keys)
        schemas = set.filter { Self.schemaVariables.contains($0.key) }
        passwordFiles = set.filter { $0.key.hasSuffix("PASSWORD_FILE") && $0.value.hasPrefix("/") }
        hosts = Set(
            set.filter { $0.key.hasSuffix("HOST") }
                .map { String($0.value.prefix { $0 != ":" }) })
        addresses = set.sorted { $0.key < $1.key }.compactMap { Self.address($0.key, $0.value) }
    }

    /// What the images of MySQL and MariaDB are told to make a schema of, and by which variable.
    public var schema: (variable: String, name: String)? {
        Self.schemaVariables.lazy.compactMap { variable in
            schemas[variable].map { (variable, $0) }
        }.first
    }

    private static func address(_ variable: String, _ value: String) -> Address? {
        let url =
            /(?:jdbc:)?(?:mysql|mariadb):\/\/(?:[^@\/\s]*@)?([^:\/?\s,@]+)(?::([0-9]{1,5}))?\/([^?;\s\/]+).*/
        guard let match = value.wholeMatch(of: url) else { return nil }
        return Address(
            variable: variable, host: String(match.1), port: match.2.flatMap { Int($0) },
            schema: String(match.3))
    }
}
