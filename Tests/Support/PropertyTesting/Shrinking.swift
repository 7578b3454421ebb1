/// The search for a smaller value that a property does not hold for.
///
/// Fewer numbers are smaller, and of as many those that come first in the dictionary's order.
struct Shrinking<Value> {
    let generator: Generator<Value>
    let property: (Value) throws -> Void
    let limit: Int
    private(set) var numbers: [UInt64] = []
    private(set) var value: Value?
    private(set) var reason = ""
    private(set) var tried = 0

    init(
        generator: Generator<Value>, property: @escaping (Value) throws -> Void,
        limit: Int
    ) {
        self.generator = generator
        self.property = property
        self.limit = limit
    }

    mutating func found(_ numbers: [UInt64], _ value: Value, _ reason: String) {
        self.numbers = numbers
        self.value = value
        self.reason = reason
    }

    mutating func run() {
        var before: [UInt64]
        repeat {
            before = numbers
            leaveOut()
            setToZero()
            lower()
            move()
        } while numbers != before && tried < limit
    }

    /// Takes `candidate` where it is smaller and the property does not hold for it either.
    @discardableResult
    private mutating func attempt(_ candidate: [UInt64]) -> Bool {
        guard tried < limit, isSmaller(candidate) else { return false }
        tried += 1
        var choices = Choices(repeating: candidate)
        let value = generator.make(&choices)
        guard let reason = refutation(of: property, by: value), isSmaller(choices.drawn) else {
            return false
        }
        found(choices.drawn, value, reason)
        return true
    }

    private func isSmaller(_ candidate: [UInt64]) -> Bool {
        candidate.count != numbers.count
            ? candidate.count < numbers.count : candidate.lexicographicallyPrecedes(numbers)
    }

    /// Numbers out of the middle, many at once first; also with one taken from the number before,
    /// which may be how many follow.
    private mutating func leaveOut() {
        for size in [32, 16, 8, 4, 3, 2, 1] {
            var start = numbers.count - size
            while start >= 0 {
                if start + size <= numbers.count {
                    var fewer = numbers
                    fewer.removeSubrange(start..<start + size)
                    if !attempt(fewer), start > 0, fewer[start - 1] > 0 {
                        fewer[start - 1] -= 1
                        attempt(fewer)
                    }
                }
                start -= 1
            }
        }
    }

    private mutating func setToZero() {
        for size in [8, 4, 2, 1] {
            var start = numbers.count - size
            while start >= 0 {
                if start + size <= numbers.count {
                    var simpler = numbers
                    for index in start..<start + size { simpler[index] = 0 }
                    attempt(simpler)
                }
                start -= 1
            }
        }
    }

    /// Each number to one of the least, or by halves to where the property holds again.
    private mutating func lower() {
        var index = numbers.count - 1
        while index >= 0 {
            var good: UInt64 = 0
            while index < numbers.count, good < min(8, numbers[index]) {
                if set(index, to: good) { break }
                good += 1
            }
            while index < numbers.count, good < numbers[index] {
                let middle = good + (numbers[index] - good) / 2
                if !set(index, to: middle) { good = middle + 1 }
            }
            index -= 1
        }
    }

    private mutating func set(_ index: Int, to number: UInt64) -> Bool {
        var candidate = numbers
        candidate[index] = number
        return attempt(candidate)
    }

    /// All of a number into one of the next three, so that of two that do it together one is left.
    private mutating func move() {
        for distance in 1...3 {
            var index = 0
            while index + distance < numbers.count {
                var moved = numbers
                let (sum, overflows) = moved[index].addingReportingOverflow(moved[index + distance])
                if moved[index] > 0, !overflows {
                    moved[index + distance] = sum
                    moved[index] = 0
                    attempt(moved)
                }
                index += 1
            }
        }
    }
}
