/// Why the engine did not do as asked.
public enum DockerError: Error {
    /// What was named is not there; `message` is the engine's.
    case notFound(_ what: String, message: String)
    /// The engine will not do it in the state that things are in, such as a name in use.
    case conflict(_ what: String, message: String)
    /// The registry, or the engine, does not accept the credential.
    case unauthorized(_ what: String, message: String)
    /// Any other answer than the endpoint's own; `endpoint` is the method and path.
    case rejected(status: Int, message: String, endpoint: String)
    /// No answer; `advice` says what to look at.
    case unreachable(endpoint: String, reason: String, advice: String)
    case unsupported(engine: String, needed: String)
    case malformed(_ what: String, reason: String)
    case tooLarge(_ what: String, limitInBytes: Int)
    /// The answer broke off; what was asked may have been done.
    case endedEarly(_ what: String, reason: String)
    case timedOut(_ what: String, after: Duration)
    /// The request was not sent, since it makes no sense.
    case invalid(_ reason: String)
    /// The caller's sink or pull closure threw.
    case bodyFailed(_ what: String, underlying: any Error)
    /// The task around the call was asked to stop; what was asked may have been done.
    case stopped(_ what: String)
}

extension DockerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound(let what, let message):
            "\(what) is not there; the engine says: \(message)"
        case .conflict(let what, let message):
            "\(what): the engine refuses in the present state: \(message)"
        case .unauthorized(let what, let message):
            "\(what): not authorized: \(message)"
        case .rejected(let status, let message, let endpoint):
            "\(endpoint): the engine answered \(status): \(message)"
        case .unreachable(let endpoint, let reason, _):
            "the engine at \(endpoint) cannot be reached: \(reason)"
        case .unsupported(let engine, let needed):
            "the engine speaks API \(engine), needed is \(needed). Use Docker 20.10 or newer."
        case .malformed(let what, let reason):
            "\(what): the engine's answer cannot be read: \(reason)"
        case .tooLarge(let what, let limitInBytes):
            "\(what): the answer is larger than the \(limitInBytes) bytes that are allowed"
        case .endedEarly(let what, let reason):
            "the engine's answer about \(what) broke off: \(reason). Look whether the daemon still "
                + "runs."
        case .timedOut(let what, let duration):
            "\(what): the engine was silent or not done within \(duration)"
        case .invalid(let reason):
            "the engine was not asked: \(reason)"
        case .bodyFailed(let what, let underlying):
            "\(what): the data could not be handled: \(underlying)"
        case .stopped(let what):
            "\(what): stopped on request"
        }
    }
}
