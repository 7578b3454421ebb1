internal import DockerEngine
internal import Foundation
internal import UpgradeMachine

/// The accounts of registries: a plan's own, or else what `docker login` kept.
///
/// Source: `docker login`, section "Credential stores"; the Engine itself knows no account.
public struct RegistryCredentials: Sendable {
    /// A configuration of Docker's is a few kilobytes.
    private static let configurationLimitInBytes = 1 << 20
    /// A helper may have to open a key ring, and none may ask a person.
    private static let helperLimit = Duration.seconds(30)

    /// Docker's own folder; none where there is no home.
    private let directory: String?
    /// What a helper needs to be found and to find its own store.
    private let helperEnvironment: [String: String]
    private let resolve: SecretResolver
    /// Whom a registry asked without an engine is trusted by.
    let certificates: RegistryCertificates

    /// - Parameters:
    ///   - environment: Pawl's own: `DOCKER_CONFIG` or `HOME` say where Docker keeps its accounts.
    ///   - resolve: Reads a plan's secret.
    public init(environment: [String: String], resolve: @escaping SecretResolver) {
        let named = environment["DOCKER_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        directory = named ?? environment["HOME"].map { "\($0)/.docker" }
        helperEnvironment = environment.filter {
            ["PATH", "HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"].contains($0.key)
        }
        self.resolve = resolve
        certificates = RegistryCertificates(environment: environment)
    }

    /// The account for a registry.
    ///
    /// - Parameters:
    ///   - host: As in ``ImageReference/host``.
    ///   - account: The plan's; it goes before what Docker keeps.
    /// - Throws: What resolving throws, `docker-config` for one that cannot be read,
    ///   `credential-helper` for a helper that does not answer. One that is not installed is passed
    ///   over, as `docker pull` does it.
    func login(
        for host: String, account: RegistryAccount?
    ) async throws(Failure) -> RegistryLogin {
        if let account {
            return .password(user: account.user, password: try await resolve(account.password))
        }
        guard let configuration = try configuration() else { return .anonymous }
        let kept = configuration.login(for: host)
        guard let helper = configuration.helper(for: host) else { return kept }
        do throws(Failure) {
            let login = try await ask(helper, for: host)
            return login.isAnonymous ? kept : login
        } catch {
            guard error.code == "command-not-started" else { throw error }
            return kept.isAnonymous ? .withoutHelper(name: Self.program(helper)) : kept
        }
    }

    private func configuration() throws(Failure) -> DockerConfiguration? {
        guard let directory else { return nil }
        let path = "\(directory)/config.json"
        guard let bytes = try Files.read(path, limitInBytes: Self.configurationLimitInBytes)
        else { return nil }
        do {
            return DockerConfiguration(try JSONValue(parsing: bytes))
        } catch {
            throw Failure(
                code: "docker-config", message: "\(path) is not JSON: \(error)",
                advice: "repair it, or take it away and run `docker login` again",
                isPermanent: true)
        }
    }

    /// Source: `github.com/docker/docker-credential-helpers`, the command `get`.
    private func ask(_ helper: String, for host: String) async throws(Failure) -> RegistryLogin {
        let name = Self.program(helper)
        guard !helper.contains("/") else {
            throw Self.refused(name, "its name in config.json holds a slash", nil)
        }
        var command = Command([name, "get"], limit: Self.helperLimit)
        command.input = Array(DockerConfiguration.key(for: host).utf8)
        command.outputLimitInBytes = 1 << 16
        command.environment = helperEnvironment
        let result = try await command.run()
        guard result.isSuccess else {
            // The protocol's own words for an account that it does not have.
            if result.output.contains("credentials not found") { return .anonymous }
            throw Self.refused(name, "for \(host): it \(result.ending)", result.excerpt)
        }
        // What is not JSON may still hold a secret, so that it is not shown.
        guard let answer = try? JSONValue(parsing: Array(result.output.utf8)),
            let user = answer["Username"]?.stringValue,
            let secret = answer["Secret"]?.stringValue
        else { throw Self.refused(name, "for \(host): no Username and Secret in its answer", nil) }
        if user == "<token>" { return .identityToken(Secret(secret)) }
        return user.isEmpty ? .anonymous : .password(user: user, password: Secret(secret))
    }

    private static func program(_ helper: String) -> String { "docker-credential-\(helper)" }

    private static func refused(_ name: String, _ what: String, _ excerpt: String?) -> Failure {
        Failure(
            code: "credential-helper", message: "`\(name) get` \(what)",
            advice: "run `docker login` once more as the user that runs Pawl, or name the account "
                + "in pawl.yaml",
            excerpt: excerpt.map { String($0.prefix(400)) })
    }
}

/// What a registry is shown.
enum RegistryLogin: Sendable {
    case anonymous
    /// Nobody either, and perhaps only since the helper that would know is not installed.
    case withoutHelper(name: String)
    case password(user: String, password: Secret)
    /// An OAuth 2 refresh token, which stands in for user and password.
    case identityToken(Secret)

    var isAnonymous: Bool {
        switch self {
        case .anonymous, .withoutHelper: true
        case .password, .identityToken: false
        }
    }

    /// As the engine's API wants it.
    func credential(for host: String) -> RegistryCredential? {
        let server = DockerConfiguration.key(for: host)
        switch self {
        case .anonymous, .withoutHelper: return nil
        case .password(let user, let password):
            return password.reveal { RegistryCredential(server: server, user: user, password: $0) }
        case .identityToken(let token):
            return token.reveal { RegistryCredential(server: server, identityToken: $0) }
        }
    }

    /// For messages: whose password was refused.
    var name: String {
        switch self {
        case .anonymous: "nobody (no account is known for it)"
        case .withoutHelper(let name):
            "nobody (Docker's config.json says to ask \(name), which is not installed)"
        case .password(let user, _): user
        case .identityToken: "the token that `docker login` kept"
        }
    }
}

/// `config.json` as the `docker` command writes it.
///
/// Source: `docker login`; the file's members `auths`, `credsStore` and `credHelpers`.
struct DockerConfiguration {
    private static let hubKey = "https://index.docker.io/v1/"
    private static let hubHosts = ["docker.io", "index.docker.io", "registry-1.docker.io"]
    private let document: JSONValue

    init(_ document: JSONValue) { self.document = document }

    /// The name that Docker keeps a registry's account under; Docker Hub's is an odd one.
    static func key(for host: String) -> String {
        host == ImageReference.dockerHub ? hubKey : host
    }

    /// The helper's name without `docker-credential-`.
    func helper(for host: String) -> String? {
        let helpers = document["credHelpers"]?.stringMembers ?? [:]
        let named = helpers.first { Self.names($0.key, host) }?.value
        let helper = named ?? document["credsStore"]?.stringValue
        return helper.flatMap { $0.isEmpty ? nil : $0 }
    }

    func login(for host: String) -> RegistryLogin {
        let entries = document["auths"]?.objectValue ?? [:]
        let exact = entries[Self.key(for: host)]
        // Sorted, so that of two spellings always the same one is taken.
        let entry =
            exact
            ?? entries.sorted { $0.key < $1.key }.first { Self.names($0.key, host) }?.value
        guard let entry else { return .anonymous }
        if let token = entry["identitytoken"]?.stringValue, !token.isEmpty {
            return .identityToken(Secret(token))
        }
        if let user = entry["username"]?.stringValue, !user.isEmpty,
            let password = entry["password"]?.stringValue
        {
            return .password(user: user, password: Secret(password))
        }
        return Self.decoded(entry["auth"]?.stringValue ?? "")
    }

    /// `user:password` in base64; older commands end the password with NUL bytes.
    private static func decoded(_ text: String) -> RegistryLogin {
        guard let bytes = Data(base64Encoded: text) else { return .anonymous }
        let plain = String(decoding: bytes, as: UTF8.self)
        guard let colon = plain.firstIndex(of: ":"), colon != plain.startIndex else {
            return .anonymous
        }
        let password = plain[plain.index(after: colon)...]
        let end = password.lastIndex { $0 != "\0" }.map { password.index(after: $0) }
        return .password(
            user: String(plain[..<colon]),
            password: Secret(String(password[..<(end ?? password.startIndex)])))
    }

    /// Whether a key of the file is about this registry: `https://host/v1/` and `host` are the
    /// same.
    private static func names(_ key: String, _ host: String) -> Bool {
        var key = key[...]
        for scheme in ["https://", "http://"] where key.hasPrefix(scheme) {
            key = key.dropFirst(scheme.count)
        }
        let name = String(key.prefix { $0 != "/" })
        return name == host || host == ImageReference.dockerHub && hubHosts.contains(name)
    }
}
