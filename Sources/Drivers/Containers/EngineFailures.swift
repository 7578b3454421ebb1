internal import DockerEngine
internal import UpgradeMachine

/// Asks the engine, and tells a refusal as a ``Failure`` that keeps the engine's own words.
func asked<Value>(
    _ body: () async throws(DockerError) -> Value
) async throws(Failure) -> Value {
    do {
        return try await body()
    } catch {
        throw Failure(error)
    }
}

/// As ``asked(_:)``; `nil` where what was asked about is not there.
func askedIfPresent<Value>(
    _ body: () async throws(DockerError) -> Value
) async throws(Failure) -> Value? {
    do {
        return try await body()
    } catch .notFound {
        return nil
    } catch {
        throw Failure(error)
    }
}

extension Failure {
    /// What an engine's refusal means for a step, whatever it was about.
    init(_ error: DockerError) {
        switch error {
        case .unreachable(_, _, let advice):
            self.init(code: "engine-unreachable", message: "\(error)", advice: advice)
        case .unauthorized:
            self.init(
                code: "engine-unauthorized", message: "\(error)",
                advice: "check the credential", isPermanent: true)
        case .unsupported:
            self.init(
                code: "engine-too-old", message: "\(error)", advice: "upgrade the engine first",
                isPermanent: true)
        case .rejected(_, let message, _) where message.contains("no space left on device"):
            self.init(
                code: "disk-full", message: "\(error)",
                advice: "free space where the engine keeps its data (`docker info`, Docker Root "
                    + "Dir), for example with `docker image prune`",
                isPermanent: true)
        // Of the engine's own giving out of addresses, which has a capital letter.
        case .rejected(_, let message, _) where message.hasSuffix("Address already in use"):
            self.init(
                code: "address-in-use", message: "\(error)",
                advice: "find the container that has the fixed address of this one "
                    + "(`docker network inspect`), and stop it or move it",
                isPermanent: true)
        case .rejected(_, let message, _)
        where message.contains("port is already allocated")
            || message.contains("address already in use"):
            self.init(
                code: "port-in-use", message: "\(error)",
                advice: "find who listens on that port (`docker ps`, `ss -ltnp`) and stop it; a "
                    + "docker-proxy of a container that does not run goes with a restart of the "
                    + "engine",
                isPermanent: true)
        case .stopped(let what):
            self = .interrupted(what: what)
        case .timedOut, .endedEarly:
            self.init(
                code: "engine-timed-out", message: "\(error)",
                advice: "look whether the engine answers (`docker info`) and how busy its host is")
        default:
            self.init(
                code: "engine-refused", message: "\(error)",
                advice: "look at the engine's log (`journalctl -u docker`)")
        }
    }

    /// What an engine's refusal means where it spoke to a registry for us.
    static func pull(
        _ error: DockerError, _ image: ImageReference, version: String, login: RegistryLogin
    ) -> Failure {
        switch error {
        case .notFound(_, let message):
            return .versionUnknown(image, version, words: message)
        case .unauthorized(let what, let message):
            return .registryUnauthorized(image.host, login, what, words: message)
        case .rejected(_, let message, _):
            return ofRegistry(message, image) ?? Failure(error)
        default:
            return Failure(error)
        }
    }

    private static func ofRegistry(_ message: String, _ image: ImageReference) -> Failure? {
        let text = message.lowercased()
        func says(_ phrases: String...) -> Bool { phrases.contains { text.contains($0) } }
        if says("no space left on device") { return nil }
        if says("toomanyrequests", "too many requests") {
            return .registryRateLimit(image.host, words: message)
        }
        if says("x509:", "tls: failed to verify", "server gave http response to https client") {
            return .registryUntrusted(image.host, words: message)
        }
        if says(
            "dial tcp", "no such host", "connection refused", "i/o timeout", "timeout exceeded",
            "network is unreachable", "connection reset", ": eof", "tls handshake",
            "request canceled")
        {
            return .registryUnreachable(image.host, words: message)
        }
        return nil
    }
}

// What may be wrong with the containers themselves.
extension Failure {
    static func containerChanged(_ planned: PlannedContainer, _ what: String) -> Failure {
        Failure(
            code: "container-changed", message: "the container \(planned.name) \(what)",
            advice: "find out who changed it (docker-compose up? a deployment job?) and keep them "
                + "from doing so during an upgrade",
            isPermanent: true)
    }

    static func containerGone(_ name: String, id: String, keptAs: String) -> Failure {
        Failure(
            code: "container-gone",
            message: "the container \(name) (\(id.prefix(12))) has been removed; it was kept as "
                + keptAs,
            advice: "make it again from its compose file or start script with the image of the "
                + "current version, then `pawl settle`",
            isPermanent: true)
    }

    static func nameTaken(_ name: String, words: String) -> Failure {
        Failure(
            code: "name-taken",
            message: "the name \(name) is taken by a container that is not of this upgrade: "
                + words,
            advice: "look at it (`docker inspect \(name)`), remove or rename it, then go on as "
                + "`pawl status` shows",
            isPermanent: true)
    }

    static func imageMoved(_ image: String, _ name: String) -> Failure {
        Failure(
            code: "image-moved",
            message: "\(image) was given to another image while \(name) was being made from it",
            advice: "find out who pulls or tags \(image), and keep them from it during an upgrade")
    }

    static func imageMissing(_ what: String, advice: String) -> Failure {
        Failure(
            code: "image-missing", message: "the image of \(what) is not on this host",
            advice: advice, isPermanent: true)
    }
}
