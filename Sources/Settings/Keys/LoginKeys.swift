import UpgradeMachine

/// `login` as it is written.
struct WrittenLogin: Sendable {
    let page: Located<String>?
    let action: Located<String>?
    let fields: [WrittenField]
    let token: LoginToken?

    var login: HTTPLogin {
        HTTPLogin(
            page: page?.value, action: action?.value, fields: fields.map(\.field), token: token)
    }
}

/// A field of a form or of a header, and where its value stands.
struct WrittenField: Sendable {
    let field: HTTPField
    let place: Place

    var isSecret: Bool { if case .secret = field.value { true } else { false } }

    func isNamed(_ name: String) -> Bool { field.name.lowercased() == name }
}

extension Shape where Value == WrittenLogin {
    static let login = mapping(
        "a mapping with fields",
        example: "{ fields: { j_username: admin, j_password: { env: STUDIO_PASSWORD } } }",
        .optional(
            "page", Shape<String>.url.located,
            "The page with the form, which is asked for first; otherwise url itself."),
        .optional(
            "action", Shape<String>.url.located,
            "Where the form is posted; otherwise where the form on the page says."),
        .required(
            "fields", .formFields,
            "What is filled in; what the form carries along unseen is sent as well."),
        .optional(
            "token", .token,
            "A value of the page that is posted along, where no hidden field of the form has it.")
    ) { (cursor, reading, page, action, fields, token) throws(Refused) in
        guard fields.contains(where: \.isSecret) else {
            throw reading.refuse(
                "none of \(cursor.name).fields is a secret, so that nobody is logged in by them",
                "give the password by reference: { env: STUDIO_PASSWORD }, or file:, "
                    + "credential:, command:", at: cursor.owner)
        }
        return WrittenLogin(page: page, action: action, fields: fields, token: token)
    }
}

extension Shape where Value == LoginToken {
    fileprivate static let token = mapping(
        "a mapping with field and pattern",
        example: "{ field: _csrf, pattern: 'name=\"_csrf\" value=\"([^\"]+)\"' }",
        .required(
            "field", .text("a field's name", example: "_csrf"), "The field that it is posted in."),
        .required(
            "pattern", .tokenExpression,
            "A regular expression whose first group it is on the page.")
    ) { (_, _, field, expression) throws(Refused) in
        LoginToken(field: field, expression: expression)
    }
}

extension Shape where Value == [WrittenField] {
    /// Names as they stand in the page's form.
    fileprivate static let formFields = fields(
        "a mapping from a form's fields to text or secrets",
        example: "{ j_username: admin, j_password: { env: STUDIO_PASSWORD } }",
        "a field's name", accepts: { !$0.isEmpty && $0.utf8.count <= 200 })

    /// Source: RFC 9110 section 5.6.2; those that are left out are the transfer's own.
    static let headers = fields(
        "a mapping from header fields to text or secrets",
        example: "{ X-Api-Key: { env: STUDIO_KEY } }",
        "a header field that is not the connection's own",
        accepts: {
            let own = [
                "host", "connection", "content-length", "content-type", "transfer-encoding",
                "expect", "upgrade",
            ]
            return !own.contains($0.lowercased())
                && $0.wholeMatch(of: /[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,200}/) != nil
        })

    private static func fields(
        _ expectation: String, example: String, _ nameExpectation: String,
        accepts: @escaping @Sendable (String) -> Bool
    ) -> Shape {
        Shape<HTTPValue>.sent.located.names(
            expectation, example: example, label: { "the field '\($0)'" },
            nameExpectation: nameExpectation, accepts: accepts
        ).checked { (fields, cursor, reading) throws(Refused) in
            var written: [WrittenField] = []
            for (name, located) in fields {
                if case .text = located.value, isTelling(name) {
                    // What stands there is not repeated.
                    throw reading.refuse(
                        "the field '\(name.shortened(to: 60))' of \(cursor.name): a secret is "
                            + "given by reference",
                        "for example \(name.shortened(to: 60)): "
                            + "{ env: STUDIO_PASSWORD }, or file:, credential:, command:",
                        at: located.place)
                }
                written.append(
                    WrittenField(
                        field: HTTPField(name: name, value: located.value), place: located.place))
            }
            return written
        }
    }

    /// Whether what has such a name is a secret for sure.
    private static func isTelling(_ name: String) -> Bool {
        let words =
            #/passw|passphrase|^pass$|pwd|secret|token|authoriz|cookie|api.?key|credential/#
        return name.firstMatch(of: words.ignoresCase()) != nil
    }
}

extension Shape where Value == HTTPValue {
    /// Text as it is, or where a secret is kept.
    fileprivate static let sent: Shape = {
        let text = Shape<String>.text("text, or a reference to a secret", example: "admin") { _ in
            true
        }
        let schema = Schema(
            kind: .either(text.schema, Shape<SecretReference>.secret.schema),
            expectation: text.schema.expectation, example: text.schema.example)
        return Shape(schema: schema) { (cursor, reading) throws(Refused) in
            guard cursor.isMapping else { return .text(text: try text.read(cursor, reading)) }
            return .secret(reference: try Shape<SecretReference>.secret.read(cursor, reading))
        }
    }()
}
