/// An event as the log keeps it: who, where, when, under which authority, after what.
public struct LogEntry: Hashable, Sendable {
    /// Counts all events of one log by one; it orders them, clocks do not.
    public let sequence: Int
    /// SHA-256 leaf of the record before, in hexadecimal; 64 zeros for the first.
    public let previousLeaf: String
    public let instance: String
    /// The upgrade (or operation) that it belongs to.
    public let stream: String
    /// Counts the events of one stream by one.
    public let streamSequence: Int
    public let moment: Moment
    /// Grows with each take-over of the instance; an outdated writer is refused by it.
    public let fenceNumber: Int
    /// Who had it done: the login name, with the one behind `sudo`.
    public let actor: String
    public let host: String
    public let tool: Tool
    /// SHA-256 of the plan's stored bytes, in hexadecimal.
    public let planDigest: String
    /// Sequence of the event that this one follows from; none for a plan.
    public let causation: Int?
    public let event: Event

    public init(
        sequence: Int, previousLeaf: String, instance: String, stream: String,
        streamSequence: Int, moment: Moment, fenceNumber: Int, actor: String, host: String,
        tool: Tool, planDigest: String, causation: Int?, event: Event
    ) {
        self.sequence = sequence
        self.previousLeaf = previousLeaf
        self.instance = instance
        self.stream = stream
        self.streamSequence = streamSequence
        self.moment = moment
        self.fenceNumber = fenceNumber
        self.actor = actor
        self.host = host
        self.tool = tool
        self.planDigest = planDigest
        self.causation = causation
        self.event = event
    }
}

/// The program that wrote an event.
public struct Tool: Hashable, Sendable, Codable {
    public let version: String
    /// SHA-256 of the executable, in hexadecimal.
    public let digest: String

    public init(version: String, digest: String) {
        self.version = version
        self.digest = digest
    }
}
