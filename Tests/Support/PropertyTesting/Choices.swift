/// How values of one type are made of choices.
public struct Generator<Value> {
    let make: (inout Choices) -> Value
    public init(_ make: @escaping (inout Choices) -> Value) { self.make = make }
}

/// What a generator draws from: chance, or the numbers of an earlier draw once more.
///
/// A value is the numbers that it was made from, so that shrinking the numbers shrinks the value,
/// whatever its type, and only ever to values that the generator can make. 0 stands for the
/// simplest choice everywhere. (The idea is Hypothesis': MacIver and Donaldson, ECOOP 2020.)
public struct Choices {
    private let given: [UInt64]?
    private var random: Seeded
    /// The numbers drawn so far.
    private(set) var drawn: [UInt64] = []

    /// A value made of more numbers than this would be of no use to anybody.
    static let limit = 20_000

    init(random: Seeded) {
        given = nil
        self.random = random
    }

    /// Draws `numbers` again; beyond their end everything is the simplest.
    init(repeating numbers: [UInt64]) {
        given = numbers
        random = Seeded(state: 0)
    }

    /// A number from 0 to `greatest`.
    public mutating func number(to greatest: UInt64) -> UInt64 {
        var number: UInt64 = 0
        if drawn.count < Self.limit {
            if let given {
                number = drawn.count < given.count ? min(given[drawn.count], greatest) : 0
            } else {
                // The greatest is where bugs are, and hardly ever met by chance.
                let isGreatest = random.next() % 16 == 0
                number = isGreatest ? greatest : UInt64.random(in: 0...greatest, using: &random)
            }
        }
        drawn.append(number)
        return number
    }
}

extension Choices {
    /// A number from 0 to below `count`.
    public mutating func index(below count: Int) -> Int {
        precondition(count > 0, "nothing to choose from")
        return Int(number(to: UInt64(count - 1)))
    }

    /// One of `values`, of which the first is the simplest.
    public mutating func element<Value>(of values: [Value]) -> Value {
        values[index(below: values.count)]
    }

    /// False is simpler; true comes up once in `outOf` draws.
    public mutating func chance(_ outOf: Int = 2) -> Bool { index(below: outOf) == outOf - 1 }

    /// Near 0 as a rule, and at times any number that there is, the extremes among them.
    public mutating func integer() -> Int64 {
        let magnitude: UInt64 =
            switch index(below: 8) {
            case 0...3: number(to: 20)
            case 4, 5: number(to: 100_000)
            default: number(to: UInt64(Int64.max))
            }
        let value = Int64(magnitude)
        return chance(4) ? -value - (magnitude == UInt64(Int64.max) ? 1 : 0) : value
    }

    /// None is simpler.
    public mutating func optional<Value>(_ make: (inout Choices) -> Value) -> Value? {
        chance() ? make(&self) : nil
    }

    /// Up to `limit` values. Each is announced by a number of its own, so that it can be left out.
    public mutating func array<Value>(
        limit: Int, _ make: (inout Choices) -> Value
    ) -> [Value] {
        var values: [Value] = []
        while values.count < limit, !(index(below: 4) == 0) { values.append(make(&self)) }
        return values
    }
}

/// SplitMix64 (Steele, Lea, Flood: OOPSLA 2014), so that a run can be repeated from its seed.
public struct Seeded: RandomNumberGenerator {
    public var state: UInt64

    public init(state: UInt64) { self.state = state }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
