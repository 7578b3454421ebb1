import UpgradeMachine

/// A `pawl.yaml` for an application that was found, with what is to be said about it.
///
/// It is a function of what was found, and holds no secret: those are referred to.
public struct AdoptedFile: Hashable, Sendable {
    /// All that it is made of.
    public struct Parts: Hashable, Sendable {
        public var instance: String
        /// The engine's address, where it is not the usual one.
        public var engine: String?
        public var roles: AdoptionRoles
        /// The image's repository in its registry, where a person says so.
        public var repository: String?
        public var log: LogSigns
        /// One of each address that is published.
        public var pages: [FoundPage]
        /// Published addresses of HTTPS whose certificate nobody could vouch for.
        public var untrusted: [String]
        /// The engine's command line, as a program and its options; none where it is not there.
        public var commandLine: [String]?

        public init(
            instance: String, engine: String? = nil, roles: AdoptionRoles,
            repository: String? = nil, log: LogSigns = LogSigns([]), pages: [FoundPage] = [],
            untrusted: [String] = [], commandLine: [String]? = nil
        ) {
            (self.instance, self.engine, self.roles) = (instance, engine, roles)
            (self.repository, self.log, self.pages) = (repository, log, pages)
            (self.untrusted, self.commandLine) = (untrusted, commandLine)
        }
    }

    /// The whole file.
    public let text: String
    /// What was found, a line each.
    public let found: [String]
    /// What a person has to do before the first upgrade, a line each.
    public let toDo: [String]

    /// - Throws: What is to be chosen first.
    public init(_ parts: Parts) throws(AdoptionRefusal) {
        var lines = AdoptedLines()
        lines.add(0, "# How Pawl upgrades this application: written by pawl init, yours to edit.")
        lines.add(0, "# `pawl check VERSION` looks whether an upgrade could start, and changes")
        lines.add(0, "# nothing; `pawl upgrade VERSION` does it.")
        lines.add(0, "instances:")
        lines.add(1, "\(YAMLText.scalar(parts.instance)):")
        try Self.addRuntime(parts, to: &lines)
        Self.addDatabase(parts, to: &lines)
        lines.add(2, "# Where backups go; otherwise the state directory's backups.")
        lines.add(2, "# backups: /var/backups/\(parts.instance)")
        Self.addChecks(parts, to: &lines)
        text = lines.text
        found = lines.found
        toDo = lines.toDo
    }

    // MARK: - How it is run

    private static func addRuntime(
        _ parts: Parts, to lines: inout AdoptedLines
    ) throws(AdoptionRefusal) {
        guard let first = parts.roles.application.first else { return }
        let repository = try repository(of: first, parts, &lines)
        lines.add(2, "runtime:")
        lines.add(3, "docker:")
        if let engine = parts.engine { lines.add(4, "engine: \(YAMLText.scalar(engine))") }
        lines.add(4, "# The image in its registry; a version is its tag. `docker login` comes")
        lines.add(
            4, "# first, or: registry: { user: NAME, password: { file: /etc/pawl/registry } }")
        lines.add(4, "image: \(YAMLText.scalar(repository))")
        addLocalTag(of: first, repository, to: &lines)
        lines.add(4, "# Made anew with each release, in the order in which they start.")
        lines.add(4, "containers: \(YAMLText.list(parts.roles.application.map(\.name)))")
        for container in parts.roles.application {
            lines.found.append(
                "\(container.name): the application"
                    + (container.version.map { ", version \($0)" } ?? "")
                    + (container.compose.map { ", of the compose project \($0.project)" } ?? ""))
        }
        addReloads(parts, to: &lines)
        guard !parts.roles.writers.isEmpty else { return }
        let names = parts.roles.writers.map(\.name)
        lines.add(4, "# They use the same database: stopped meanwhile, and started again as they")
        lines.add(4, "# are.")
        lines.add(4, "paused: \(YAMLText.list(names))")
        for name in names { lines.found.append("\(name): uses the same database") }
    }

    private static func addReloads(_ parts: Parts, to lines: inout AdoptedLines) {
        let known = parts.roles.proxies.compactMap { proxy in
            proxy.reloadCommand.map { (proxy.name, $0) }
        }
        if !known.isEmpty {
            lines.add(4, "# They remember where the containers are: told after each start.")
            lines.add(4, "reload:")
        }
        for (name, command) in known {
            let words = YAMLText.list(command)
            lines.add(5, "- { container: \(YAMLText.scalar(name)), command: \(words) }")
            lines.found.append("\(name): in front of the application")
        }
        for proxy in parts.roles.proxies where proxy.reloadCommand == nil {
            lines.toDo.append(
                "if \(proxy.name) (\(proxy.image)) remembers where the containers behind it are, "
                    + "say how it is told that they are new (runtime.docker.reload)")
        }
    }

    private static func repository(
        of container: FoundContainer, _ parts: Parts, _ lines: inout AdoptedLines
    ) throws(AdoptionRefusal) -> String {
        if let repository = parts.repository { return repository }
        let own = container.imageWithoutTag
        if container.repositories.contains(own) { return own }
        guard container.repositories.count <= 1 else {
            throw AdoptionRefusal(
                "the image of \(container.name) is known in several repositories: "
                    + container.repositories.joined(separator: ", "),
                "name the one that releases come from with --repository NAME")
        }
        if let only = container.repositories.first { return only }
        lines.toDo.append(
            "put the image's repository in its registry in place of \(own) (runtime.docker.image): "
                + "the image of \(container.name) was loaded from an archive, which does not say it"
        )
        return own
    }

    private static func addLocalTag(
        of container: FoundContainer, _ repository: String, to lines: inout AdoptedLines
    ) {
        let isOwnVersion = container.imageWithoutTag == repository && container.imageTag != "latest"
        guard isOwnVersion else {
            lines.add(4, "# What it is started by: \(container.owner).")
            lines.add(4, "# The name moves to the new release.")
            lines.add(4, "local_tag: \(YAMLText.scalar(container.imageName))")
            return
        }
        guard let compose = container.compose else { return }
        lines.toDo.append(
            "\(compose.path) names the release itself (image: \(container.image)): the next "
                + "`docker-compose up` after an upgrade would go back to it. Name a tag of this "
                + "host there, and here as local_tag")
    }

    // MARK: - Its data

    private static func addDatabase(_ parts: Parts, to lines: inout AdoptedLines) {
        guard let container = parts.roles.database else {
            let other = parts.roles.otherDatabase.map { "\($0.name) (\($0.image))" }
            lines.add(2, "# No database was found: a rollback would put no data back.")
            lines.add(2, "# database:")
            lines.toDo.append(
                other.map { "describe the database \($0) by hand: init knows MySQL and MariaDB" }
                    ?? "if the application has a database, describe it: no container of MySQL or "
                    + "MariaDB was found")
            return
        }
        let schema = schema(of: container, parts)
        lines.found.append(
            "\(container.name): the database (\(container.image))"
                + (schema.map { ", schema \($0.name) by \($0.source)" } ?? ""))
        lines.add(2, "database:")
        lines.add(3, "mysql:")
        lines.add(4, "container: \(YAMLText.scalar(container.name))")
        if let schema {
            lines.add(4, "# As \(schema.source) says.")
            lines.add(4, "schema: \(YAMLText.scalar(schema.name))")
        } else {
            lines.add(4, "# Nothing says which it is.")
            lines.add(4, "schema: THE_SCHEMA")
            lines.toDo.append(
                "put the schema's name in place of THE_SCHEMA (database.mysql.schema): neither "
                    + "\(container.name) nor the application is told one by a variable")
        }
        lines.add(4, "user: root")
        addPassword(of: container, parts, to: &lines)
        lines.add(3, "# The database refuses writes from the backup to the stop: none is lost.")
        lines.add(3, "fence: hold")
    }

    private static func schema(
        of container: FoundContainer, _ parts: Parts
    ) -> (name: String, source: String)? {
        if let schema = container.environment.schema {
            return (schema.name, "\(schema.variable) of \(container.name)")
        }
        let names = container.aliases.union([container.name])
        for application in parts.roles.application {
            let address = application.environment.addresses.first { names.contains($0.host) }
            if let address {
                return (address.schema, "\(address.variable) of \(application.name)")
            }
        }
        return nil
    }

    /// The password stays where it is: what is written is how it is read there.
    private static func addPassword(
        of container: FoundContainer, _ parts: Parts, to lines: inout AdoptedLines
    ) {
        let file = "/etc/pawl/\(parts.instance)-database-password"
        guard let place = container.rootPassword else {
            lines.add(4, "password: { file: \(YAMLText.scalar(file)) }")
            lines.toDo.append(
                "write the password of \(container.name)'s root into \(file), with mode 600: "
                    + "install -D -m 600 /dev/stdin \(file)  (type it, Enter, Ctrl-D)")
            return
        }
        guard let commandLine = parts.commandLine else {
            lines.add(4, "# It is the value of \(place.variable) in \(container.name).")
            lines.add(4, "password: { file: \(YAMLText.scalar(file)) }")
            lines.toDo.append(
                "write the password of \(container.name)'s root into \(file), with mode 600; it is "
                    + (place.file.map { "in the container's file \($0)" }
                        ?? "the value of the container's variable \(place.variable)"))
            return
        }
        // Not printenv(1), which small images lack.
        let reading =
            place.file.map { ["cat", $0] } ?? ["sh", "-c", #"printf %s "$\#(place.variable)""#]
        let words = commandLine + ["exec", container.name] + reading
        lines.add(4, "# Read in the container when it is needed (\(place.variable)): no copy is")
        lines.add(4, "# kept. Or: { file: \(file) }, with mode 600.")
        lines.add(4, "password: { command: \(YAMLText.list(words)) }")
        lines.found.append(
            "\(place.variable) of \(container.name): the password of root, read there when it is "
                + "needed")
    }

    // MARK: - What an upgrade is checked by

    private static func addChecks(_ parts: Parts, to lines: inout AdoptedLines) {
        lines.add(2, "# What has to be good for an upgrade to count; otherwise it is rolled back.")
        lines.add(2, "checks:")
        lines.add(3, "- running")
        lines.add(3, "# The running image is the release's, by digest.")
        lines.add(3, "- release")
        for container in parts.roles.application where container.hasHealthCheck {
            lines.add(3, "- healthy: \(YAMLText.scalar(container.name))")
        }
        addLog(parts.log, to: &lines)
        for page in parts.pages { addPage(page, to: &lines) }
        for address in parts.untrusted {
            lines.add(3, "# - http: { url: '\(address)/', ca: /path/to/ca.pem }")
            lines.toDo.append(
                "\(address) shows a certificate that cannot be verified here: name its authority "
                    + "in the http check that is commented out, or ask under the name that the "
                    + "certificate is for")
        }
        if !parts.pages.contains(where: \.saysVersion) {
            lines.toDo.append(
                "tell a check where a page says the version (version: { pattern: … } or "
                    + "{ json: … }): none was found that says it without a login")
        }
        lines.add(2, "# All of them have to stay good for so long.")
        lines.add(2, "steady_for: 10s")
        lines.add(2, "# After so long without the service an upgrade turns around.")
        lines.add(2, "# limits: { outage: 5m }")
    }

    private static func addLog(_ log: LogSigns, to lines: inout AdoptedLines) {
        for (expression, count) in log.presentErrors.sorted(by: { $0.key < $1.key }) {
            lines.add(
                3,
                "# Its log has \(count) line\(count == 1 ? "" : "s") with "
                    + "\(YAMLText.quoted(expression)) now, so that no check asks for it.")
        }
        guard log.ready != nil || !log.errors.isEmpty else { return }
        let parts = [
            log.ready.map { "ready: \(YAMLText.quoted($0))" },
            log.errors.isEmpty ? nil : "errors: \(YAMLText.list(log.errors))",
        ]
        lines.add(3, "- log: { \(parts.compactMap { $0 }.joined(separator: ", ")) }")
    }

    private static func addPage(_ page: FoundPage, to lines: inout AdoptedLines) {
        lines.add(3, "- http:")
        lines.add(5, "url: \(YAMLText.scalar(page.url))")
        if let file = page.authorityFile { lines.add(5, "ca: \(YAMLText.scalar(file))") }
        if page.status != 200 { lines.add(5, "status: \(page.status)") }
        switch page.version {
        case nil: break
        case .pattern(let expression):
            lines.add(5, "version: { pattern: \(YAMLText.quoted(expression)) }")
        case .jsonPointer(let pointer):
            lines.add(5, "version: { json: \(YAMLText.quoted(pointer)) }")
        }
        lines.found.append(
            "\(page.url) answers \(page.status)" + (page.saysVersion ? ", with the version" : ""))
    }
}

/// The file as it grows, and what is said beside it.
private struct AdoptedLines {
    private(set) var text = ""
    var found: [String] = []
    var toDo: [String] = []

    mutating func add(_ depth: Int, _ line: String) {
        text += String(repeating: "  ", count: depth) + line + "\n"
    }
}

/// Text as YAML has it.
enum YAMLText {
    /// Plain where nobody can take it for anything else.
    static func scalar(_ text: String) -> String {
        let plain = /-{0,2}[A-Za-z0-9_\/][A-Za-z0-9_.\/@+\-]*(?::[A-Za-z0-9_.\/@+\-]+)*/
        let isPlain = text.wholeMatch(of: plain) != nil
        return isPlain && text.lowercased() != "null" ? text : quoted(text)
    }

    /// Between single quotes, in which only they themselves are special (YAML 1.2, 7.3.2).
    static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }

    static func list(_ texts: [String]) -> String {
        "[" + texts.map(scalar).joined(separator: ", ") + "]"
    }
}

extension FoundContainer {
    /// Where its image's name is split: the repository, and the tag.
    private var imageParts: (String, String?) {
        let name = image.prefix { $0 != "@" }
        guard let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") else {
            return (String(name), nil)
        }
        return (String(name[..<colon]), String(name[name.index(after: colon)...]))
    }

    var imageWithoutTag: String { imageParts.0 }
    var imageTag: String { imageParts.1 ?? "latest" }
    /// Always with a tag.
    var imageName: String { "\(imageWithoutTag):\(imageTag)" }

    /// How such a web server looks its names up anew without losing a request.
    ///
    /// Sources: nginx(8), apachectl(8).
    fileprivate var reloadCommand: [String]? {
        let name = imageWithoutTag.split(separator: "/").last ?? ""
        if name.hasPrefix("nginx") { return ["nginx", "-s", "reload"] }
        if name.hasPrefix("httpd") { return ["httpd", "-k", "graceful"] }
        return nil
    }

    /// Who would start it again, for people.
    fileprivate var owner: String { compose?.path ?? "its image's name" }
}

extension FoundContainer.Compose {
    /// Its file; docker-compose 1 writes its name alone, and version 2 the whole path.
    fileprivate var path: String {
        let files = files ?? "docker-compose.yml"
        guard let folder, !files.hasPrefix("/") else { return files }
        return "\(folder)/\(files)"
    }
}
