internal import Digests
internal import DockerEngine
internal import Foundation
internal import HTTPClient
internal import UpgradeMachine

/// A registry asked directly, for engines that do not ask it for us.
///
/// Source: OCI Distribution Specification 1.1, "Pulling manifests"; its authentication is that of
/// `distribution/distribution`, "Token Authentication Specification", or RFC 7617.
struct RegistryManifests: Sendable {
    private static let hubServer = "registry-1.docker.io"
    private static let manifestLimitInBytes = 4 << 20
    private static let answerLimitInBytes = 1 << 20
    private static let deadlines = HTTPDeadlines(
        connect: .seconds(10), idle: .seconds(30), whole: .seconds(60))
    /// All that can be pulled: manifests, and lists of them for several platforms.
    private static let mediaTypes = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]

    static let configuration = HTTPClient.Configuration(redirectLimit: 3)

    let http: HTTPClient
    /// Asked where the system's authorities do not know a server.
    var certificates = RegistryCertificates(folders: [])

    /// The digest that a tag stands for.
    ///
    /// - Throws: `version-unknown`, `registry-unauthorized`, `registry-unreachable`,
    ///   `registry-untrusted`, `registry-rate-limit`, or `registry-refused` for any other answer.
    func digest(
        of tag: String, in image: ImageReference, login: RegistryLogin
    ) async throws(Failure) -> String {
        let question = Question(image: image, tag: tag, login: login)
        var answer = try await ask(.head, question)
        if answer.isSuccess, let digest = answer.fields["Docker-Content-Digest"] { return digest }
        // Old registries tell no digest, and some answer no HEAD: then it is computed. A refusal
        // has its words in the answer to a GET alone.
        answer = try await ask(.get, question)
        guard answer.isSuccess else { throw refusal(answer, question) }
        return "sha256:\(SHA256.hash(answer.body).hex)"
    }

    /// The labels of the image that a digest stands for, out of its configuration.
    ///
    /// Each part that is read is checked against its digest.
    ///
    /// Source: OCI Distribution Specification 1.1, "Pulling blobs".
    ///
    /// - Parameter platform: Which image it is where the digest is that of a list.
    /// - Throws: As ``digest(of:in:login:)``, and `registry-refused` for what is no image.
    func labels(
        of digest: String, in image: ImageReference, for platform: ImagePlatform,
        login: RegistryLogin
    ) async throws(Failure) -> [String: String] {
        var manifest = try await document(digest, "manifests", image, login)
        if let children = manifest["manifests"]?.arrayValue {
            let own = children.first { child in
                ImagePlatform(
                    system: child["platform", "os"]?.stringValue ?? "",
                    architecture: child["platform", "architecture"]?.stringValue ?? "")
                    == platform
            }
            let digest = own?["digest"]?.stringValue ?? ""
            manifest = try await document(digest, "manifests", image, login)
        }
        let digest = manifest["config", "digest"]?.stringValue ?? ""
        let configuration = try await document(digest, "blobs", image, login)
        return configuration["config", "Labels"]?.stringMembers ?? [:]
    }

    private func document(
        _ digest: String, _ kind: String, _ image: ImageReference, _ login: RegistryLogin
    ) async throws(Failure) -> JSONValue {
        let question = Question(image: image, tag: digest, login: login, kind: kind)
        guard ImageReference.isDigest(digest) else { throw .noImage(question.name) }
        let answer = try await ask(.get, question)
        guard answer.isSuccess else { throw refusal(answer, question) }
        // What is not what its name says is no answer either.
        guard "sha256:\(SHA256.hash(answer.body).hex)" == digest,
            let document = try? JSONValue(parsing: answer.body)
        else { throw .noImage(question.name) }
        return document
    }

    private struct Question {
        let image: ImageReference
        /// Or a digest.
        let tag: String
        let login: RegistryLogin
        /// Or `blobs`.
        var kind = "manifests"
        var name: String { "\(image.host)/\(image.path):\(tag)" }
    }

    private func ask(
        _ method: HTTPMethod, _ question: Question
    ) async throws(Failure) -> HTTPResponse {
        let host = question.image.host
        let server = host == ImageReference.dockerHub ? Self.hubServer : host
        let path = "\(server)/v2/\(question.image.path)/\(question.kind)/\(question.tag)"
        do throws(HTTPError) {
            return try await ask(method, "https://\(path)", question)
        } catch {
            // The same exception as engines make: a registry of this host may speak plain HTTP.
            guard Self.isLoopback(host) else { throw .registry(error, host) }
        }
        do throws(HTTPError) {
            return try await ask(method, "http://\(path)", question)
        } catch {
            throw .registry(error, host)
        }
    }

    private func ask(
        _ method: HTTPMethod, _ url: String, _ question: Question
    ) async throws(HTTPError) -> HTTPResponse {
        let first = try await send(method, url, authorization: nil)
        guard first.status == 401 else { return first }
        let challenges = first.fields.values(of: "WWW-Authenticate").map { Challenge($0) }
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            guard let token = try await token(for: bearer, question) else { return first }
            return try await send(method, url, authorization: "Bearer \(token)")
        }
        guard let basic = question.login.basic else { return first }
        return try await send(method, url, authorization: basic)
    }

    private func send(
        _ method: HTTPMethod, _ url: String, authorization: String?
    ) async throws(HTTPError) -> HTTPResponse {
        var request = HTTPRequest(method, url, deadlines: Self.deadlines)
        request.fields.append("Accept", Self.mediaTypes.joined(separator: ", "))
        if let authorization { request.fields.append("Authorization", authorization) }
        return try await send(request, limitInBytes: Self.manifestLimitInBytes)
    }

    /// With the system's authorities, and then with those of the server's own folder: one of them
    /// replaces the system's, which may be what a public server needs.
    private func send(
        _ request: HTTPRequest, limitInBytes: Int
    ) async throws(HTTPError) -> HTTPResponse {
        let untrusted: HTTPError
        do {
            return try await http.send(request, limitInBytes: limitInBytes)
        } catch .untrusted(let target, let reason) {
            untrusted = .untrusted(target: target, reason: reason)
        }
        for tls in certificates.choices(for: Self.server(of: request.url)) {
            var configuration = Self.configuration
            configuration.tls = tls
            do {
                return try await HTTPClient(configuration).send(
                    request, limitInBytes: limitInBytes)
            } catch .untrusted {
                continue
            }
        }
        throw untrusted
    }

    /// The host with its port, as in `registry.example:5000`.
    private static func server(of url: String) -> String {
        let rest = url.split(separator: "://", maxSplits: 1).last ?? ""
        return String(rest.prefix { $0 != "/" && $0 != "?" })
    }

    /// `nil` where the server that gives tokens gives none.
    private func token(
        for challenge: Challenge, _ question: Question
    ) async throws(HTTPError) -> String? {
        guard let realm = challenge.parameters["realm"] else { return nil }
        let scope = challenge.parameters["scope"] ?? "repository:\(question.image.path):pull"
        var items = [("scope", scope)]
        if let service = challenge.parameters["service"] { items.append(("service", service)) }
        var request: HTTPRequest
        if case .identityToken(let secret) = question.login {
            items += [("grant_type", "refresh_token"), ("client_id", "pawl")]
            items.append(("refresh_token", secret.reveal { $0 }))
            request = HTTPRequest(.post, realm, body: .bytes(Array(Self.form(items).utf8)))
            request.fields.append("Content-Type", "application/x-www-form-urlencoded")
        } else {
            let separator = realm.contains("?") ? "&" : "?"
            request = HTTPRequest(.get, realm + separator + Self.form(items))
            if let basic = question.login.basic { request.fields.append("Authorization", basic) }
        }
        request.deadlines = Self.deadlines
        let answer = try await send(request, limitInBytes: Self.answerLimitInBytes)
        // Not JSON is no token either.
        guard answer.isSuccess, let body = try? JSONValue(parsing: answer.body) else { return nil }
        return body["token"]?.stringValue ?? body["access_token"]?.stringValue
    }

    private func refusal(_ answer: HTTPResponse, _ question: Question) -> Failure {
        let words = answer.text.prefix(300)
        switch answer.status {
        case 429: return .registryRateLimit(question.image.host, words: String(words))
        case 404: return .versionUnknown(question.image, question.tag, words: String(words))
        case 401, 403:
            return .registryUnauthorized(
                question.image.host, question.login, question.name, words: String(words))
        default:
            return Failure(
                code: "registry-refused",
                message: "the registry \(question.image.host) answered \(answer.status) to "
                    + "\(question.name): \(words)",
                advice: "ask whoever runs the registry, or try later")
        }
    }

    static func isLoopback(_ host: String) -> Bool {
        let name = host.prefix { $0 != ":" }
        return name == "localhost" || name.hasPrefix("127.") || host.hasPrefix("[::1]")
    }

    /// Source: RFC 3986 section 2.3 for what stands for itself.
    private static func form(_ items: [(String, String)]) -> String {
        let plain = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return items.map { name, value in
            "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: plain) ?? "")"
        }.joined(separator: "&")
    }

    /// One `WWW-Authenticate` field (RFC 9110 section 11.6.1).
    struct Challenge {
        let scheme: String
        private(set) var parameters: [String: String] = [:]

        init(_ text: String) {
            let parts = text.split(separator: " ", maxSplits: 1)
            scheme = parts.first?.lowercased() ?? ""
            var rest = parts.count == 2 ? parts[1] : ""
            while let equals = rest.firstIndex(of: "=") {
                let name = rest[..<equals].trimmingCharacters(in: [" ", ","]).lowercased()
                rest = rest[rest.index(after: equals)...]
                let value: Substring
                if rest.first == "\"" {
                    value = rest.dropFirst().prefix { $0 != "\"" }
                    rest = rest[value.endIndex...].dropFirst()
                } else {
                    value = rest.prefix { $0 != "," }
                    rest = rest[value.endIndex...]
                }
                parameters[name] = String(value)
            }
        }
    }
}

extension RegistryLogin {
    /// Source: RFC 7617 section 2.
    fileprivate var basic: String? {
        guard case .password(let user, let password) = self else { return nil }
        return password.reveal { "Basic " + Data("\(user):\($0)".utf8).base64EncodedString() }
    }
}
