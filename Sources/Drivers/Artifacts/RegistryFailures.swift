internal import HTTPClient
internal import UpgradeMachine

// What may go wrong between this host and a registry; each has a code and an advice of its own.
extension Failure {
    static func versionUnknown(
        _ image: ImageReference, _ version: String, words: String
    ) -> Failure {
        let scheme = RegistryManifests.isLoopback(image.host) ? "http" : "https"
        let isHub = image.host == ImageReference.dockerHub
        let list =
            isHub
            ? "look at https://hub.docker.com/r/\(image.path)/tags"
            : "list what is there with `curl -u USER \(scheme)://\(image.host)/v2/\(image.path)"
                + "/tags/list`"
        return Failure(
            code: "version-unknown",
            message: "the repository \(image.repository) has no \(version); the registry says: "
                + words,
            advice: "check the version's spelling and the repository's name; \(list)",
            isPermanent: true)
    }

    static func registryUnauthorized(
        _ host: String, _ login: RegistryLogin, _ name: String, words: String
    ) -> Failure {
        Failure(
            code: "registry-unauthorized",
            message: "the registry \(host) does not let \(login.name) read \(name); it says: "
                + words,
            advice: login.isAnonymous
                ? "run `docker login \(host)` as the user that runs Pawl, or name the account in "
                    + "pawl.yaml"
                : "check the user name and the password or key, and that the account may read "
                    + "the repository",
            isPermanent: true)
    }

    static func registryUnreachable(_ host: String, words: String) -> Failure {
        Failure(
            code: "registry-unreachable",
            message: "the registry \(host) cannot be reached: \(words)",
            advice: "check the network, the proxy of the engine's host and the registry "
                + "itself")
    }

    static func registryRateLimit(_ host: String, words: String) -> Failure {
        Failure(
            code: "registry-rate-limit",
            message: "the registry \(host) answers no more for now: \(words)",
            advice: "wait, or use an account with a higher limit")
    }

    static func registryUntrusted(_ host: String, words: String) -> Failure {
        Failure(
            code: "registry-untrusted",
            message: "the registry \(host) cannot be trusted: \(words)",
            advice: "put its authority's certificate into /etc/docker/certs.d/\(host)/ca.crt; "
                + "for one without TLS add it to insecure-registries of the engine",
            isPermanent: true)
    }

    static func noImage(_ name: String) -> Failure {
        Failure(
            code: "registry-refused",
            message: "what the registry has as \(name) is no image of this platform",
            advice: "ask whoever runs the registry")
    }

    static func registry(_ error: HTTPError, _ host: String) -> Failure {
        switch error {
        case .untrusted(_, let reason): .registryUntrusted(host, words: reason)
        case .stopped: .interrupted(what: "asking the registry \(host)")
        default: .registryUnreachable(host, words: "\(error)")
        }
    }

    static func interrupted(what: String) -> Failure {
        Failure(
            code: "interrupted", message: "\(what) was ended, because Pawl was asked to stop",
            advice: "go on with `pawl resume`")
    }
}
