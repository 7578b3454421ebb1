internal import HTTPClient
internal import UpgradeMachine

/// A page, perhaps of somebody who is logged in, and whether its answer is the one that the release
/// that shall serve gives.
///
/// A redirect is an answer here, unless the probe has it followed: a status of 302 can be asked for.
/// A session is kept from question to question as long as its answers are good, and no longer: a
/// cookie must not tie the probe to an old instance. A form is sent once a second at most, and a
/// refusal is tried three times in all, since applications lock an account that is refused again and
/// again (Tomcat's `LockOutRealm` after five times).
actor HTTPQuestion {
    static let deadline = Duration.seconds(5)

    /// How attempts to be let in are spaced.
    struct LoginPace: Sendable {
        /// Between one form that was sent and the next.
        var rest = Duration.seconds(1)
        /// After the first refusal and after the second; a third is believed.
        var restsAfterRefusals = [Duration.seconds(5), .seconds(15)]
    }

    /// What is resolved when it is first needed, and kept for one verification.

    private struct Session {
        let visit: HTTPVisit
        let submission: LoginForm.Submission
    }

    /// The container at whose address it is asked; none where the probe says another place.
    nonisolated let container: String?
    private let probe: HTTPProbe
    private let demands: PageDemands
    private let form: LoginForm?
    private let deadline: Duration
    private let pace: LoginPace
    private let resolve: SecretResolver

    private var secrets: [SecretReference: Secret] = [:]
    private var session: Session?
    private var refusals = 0
    /// Until then the last answer stands.
    private var nextAttempt: ContinuousClock.Instant?
    private var lastAnswer: Answer?

    /// - Returns: None where one of the probe's patterns, or its pointer, cannot be read.
    init?(
        _ probe: HTTPProbe, version: String, deadline: Duration = deadline,
        pace: LoginPace = LoginPace(), resolve: @escaping SecretResolver
    ) {
        guard let demands = PageDemands(probe, version: version) else { return nil }
        if let login = probe.login {
            guard let form = LoginForm(login, url: probe.url) else { return nil }
            self.form = form
        } else {
            form = nil
        }
        self.probe = probe
        self.demands = demands
        self.deadline = probe.within?.duration ?? deadline
        self.pace = pace
        self.resolve = resolve
        if case .container(let name) = probe.destination {
            container = name
        } else {
            container = nil
        }
    }

    /// - Parameter address: The container's, where it is asked at one.
    /// - Returns: None where the task was asked to stop before there was an answer.
    func ask(
        at address: String? = nil, searchLimit: Duration = Pattern.searchLimit
    ) async -> Answer? {
        let answer: Answer
        do throws(Obstacle) {
            answer = try await answerOrObstacle(at: address, searchLimit)
        } catch {
            switch error {
            case .stopped: return nil
            case .told(let told): answer = told
            }
            session = nil
        }
        lastAnswer = answer
        return Task.isCancelled ? nil : answer
    }

    private func answerOrObstacle(
        at address: String?, _ searchLimit: Duration
    ) async throws(Obstacle) -> Answer {
        if container != nil, address == nil {
            throw .told(.notYet(saw: "\(container ?? "") has no address to be asked at"))
        }
        if session == nil, let nextAttempt, ContinuousClock.now < nextAttempt, let lastAnswer {
            return lastAnswer
        }
        if let form { return try await askLoggedIn(form, at: address, searchLimit) }
        let page = try await visit(at: address)
            .get(probe.url, follows: probe.redirects == .followed)
        if isAccountRefused(by: page) { return refused("401: the account was refused") }
        refusals = 0
        return marked(await demands.judge(page.response, searchLimit: searchLimit))
    }

    private func isAccountRefused(by page: HTTPVisit.Page) -> Bool {
        probe.account != nil && page.response.status == 401 && probe.status != 401
    }

    private func askLoggedIn(
        _ form: LoginForm, at address: String?, _ searchLimit: Duration
    ) async throws(Obstacle) -> Answer {
        let isFresh = session == nil
        if isFresh {
            let visit = try await visit(at: address)
            let page = try await visit.get(form.page, follows: true)
            if isAccountRefused(by: page) { return refused("401: the account was refused") }
            let submission = try await form.submission(
                on: page, try await values(of: probe.login?.fields ?? []), searchLimit: searchLimit)
            nextAttempt = ContinuousClock.now + pace.rest
            let answer = try await visit.post(
                submission.fields, to: submission.action, from: submission.page)
            if let saw = try form.denial(by: answer, submission) { return refused(saw) }
            session = Session(visit: visit, submission: submission)
        }
        guard let session else { throw .stopped }
        let page = try await session.visit.get(probe.url, follows: probe.redirects == .followed)
        if let saw = form.refusal(by: page, session.submission, status: probe.status) {
            self.session = nil
            // One that had been let in was forgotten, as by a restart: that is no refusal.
            return isFresh ? refused(saw) : .notYet(saw: Plain.line(saw))
        }
        let answer = await demands.judge(
            page.response, prefix: ", logged in", searchLimit: searchLimit)
        refusals = 0
        if !answer.isGood { self.session = nil }
        return marked(answer)
    }

    private func refused(_ saw: String) -> Answer {
        guard refusals < pace.restsAfterRefusals.count else {
            return .hopeless(saw: Plain.line("\(saw), \(refusals + 1) times"))
        }
        nextAttempt = ContinuousClock.now + pace.restsAfterRefusals[refusals]
        refusals += 1
        return .notYet(saw: Plain.line(saw))
    }

    /// Whoever reads the log is to know what was not looked at.
    private func marked(_ answer: Answer) -> Answer {
        guard probe.certificateCheck == .skipped, case .good(let saw) = answer else {
            return answer
        }
        return .good(saw: "\(saw) (certificate not checked)")
    }
}

// MARK: - What is sent

extension HTTPQuestion {
    private func visit(at address: String?) async throws(Obstacle) -> HTTPVisit {
        var configuration = HTTPClient.Configuration(
            tls: HTTPClient.TLS(
                authoritiesPath: probe.authorityFile,
                verification: probe.certificateCheck == .skipped ? .skippedInsecurely : .required),
            proxy: .none, acceptsCompression: true)
        switch probe.destination {
        case .address(let host, let port):
            configuration.destination = HTTPClient.Destination(host: host, port: port)
        case .container:
            configuration.destination = address.map { HTTPClient.Destination(host: $0) }
        case nil: break
        }
        if let account = probe.account {
            let password = try await secret(account.password).reveal { $0 }
            configuration.credential = HTTPCredential(user: account.user, password: password)
        }
        return HTTPVisit(configuration, fields: try await fields(), deadline: deadline)
    }

    private func fields() async throws(Obstacle) -> HTTPFields {
        var fields: HTTPFields = ["Cache-Control": "no-cache"]
        for field in try await values(of: probe.fields ?? []) {
            fields.append(field.name, field.value)
        }
        if fields["Accept"] == nil {
            // Many send nobody to a log-in page who does not ask for one as browsers do.
            fields.append("Accept", form == nil ? "*/*" : "text/html,*/*;q=0.8")
        }
        return fields
    }

    private func values(
        of fields: [HTTPField]
    ) async throws(Obstacle) -> [(name: String, value: String)] {
        var values: [(name: String, value: String)] = []
        for field in fields {
            switch field.value {
            case .text(let text): values.append((field.name, text))
            case .secret(let reference):
                values.append((field.name, try await secret(reference).reveal { $0 }))
            }
        }
        return values
    }

    private func secret(_ reference: SecretReference) async throws(Obstacle) -> Secret {
        if let known = secrets[reference] { return known }
        do throws(Failure) {
            let secret = try await resolve(reference)
            secrets[reference] = secret
            return secret
        } catch {
            if Task.isCancelled { throw .stopped }
            let saw = Plain.line(error.message)
            throw .told(error.isPermanent ? .hopeless(saw: saw) : .notYet(saw: saw))
        }
    }
}
