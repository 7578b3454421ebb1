import UpgradeMachine

/// The versions of the events' stored shapes, and how an older one becomes today's.
///
/// A stored body is never rewritten; it is read as if today's Pawl had written it. Whoever changes
/// what an event's JSON looks like adds a step from the shape before, which makes the type's next
/// version, and has a golden log of it written (`Tests/EventLogTests/Golden`). One more case or one
/// more optional part is a change, too: an older Pawl has to be told that it cannot read it.
struct Shapes: Sendable {
    /// From an event's payload in one version to the same in the next.
    ///
    /// Its errors are not typed: Swift 6.3.1 crashes on a table of functions whose errors are.
    typealias Step = @Sendable (JSON) throws -> JSON

    /// For each type, the steps from version 1 to 2, from 2 to 3 and so on.
    private let steps: [EventType: [Step]]

    init(_ steps: [EventType: [Step]]) { self.steps = steps }

    /// This Pawl's.
    ///
    /// 2: plans of operations, paths, archives, and more databases and checks; the steps of these.
    static let current = Shapes([
        .planned: [grown], .began: [grown], .attemptFailed: [grown], .done: [grown],
        .failed: [grown], .withdrawn: [grown], .settled: [grown],
    ])

    /// A shape that has only got more that it may hold: what is there is as it was.
    private static let grown: Step = { $0 }

    /// The version of a type's shape that is written.
    func version(of type: EventType) -> Int { 1 + (steps[type]?.count ?? 0) }

    /// Which of the known shapes an event has; none where it is of no type or version known.
    func known(_ type: String, version: Int) -> EventType? {
        guard let type = EventType(rawValue: type), version >= 1, version <= self.version(of: type)
        else { return nil }
        return type
    }

    /// An event's `data` in today's shape.
    ///
    /// - Parameter version: A known one, in which `data` is.
    func upcast(_ data: JSON, of type: EventType, from version: Int) throws -> JSON {
        guard let steps = steps[type]?.dropFirst(version - 1), !steps.isEmpty else { return data }
        guard var payload = data[type.rawValue] else {
            throw JSON.Unreadable("the payload is missing", at: [type.rawValue])
        }
        for step in steps { payload = try step(payload) }
        return .object([JSON.Member(name: type.rawValue, value: payload)])
    }
}
