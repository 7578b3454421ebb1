import Foundation

/// Thrown by a property that does not hold, with what was found.
public struct Falsified: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Ends a property unless `condition` is true.
public func require(
    _ condition: Bool, _ message: @autoclosure () -> String
) throws(Falsified) {
    if !condition { throw Falsified(message()) }
}

/// A value for which a property does not hold, shrunk, and how to see it again.
public struct Counterexample<Value: Sendable>: Error, CustomStringConvertible {
    public let value: Value
    /// What the property said of it.
    public let reason: String
    /// The seed of the run that found it.
    public let seed: UInt64
    /// How many values were tried to make it smaller.
    public let shrinks: Int
    /// The line that repeats it.
    public let command: String

    public var description: String {
        """
        the property does not hold: \(reason)
        smallest value found (after \(shrinks) others): \(String(reflecting: value))
        repeat it with: \(command)
        """
    }
}

/// Asks a property of many generated values.
///
/// Each run has its own seed, which is the one before plus one. `PAWL_SEED` in the environment
/// takes the place of chance: its first run is the one that failed.
///
/// - Parameters:
///   - seed: The first run's; none for one of chance.
///   - shrinkLimit: Values that are tried at most to find a smaller counterexample.
///   - property: Throws where it does not hold.
/// - Throws: ``Counterexample``.
public func check<Value: Sendable>(
    _ name: String = #function, in file: String = #fileID, seed: UInt64? = nil, runs: Int = 200,
    shrinkLimit: Int = 5_000, generating generator: Generator<Value>,
    _ property: @escaping (Value) throws -> Void
) throws {
    let environment = ProcessInfo.processInfo.environment["PAWL_SEED"].flatMap { UInt64($0) }
    let first = seed ?? environment ?? UInt64.random(in: 0...UInt64(UInt32.max))
    // Before anything else: a trap would take the answer with it.
    if seed == nil { print("property \(name): seed \(first)") }
    for run in 0..<UInt64(runs) {
        let seed = first &+ run
        var choices = Choices(random: Seeded(state: seed))
        let value = generator.make(&choices)
        guard let reason = refutation(of: property, by: value) else { continue }
        var search = Shrinking(generator: generator, property: property, limit: shrinkLimit)
        search.found(choices.drawn, value, reason)
        search.run()
        let suite = file.replacing(".swift", with: "").replacing("/", with: ".")
        throw Counterexample(
            value: search.value ?? value, reason: search.reason, seed: seed,
            shrinks: search.tried,
            command: "PAWL_SEED=\(seed) swift test --filter \(suite)")
    }
}

/// Why `property` does not hold for `value`; none where it does.
func refutation<Value>(of property: (Value) throws -> Void, by value: Value) -> String? {
    do {
        try property(value)
        return nil
    } catch {
        return "\(error)"
    }
}
