import Synchronization
import Testing
import UpgradeMachine

@testable import Drivers

/// What is being started is waited for; what is wrong is said at once.
@Suite struct PatienceTests {
    private static let quick = Patience(limit: .seconds(30), rest: .milliseconds(1))

    private static func failure(_ code: String) -> Failure {
        Failure(code: code, message: "no answer", advice: "look")
    }

    /// Fails so many times before it answers; counts how often it was asked.
    private final class Asked: Sendable {
        private let count = Mutex(0)
        var times: Int { count.withLock { $0 } }

        func answer(after failures: Int, _ code: String) throws(Failure) -> Int {
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number <= failures { throw PatienceTests.failure(code) }
            return number
        }
    }

    @Test(arguments: [
        "engine-unreachable", "engine-timed-out", "database-container-stopped",
        "database-unreachable", "database-connection-lost",
    ])
    func `An absence is waited for, and told of once`(code: String) async throws {
        let asked = Asked()
        let notes = Mutex<[UpgradeMachine.Progress]>([])
        let context = Context(plan: .test()) { progress in
            notes.withLock { $0.append(progress) }
        }
        let answer = try await Self.quick.wait(in: context) { () throws(Failure) in
            try asked.answer(after: 9, code)
        }
        #expect(answer == 10)
        #expect(notes.withLock { $0 } == [.note("waiting: no answer")])
    }

    @Test func `Any other failure is told at once`() async throws {
        let asked = Asked()
        await #expect(throws: Self.failure("database-access-denied")) {
            try await Self.quick.wait(in: Self.silent) { () throws(Failure) in
                try asked.answer(after: 1, "database-access-denied")
            }
        }
        #expect(asked.times == 1)
    }

    @Test func `It has an end`() async throws {
        let (asked, brief) = (Asked(), Patience(limit: .milliseconds(50), rest: .milliseconds(1)))
        await #expect(throws: Self.failure("engine-unreachable")) {
            try await brief.wait(in: Self.silent) { () throws(Failure) in
                try asked.answer(after: .max, "engine-unreachable")
            }
        }
        #expect(asked.times > 1)
    }

    @Test func `A request to stop ends it`() async throws {
        let waiting = Task { () -> String? in
            do throws(Failure) {
                return try await Self.quick.wait(in: Self.silent) { () throws(Failure) in
                    throw Self.failure("engine-unreachable")
                }
            } catch {
                return error.code
            }
        }
        waiting.cancel()
        #expect(await waiting.value == "interrupted")
    }

    private static var silent: Context {
        Context(plan: .test()) { _ in }
    }
}
