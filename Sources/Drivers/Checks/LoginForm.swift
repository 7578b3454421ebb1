internal import HTTPClient
internal import UpgradeMachine

/// How a probe logs in: what it posts where, and how it knows that it was not let in.
///
/// Applications mostly refuse with a friendly page and status 200; what tells is their form, which
/// is there again.
struct LoginForm: Sendable {
    /// What is posted where, once the page was seen.
    struct Submission: Sendable {
        let action: String
        let fields: [(name: String, value: String)]
        /// Where the page was found in the end.
        let page: String
    }

    private let login: HTTPLogin
    private let probeURL: String
    private let token: Pattern?
    /// By these its form is known: the fields that hold a secret.
    private let marks: Set<String>

    /// - Returns: None where the token's expression cannot be read.
    init?(_ login: HTTPLogin, url: String) {
        self.login = login
        probeURL = url
        if let expression = login.token?.expression {
            guard let pattern = Pattern(expression) else { return nil }
            token = pattern
        } else {
            token = nil
        }
        let secret = login.fields.filter { if case .secret = $0.value { true } else { false } }
        marks = Set((secret.isEmpty ? login.fields : secret).map(\.name))
    }

    /// The page that is asked for first.
    var page: String { login.page ?? probeURL }

    /// Fills in the form that a page shows, with all that it carries along unseen.
    ///
    /// - Parameter values: The fields of the configuration, their secrets resolved.
    func submission(
        on page: HTTPVisit.Page, _ values: [(name: String, value: String)], searchLimit: Duration
    ) async throws(Obstacle) -> Submission {
        let status = page.response.status
        // Some show their form with 401.
        guard (200..<300).contains(status) || status == 401 || status == 403 else {
            throw notYet("\(status)\(Self.target(of: page)) in place of the log-in page")
        }
        let text = page.response.text
        let form = HTMLForm.all(in: text).first { marks.isSubset(of: $0.names) }
        guard form != nil || login.action != nil else {
            throw notYet(
                "\(status), and no form with \(marks.sorted().joined(separator: ", ")) on the "
                    + "log-in page")
        }
        let given = Set(values.map(\.name))
        var fields = (form?.hidden ?? []).filter { !given.contains($0.name) }
            .map { (name: $0.name, value: $0.value) }
        if let token = login.token {
            let value = try await self.token(in: text, searchLimit)
            fields.removeAll { $0.name == token.field }
            fields.append((token.field, value))
        }
        return Submission(
            action: try action(of: form, on: page), fields: fields + values, page: page.url)
    }

    private func action(
        of form: HTMLForm?, on page: HTTPVisit.Page
    ) throws(Obstacle) -> String {
        if let action = login.action { return action }
        guard let own = HTTPTarget(page.url),
            let target = HTTPTarget(form?.action ?? page.url, relativeTo: page.url)
        else { throw notYet("the log-in form leads to no URL that can be read") }
        // A password goes to the server that is asked about, and to no other.
        guard target.origin == own.origin else {
            throw notYet(
                "the log-in form leads to another server, \(target.origin), and was not sent")
        }
        return target.withoutFragment
    }

    private func token(in text: String, _ searchLimit: Duration) async throws(Obstacle) -> String {
        guard let token else { return "" }
        switch await Boundless.run(within: searchLimit, { token.search(text) }) {
        case .match(let group?): return HTMLText.plain(group)
        case .match(nil), .nothing:
            throw notYet("no match of \(token.expression) on the log-in page")
        case .matchWithoutGroup:
            throw .told(.hopeless(saw: "\(token.expression) has no group that holds the token"))
        case nil:
            throw .told(.hopeless(saw: "\(token.expression) found no end on the log-in page"))
        }
    }

    // MARK: Not let in

    /// Why the answer to the form says that nobody was let in; none where it may be so.
    func denial(
        by page: HTTPVisit.Page, _ submission: Submission
    ) throws(Obstacle) -> String? {
        switch page.response.status {
        case 401, 403, 422: return "the log-in was refused with \(page.response.status)"
        case 400...: throw notYet("the log-in was answered \(page.response.status)")
        default: break
        }
        return isShown(on: page, submission)
            ? "the log-in was answered \(page.response.status) with its own form again" : nil
    }

    /// Why the page that was asked for after the log-in is one for strangers; none where it is not.
    ///
    /// - Parameter status: The one that is good.
    func refusal(
        by page: HTTPVisit.Page, _ submission: Submission, status: Int
    ) -> String? {
        let code = page.response.status
        if code == 401, status != 401 { return "401: nobody is logged in" }
        let pages = [login.page, submission.page].compactMap { $0.flatMap { HTTPTarget($0)?.path } }
        let own = HTTPTarget(probeURL)?.path
        let loginPaths = pages.filter { $0 != own }
        if let target = page.response.redirectURL, code != status,
            let path = HTTPTarget(target)?.path, loginPaths.contains(path)
        {
            return "\(code) to the log-in at \(path): nobody is logged in"
        }
        if page.url != probeURL, let path = HTTPTarget(page.url)?.path, loginPaths.contains(path) {
            return "led to the log-in at \(path): nobody is logged in"
        }
        return isShown(on: page, submission)
            ? "\(code) with the log-in form: nobody is logged in" : nil
    }

    /// Whether a page asks for the same log-in, and not for, say, another password.
    private func isShown(on page: HTTPVisit.Page, _ submission: Submission) -> Bool {
        HTMLForm.all(in: page.response.text).contains { form in
            guard marks.isSubset(of: form.names) else { return false }
            guard let action = form.action else { return true }
            // Its last part alone: an action that is relative leads elsewhere from every page.
            let target = HTTPTarget(action, relativeTo: page.url)?.lastPart
            return target == HTTPTarget(submission.action)?.lastPart
        }
    }

    private static func target(of page: HTTPVisit.Page) -> String {
        page.response.redirectURL.map { " to \(HTTPTarget.shown($0)), another server," } ?? ""
    }

    private func notYet(_ saw: String) -> Obstacle { .told(.notYet(saw: Plain.line(saw))) }
}
