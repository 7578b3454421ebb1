/// A request, perhaps of somebody who is logged in, and what its answer has to be.
public struct HTTPProbe: Hashable, Sendable, Codable {
    public let url: String
    /// The status code that is good, such as 200.
    public let status: Int
    /// Where the answer says its version, which must be the release's.
    public let version: VersionLocation?
    /// A certificate authority of the user's own, in PEM.
    public let authorityFile: String?
    /// Where the connection goes; none for the URL's own host.
    public let destination: HTTPDestination?
    /// None where the server has to prove its name.
    public let certificateCheck: CertificateCheck?
    /// An account whose name and password go with every request (RFC 7617).
    public let account: HTTPAccount?
    /// Header fields that go with every request.
    public let fields: [HTTPField]?
    /// How a session is begun before the URL is asked for.
    public let login: HTTPLogin?
    /// None where a redirect is an answer like any other.
    public let redirects: RedirectPolicy?
    /// A regular expression that the answer has to match.
    public let contains: String?
    /// Regular expressions that it must not match.
    public let absent: [String]?
    /// How long one answer may take; none for the usual time.
    public let within: Seconds?

    public init(
        url: String, status: Int, version: VersionLocation?, authorityFile: String?,
        destination: HTTPDestination? = nil, certificateCheck: CertificateCheck? = nil,
        account: HTTPAccount? = nil, fields: [HTTPField]? = nil, login: HTTPLogin? = nil,
        redirects: RedirectPolicy? = nil, contains: String? = nil, absent: [String]? = nil,
        within: Seconds? = nil
    ) {
        self.url = url
        self.status = status
        self.version = version
        self.authorityFile = authorityFile
        self.destination = destination
        self.certificateCheck = certificateCheck
        self.account = account
        self.fields = fields
        self.login = login
        self.redirects = redirects
        self.contains = contains
        self.absent = absent
        self.within = within
    }

    /// Where the secrets are kept that it is asked with.
    public var secrets: [SecretReference] {
        (account.map { [$0.password] } ?? [])
            + ((fields ?? []) + (login?.fields ?? [])).compactMap(\.value.reference)
    }
}

/// Where an answer names the version that made it.
public enum VersionLocation: Hashable, Sendable, Codable {
    /// The first group of a regular expression.
    case pattern(expression: String)
    /// RFC 6901.
    case jsonPointer(pointer: String)
}

/// Where a connection goes that is not to the host of its URL.
///
/// `Host`, the name in the TLS handshake and the name on the certificate stay the URL's.
public enum HTTPDestination: Hashable, Sendable, Codable {
    /// - Parameter port: None for the URL's.
    case address(host: String, port: Int?)
    /// The container's own address, at the URL's port.
    case container(name: String)
}

/// Whether a server has to prove that it is the one that is meant.
public enum CertificateCheck: String, Hashable, Sendable, Codable, CaseIterable {
    case required
    /// Anybody in between may be the one that answers; the result says so.
    case skipped
}

/// What becomes of an answer that points elsewhere.
public enum RedirectPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// It is the answer.
    case answered
    /// It is followed, on the same server.
    case followed
}

/// An account of the application's.
public struct HTTPAccount: Hashable, Sendable, Codable {
    public let user: String
    public let password: SecretReference

    public init(user: String, password: SecretReference) {
        self.user = user
        self.password = password
    }
}

/// A name with what is sent for it: a header field, or a field of a form.
public struct HTTPField: Hashable, Sendable, Codable {
    public let name: String
    public let value: HTTPValue

    public init(name: String, value: HTTPValue) {
        self.name = name
        self.value = value
    }
}

/// What is sent for a field.
public enum HTTPValue: Hashable, Sendable, Codable {
    case text(text: String)
    case secret(reference: SecretReference)

    var reference: SecretReference? {
        if case .secret(let reference) = self { reference } else { nil }
    }
}

/// How a form begins a session, as a person does with a browser.
public struct HTTPLogin: Hashable, Sendable, Codable {
    /// The page that is asked for first; none for the probe's own URL.
    public let page: String?
    /// Where the fields are posted; none for where that page's form says.
    public let action: String?
    public let fields: [HTTPField]
    /// What the page hands out to be posted along, where it is in no hidden field of the form.
    public let token: LoginToken?

    public init(page: String?, action: String?, fields: [HTTPField], token: LoginToken?) {
        self.page = page
        self.action = action
        self.fields = fields
        self.token = token
    }
}

/// A value that proves to the application that its own page was seen before.
public struct LoginToken: Hashable, Sendable, Codable {
    /// The form's field that it is posted in.
    public let field: String
    /// A regular expression whose first group it is on the page.
    public let expression: String

    public init(field: String, expression: String) {
        self.field = field
        self.expression = expression
    }
}
