import PropertyTesting
import Testing

@Suite("A false property")
struct ShrinkingTests {
    /// The counterexample that is found for a property that is false.
    private static func counterexample<Value: Sendable>(
        seed: UInt64, _ generator: Generator<Value>,
        _ property: @escaping (Value) throws -> Void
    ) throws -> Counterexample<Value> {
        let error = #expect(throws: Counterexample<Value>.self) {
            try check(seed: seed, generating: generator, property)
        }
        return try #require(error)
    }

    private static func numbers(_ choices: inout Choices) -> [Int] {
        choices.array(limit: 20) { $0.index(below: 1000) }
    }

    @Test("It is found and shrunk to the least array", arguments: 1...20 as ClosedRange<UInt64>)
    func sum(seed: UInt64) throws {
        let found = try Self.counterexample(seed: seed, Generator(Self.numbers)) {
            try require($0.reduce(0, +) < 500, "the sum is too large")
        }
        #expect(found.value == [500])
        #expect(found.reason == "the sum is too large")
    }

    @Test("One that needs two values keeps two", arguments: 1...20 as ClosedRange<UInt64>)
    func order(seed: UInt64) throws {
        let found = try Self.counterexample(seed: seed, Generator(Self.numbers)) {
            try require($0 == $0.sorted(), "not sorted")
        }
        #expect(found.value == [1, 0])
    }

    @Test("One that throws anything is found", arguments: 1...20 as ClosedRange<UInt64>)
    func thrown(seed: UInt64) throws {
        struct Odd: Error {}
        let found = try Self.counterexample(seed: seed, Generator { $0.integer() }) {
            if $0 % 2 != 0 { throw Odd() }
        }
        #expect(found.value == 1)
        #expect(found.reason.contains("Odd"))
    }

    @Test("Text is shrunk as well", arguments: 1...20 as ClosedRange<UInt64>)
    func text(seed: UInt64) throws {
        let found = try Self.counterexample(seed: seed, Generator { $0.text() }) {
            try require($0.unicodeScalars.count < 3, "too long")
        }
        #expect(found.value.unicodeScalars.count <= 6, "\(found.value)")
    }

    @Test func `Its line repeats it`() throws {
        let found = try Self.counterexample(seed: 7, Generator(Self.numbers)) {
            try require(!$0.contains { $0 > 900 }, "one is large")
        }
        #expect(
            found.command
                == "PAWL_SEED=\(found.seed) swift test --filter PropertyTestingTests.ShrinkingTests"
        )
        let again = #expect(throws: Counterexample<[Int]>.self) {
            try check(seed: found.seed, runs: 1, generating: Generator(Self.numbers)) {
                try require(!$0.contains { $0 > 900 }, "one is large")
            }
        }
        #expect(again?.value == [901] && found.value == [901])
        #expect(found.description.contains(found.command))
        #expect(found.description.contains("[901]"))
    }

    @Test func `Shrinking ends at its limit`() throws {
        let error = #expect(throws: Counterexample<[Int]>.self) {
            try check(seed: 1, shrinkLimit: 3, generating: Generator(Self.numbers)) {
                try require($0.isEmpty, "there is one")
            }
        }
        #expect(error?.shrinks == 3)
    }
}

@Suite("Generated values")
struct ChoicesTests {
    @Test func `A true property is asked as often as it says`() throws {
        nonisolated(unsafe) var asked = 0
        try check(seed: 1, runs: 321, generating: Generator { $0.integer() }) { _ in asked += 1 }
        #expect(asked == 321)
    }

    @Test func `A seed gives the same values each time, and another one others`() throws {
        func values(_ seed: UInt64) throws -> [String] {
            nonisolated(unsafe) var values: [String] = []
            try check(seed: seed, runs: 50, generating: Generator { $0.text() }) {
                values.append($0)
            }
            return values
        }
        #expect(try values(5) == values(5))
        #expect(try values(5) != values(500))
    }

    @Test func `The extremes are among them`() throws {
        nonisolated(unsafe) var integers: Set<Int64> = []
        nonisolated(unsafe) var texts: Set<String> = []
        try check(seed: 1, runs: 5_000, generating: Generator { ($0.integer(), $0.text()) }) {
            integers.insert($0.0)
            texts.insert($0.1)
        }
        #expect(integers.isSuperset(of: [0, 1, -1, .max, .min]))
        #expect(texts.isSuperset(of: ["", "\0", "\"", "\\", "\r\n"]))
        #expect(texts.contains { $0.utf8.count > 1000 })
    }
}
