import UpgradeMachine

/// A check as it is written, before it has a name that no other has.
struct WrittenCheck: Sendable {
    let name: Located<String>?
    let question: Check.Question
    let place: Place
}

extension Shape where Value == [WrittenCheck] {
    static let checks = Shape<WrittenCheck>.check.list(
        "a list of checks", example: "[running, release]")
}

extension Shape where Value == WrittenCheck {
    fileprivate static let check = mapping(
        "a check", example: "running",
        .one(
            of: Choice(
                "running", Shape<Check.Question>.nothing(.running),
                "Every container, or the host's application, runs and has not restarted."),
            Choice(
                "release", .nothing(.release),
                "What runs is the plan's image or archive, by digest."),
            Choice(
                "healthy", Shape<String>.container.map { .healthy(container: $0) },
                "The container's own health check says healthy."),
            Choice("log", .logLines, "What the start-up log has to say, and must not."),
            Choice("http", Shape<HTTPProbe>.probe.map { .http(probe: $0) }, "A request."),
            Choice(
                "command",
                Shape<[String]>.command(example: "[/usr/local/bin/smoke, '{version}']")
                    .map { .command(arguments: $0) },
                "Has to end 0; {version} stands for the version that shall serve.")),
        .optional(
            "name", Shape<String>.text("a name", example: "front page").located,
            "As reports name it; otherwise made from the check.")
    ) { (cursor, _, question, name) throws(Refused) in
        WrittenCheck(name: name, question: question, place: cursor.place)
    }.shorthand(
        ["running", "release"],
        expectation: "running, release, or a mapping with healthy, log, http or command",
        example: "running")
}

extension Shape where Value == Check.Question {
    fileprivate static let logLines = Shape.mapping(
        "a mapping with ready or errors", example: "{ ready: 'Server startup in' }",
        .optional(
            "ready", .regularExpression, "A regular expression that one line has to match."),
        .optional(
            "errors",
            Shape<String>.regularExpression.list(
                "a list of regular expressions", example: "[SEVERE, Exception]"), default: [],
            "Regular expressions that no line may match."),
        .optional(
            "except",
            Shape<String>.regularExpression.list(
                "a list of regular expressions", example: "['SEVERE: deprecated']"
            ).located,
            "Regular expressions of lines that match an error and are known to be harmless.")
    ) {
        (cursor, reading, ready, errors, except) throws(Refused) in
        guard ready != nil || !errors.isEmpty else {
            throw reading.refuse(
                "\(cursor.name) asks nothing", "add ready or errors", at: cursor.owner)
        }
        if let except, errors.isEmpty {
            throw reading.refuse(
                "\(cursor.name).except excuses nothing, since there are no errors",
                "add errors, or take except away", at: except.place)
        }
        return .log(ready: ready, errors: errors, except: except?.value)
    }
}

/// Gives every check a name that no other check of the instance has.
///
/// - Returns: None where two have the same name, or ask the same, as findings then say.
func named(_ written: [WrittenCheck], _ reading: Reading) throws(Refused) -> [Check] {
    var taken: [String: Place] = [:]
    var asked: [Check.Question: Place] = [:]
    var areDistinct = true
    for check in written {
        if let first = asked.updateValue(check.place, forKey: check.question) {
            reading.refuse(
                "this check asks the same as that on line \(first.line)", "keep one of them",
                at: check.place)
            areDistinct = false
        }
        guard let name = check.name else { continue }
        if let first = taken.updateValue(name.place, forKey: name.value) {
            reading.refuse(
                "the check's name '\(name.value)' is taken already, on line \(first.line)",
                "reports tell checks apart by name: choose another", at: name.place)
            areDistinct = false
        }
    }
    guard areDistinct else { throw Refused() }
    return written.map { check in
        if let name = check.name { return Check(name: name.value, question: check.question) }
        let name = check.question.automaticName
        var (unique, number) = (name, 1)
        while taken[unique] != nil {
            number += 1
            unique = "\(name) (\(number))"
        }
        taken[unique] = check.place
        return Check(name: unique, question: check.question)
    }
}

extension Check.Question {
    /// What it asks, in a few words.
    fileprivate var automaticName: String {
        switch self {
        case .running: "running"
        case .healthy(let container): "healthy \(container)"
        case .release: "release"
        case .log: "log"
        // A query may hold what is better not in every report.
        case .http(let probe):
            "http \(probe.url.prefix { $0 != "?" && $0 != "#" })\(probe.automaticPlace)"
        case .command(let arguments):
            "command \(arguments[0].split(separator: "/").last ?? "")"
        }
    }
}

extension HTTPProbe {
    /// Where it is asked, if not at its URL's own host.
    fileprivate var automaticPlace: String {
        switch destination {
        case .address(let host, let port): " at \(host)\(port.map { ":\($0)" } ?? "")"
        case .container(let name): " in \(name)"
        case nil: ""
        }
    }
}
