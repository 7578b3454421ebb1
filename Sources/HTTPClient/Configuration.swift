extension HTTPClient {
    /// How a client reaches its servers.
    public struct Configuration: Sendable {
        /// The socket every connection goes to; the URL's host is then only the `Host` field.
        public var unixSocketPath: String?
        /// Where every connection goes; `Host`, and the name that TLS proves, stay the URL's.
        public var destination: Destination?
        public var tls: TLS
        public var proxy: Proxy
        /// User name and password of the server, sent unasked (RFC 7617).
        public var credential: HTTPCredential?
        /// Redirects that are followed before the transfer fails; 0 answers them to the caller.
        public var redirectLimit: Int
        public var userAgent: String
        /// Whether an answer may come compressed; it is handed on as it was before.
        public var acceptsCompression: Bool

        public init(
            unixSocketPath: String? = nil, destination: Destination? = nil, tls: TLS = TLS(),
            proxy: Proxy = .fromEnvironment, credential: HTTPCredential? = nil,
            redirectLimit: Int = 0, userAgent: String = "pawl", acceptsCompression: Bool = false
        ) {
            self.unixSocketPath = unixSocketPath
            self.destination = destination
            self.tls = tls
            self.proxy = proxy
            self.credential = credential
            self.redirectLimit = redirectLimit
            self.userAgent = userAgent
            self.acceptsCompression = acceptsCompression
        }
    }

    /// An end of connections that no URL names.
    public struct Destination: Sendable, Equatable {
        /// A name, or an address without brackets.
        public var host: String
        /// `nil` for the URL's.
        public var port: Int?

        public init(host: String, port: Int? = nil) {
            self.host = host
            self.port = port
        }
    }

    /// Who is trusted, and how the client shows who it is; TLS 1.2 or newer.
    public struct TLS: Sendable, Equatable {
        /// Whether the server has to prove its name.
        public enum Verification: Sendable {
            case required
            /// Anybody between the two can read and change everything.
            case skippedInsecurely
        }

        /// A PEM file that is trusted *instead of* the system's authorities.
        public var authoritiesPath: String?
        /// A PEM file with the client's certificate, and the chain behind it.
        public var certificatePath: String?
        /// A PEM file with the private key of `certificatePath`, without a passphrase.
        public var keyPath: String?
        public var verification: Verification

        public init(
            authoritiesPath: String? = nil, certificatePath: String? = nil, keyPath: String? = nil,
            verification: Verification = .required
        ) {
            self.authoritiesPath = authoritiesPath
            self.certificatePath = certificatePath
            self.keyPath = keyPath
            self.verification = verification
        }
    }

    /// Which proxy stands in between; never one for a unix socket.
    public enum Proxy: Sendable {
        /// `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, read as curl(1) does.
        case fromEnvironment
        case none
        case url(String, credential: HTTPCredential? = nil)
    }
}

/// A user name with a password that is never printed.
public struct HTTPCredential: Sendable, Equatable {
    public let user: String
    public let password: String

    public init(user: String, password: String) {
        self.user = user
        self.password = password
    }
}

extension HTTPCredential: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    public var description: String { "HTTPCredential(user: \(user), password: redacted)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}
