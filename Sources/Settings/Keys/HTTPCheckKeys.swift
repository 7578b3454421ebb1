import UpgradeMachine

extension Shape where Value == HTTPProbe {
    static let probe = mapping(
        "a mapping with url", example: "{ url: 'http://127.0.0.1:8080/version' }",
        .required("url", Shape<String>.url.located, "What is asked for."),
        .optional(
            "address", Shape<HTTPDestination>.address.located,
            "Where to connect in place of the url's host, which is still what is asked for."),
        .optional(
            "container", Shape<String>.container.located,
            "One of the instance's containers, to connect to by its own address."),
        .optional(
            "ca", Shape<String>.path("a file of PEM certificates", example: "ca.pem").located,
            "A certificate authority of your own."),
        .optional(
            "insecure", Shape<Answer>.word([.no, .yes]).located,
            "Whether the certificate is not looked at, as every result then says: no (otherwise) "
                + "or yes."),
        .optional(
            "account", Shape<HTTPAccount>.httpAccount.located,
            "A user name and a password that go with every request (HTTP Basic)."),
        .optional("headers", .headers, "Header fields that go with every request."),
        .optional("login", .login, "The form that logs in first, in a session of this check's."),
        .optional(
            "follow", .word([.no, .yes]), default: Answer.no,
            "Whether redirects are followed on the same server: no (otherwise) or yes."),
        .optional(
            "status", .wholeNumber(100...599, "a status code", example: "200"), default: 200,
            "The status code that is good; otherwise 200."),
        .optional(
            "contains", .regularExpression, "A regular expression that the answer has to match."),
        .optional(
            "absent",
            Shape<String>.regularExpression.list(
                "a list of regular expressions", example: "['Log in', Maintenance]"),
            "Regular expressions that the answer must not match."),
        .optional(
            "version", .versionLocation,
            "Where the answer says its version, which must be the release's."),
        .optional(
            "within", Shape<Seconds>.duration(1...300, example: "20s"),
            "How long one answer may take; otherwise 5s.")
    ) {
        (
            cursor, reading, url, address, container, authority, insecure, account, headers, login,
            follow, status, contains, absent, version, within
        ) throws(Refused) in
        let target = WrittenTarget(
            written: url, address: address, container: container, authority: authority,
            insecure: insecure, account: account, headers: headers ?? [], login: login)
        try target.examine(cursor, reading)
        return HTTPProbe(
            url: url.value, status: status, version: version, authorityFile: authority?.value,
            destination: address?.value ?? container.map { .container(name: $0.value) },
            certificateCheck: insecure?.value == .yes ? .skipped : nil, account: account?.value,
            fields: headers?.map(\.field), login: login?.login,
            redirects: follow == .yes ? .followed : nil, contains: contains, absent: absent,
            within: within)
    }
}

/// The parts of a probe that have to fit each other.
private struct WrittenTarget {
    let written: Located<String>
    let address: Located<HTTPDestination>?
    let container: Located<String>?
    let authority: Located<String>?
    let insecure: Located<Answer>?
    let account: Located<HTTPAccount>?
    let headers: [WrittenField]
    let login: WrittenLogin?

    private var url: String { written.value }
    private var isSecured: Bool { url.lowercased().hasPrefix("https:") }

    func examine(_ cursor: Cursor, _ reading: Reading) throws(Refused) {
        if let container, address != nil {
            throw reading.refuse(
                "'container' cannot stand beside 'address' in \(cursor.name)",
                "keep one of them", at: container.place)
        }
        try examineCertificates(cursor, reading)
        for other in [login?.page, login?.action].compactMap({ $0 })
        where origin(of: other.value) != origin(of: url) {
            throw reading.refuse(
                "\(cursor.name) logs in at another server than its url is at",
                "a session is begun where it is used: scheme, host and port have to be the same",
                at: other.place)
        }
        if let account, headers.contains(where: { $0.isNamed("authorization") }) {
            throw reading.refuse(
                "\(cursor.name) has an account and the header Authorization, which are the same",
                "keep one of them", at: account.place)
        }
        warnOfOpenSecrets(cursor, reading)
        warnOfName(cursor, reading)
    }

    /// Containers often have such names; Tomcat 10.1 answers them with 400 (tried).
    ///
    /// Source: RFC 952, as RFC 1123 section 2.1 has it: letters, digits, `-` and `.`.
    private func warnOfName(_ cursor: Cursor, _ reading: Reading) {
        guard host(of: url).contains("_") else { return }
        reading.warn(
            "\(cursor.name) asks for a host with a '_', which Tomcat and others refuse with 400",
            "beside container or address any name will do: http://localhost:8080/",
            at: written.place)
    }

    private func examineCertificates(_ cursor: Cursor, _ reading: Reading) throws(Refused) {
        if let authority, !isSecured {
            throw reading.refuse(
                "\(cursor.name) has a ca, but its url is not https",
                "take ca away, or ask by https", at: authority.place)
        }
        guard let insecure, insecure.value == .yes else { return }
        guard isSecured else {
            throw reading.refuse(
                "\(cursor.name) is insecure by its url, which is not https",
                "take insecure away, or ask by https", at: insecure.place)
        }
        if let authority {
            throw reading.refuse(
                "\(cursor.name) has a ca that nothing is checked with, as it is insecure",
                "take insecure away, so that the certificate is checked", at: authority.place)
        }
        reading.warn(
            "\(cursor.name) does not check the certificate: anybody in between may be the one "
                + "that answers, and is sent whatever the check sends",
            "name the certificate's authority with ca in place of insecure", at: insecure.place)
    }

    private func warnOfOpenSecrets(_ cursor: Cursor, _ reading: Reading) {
        guard !isSecured, container == nil, !isLocal else { return }
        let fields = headers + (login?.fields ?? [])
        let place = account?.place ?? fields.first { $0.isSecret }?.place
        guard let place else { return }
        reading.warn(
            "\(cursor.name) sends a secret over a connection that is not encrypted",
            "ask by https, or connect within this host (address: 127.0.0.1, or container)",
            at: place)
    }

    private var isLocal: Bool {
        var host = host(of: url)
        if case .address(let name, _) = address?.value { host = name }
        return host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}

extension Shape where Value == HTTPDestination {
    private static let written = Shape<String>.text(
        "an address, perhaps with a port", example: "127.0.0.1:8443")

    fileprivate static let address = written.checked { (text, cursor, reading) throws(Refused) in
        let pattern = #/(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._\-]+))(?::([0-9]{1,5}))?/#
        let match = text.wholeMatch(of: pattern)?.output
        let port = match?.3.flatMap { Int($0) }
        guard let host = match?.1 ?? match?.2, (1...65_535).contains(port ?? 1) else {
            throw cursor.mismatch(written.schema, text: text, reading)
        }
        return HTTPDestination.address(host: String(host), port: port)
    }
}

extension Shape where Value == HTTPAccount {
    fileprivate static let httpAccount = mapping(
        "a mapping with user and password",
        example: "{ user: monitor, password: { env: MONITOR_PASSWORD } }",
        .required("user", .text("an account's name", example: "monitor"), "The account's name."),
        .required("password", .secret, "Where its password is kept.")
    ) { (cursor, reading, user, password) throws(Refused) in
        // RFC 7617 section 2: the first colon ends the name.
        guard !user.contains(":") else {
            throw reading.refuse(
                "\(cursor.name).user holds a ':', which no such name can", nil, at: cursor.owner)
        }
        return HTTPAccount(user: user, password: password)
    }
}

extension Shape where Value == VersionLocation {
    fileprivate static let versionLocation = mapping(
        "a mapping with json or pattern", example: "{ json: /version }",
        .one(
            of: Choice(
                "json", Shape<String>.jsonPointer.map { .jsonPointer(pointer: $0) },
                "A JSON pointer (RFC 6901)."),
            Choice(
                "pattern", Shape<String>.versionExpression.map { .pattern(expression: $0) },
                "A regular expression whose first group is the version."))
    ) { (_, _, location) throws(Refused) in location }
}
