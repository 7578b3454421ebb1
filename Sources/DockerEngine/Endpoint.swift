public import HTTPClient

extension DockerEngine {
    /// Where a daemon listens.
    public enum Endpoint: Sendable, Equatable {
        case unix(path: String)
        /// Without `tls` everything travels in the clear, and whoever reaches the port is root
        /// there.
        case tcp(host: String, port: Int, tls: HTTPClient.TLS?)

        /// Where Docker listens if nobody says otherwise.
        public static let standard = Endpoint.unix(path: "/var/run/docker.sock")

        /// Reads `DOCKER_HOST`: `unix://PATH` or `tcp://HOST[:PORT]`; `nil` or empty is the
        /// standard socket.
        ///
        /// Without a port it is 2376 with TLS and 2375 without, as for the `docker` command.
        ///
        /// - Parameters:
        ///   - text: The value of the variable.
        ///   - tls: What `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` say, read by the caller.
        /// - Throws: ``DockerError/invalid(_:)`` for any other kind, such as `ssh://`.
        public init(dockerHost text: String?, tls: HTTPClient.TLS? = nil) throws(DockerError) {
            guard let text, !text.isEmpty else {
                self = .standard
                return
            }
            let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
            switch (parts.first, parts.last) {
            case ("unix", let path?) where parts.count == 2 && path.hasPrefix("/"):
                self = .unix(path: String(path))
            case ("tcp", let address?) where parts.count == 2 && !address.isEmpty:
                self = try Self.tcp(address, tls, text)
            default:
                throw .invalid(
                    "DOCKER_HOST=\(text): only unix:///PATH and tcp://HOST:PORT are spoken here")
            }
        }

        private static func tcp(
            _ address: Substring, _ tls: HTTPClient.TLS?, _ text: String
        ) throws(DockerError) -> Endpoint {
            let address = address.hasSuffix("/") ? address.dropLast() : address
            let hostEnd =
                address.hasPrefix("[")
                ? address.firstIndex(of: "]").map { address.index(after: $0) }
                : address.firstIndex(of: ":")
            let host = address[..<(hostEnd ?? address.endIndex)]
            let rest = address[host.endIndex...]
            if rest.isEmpty {
                return .tcp(host: String(host), port: tls == nil ? 2375 : 2376, tls: tls)
            }
            guard rest.hasPrefix(":"), let port = Int(rest.dropFirst()),
                (1...65_535).contains(port), !host.isEmpty, !host.contains("/")
            else { throw .invalid("DOCKER_HOST=\(text): no host and port between 1 and 65535") }
            return .tcp(host: String(host), port: port, tls: tls)
        }

        var configuration: HTTPClient.Configuration {
            switch self {
            case .unix(let path): HTTPClient.Configuration(unixSocketPath: path, proxy: .none)
            case .tcp(_, _, let tls): HTTPClient.Configuration(tls: tls ?? HTTPClient.TLS())
            }
        }

        /// What every URL begins with.
        var base: String {
            switch self {
            case .unix: "http://docker"
            case .tcp(let host, let port, let tls):
                "\(tls == nil ? "http" : "https")://\(host):\(port)"
            }
        }
    }
}

extension DockerEngine.Endpoint: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unix(let path): "unix://\(path)"
        case .tcp(let host, let port, _): "tcp://\(host):\(port)"
        }
    }
}
