import EventLog
import Foundation
import GRDB
import Testing
import UpgradeMachine

@Suite("Replay")
struct ReplayTests {
    /// Rewrites what `change` says, with hashes and links that fit.
    private static func forged(_ change: (Int, String) -> String) throws -> Folder {
        let folder = try Folder()
        try folder.append()
        try folder.alter { try Forgery.rewriteAll(in: $0, change) }
        return folder
    }

    private static func refusal(in folder: Folder) throws -> Replay.Refusal? {
        let log = try EventLog(path: folder.log, for: .reading)
        // The hashes have nothing to say against it.
        _ = try log.verifyChain()
        let entries = try log.entries(of: "u1")
        do throws(Replay.Refusal) {
            _ = try Replay(entries)
            return nil
        } catch {
            return error
        }
    }

    @Test func `It comes to the run that was written`() throws {
        let folder = try Folder()
        let entries = try folder.append()
        let replay = try Replay(entries)
        let run = try entries.dropFirst().reduce(Run(Sample.plan)) {
            try $0.evolved(by: $1.event, at: $1.moment)
        }
        #expect(replay.run == run)
        #expect(replay.run.open == .start(release: Sample.plan.candidate))
        let log = try EventLog(path: folder.log, for: .reading)
        let summary = try Replay.all(of: log)
        #expect((summary.events, summary.upgrades) == (8, 1))
        #expect(summary.head == (try log.verifyChain().head))
    }

    @Test func `A log that is only computed anew is not refused`() throws {
        #expect(try Self.refusal(in: Self.forged { $1 }) == nil)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let sequence: Int
        let old: String
        let new: String
        /// What the refusal has to say.
        let found: String
    }

    @Test(
        "A decision that was rewritten with fitting hashes is named, and what was demanded",
        arguments: [
            Case(
                testDescription: "another release is pulled", sequence: 2,
                old: #""version":"7.1.0""#, new: #""version":"6.6.6""#,
                found: "it says began pull 6.6.6, where planned demands began pull 7.1.0"),
            Case(
                testDescription: "another release is started", sequence: 8,
                old: #""version":"7.1.0""#, new: #""version":"6.6.6""#,
                found: "it says began start 6.6.6, where stopped demands began start 7.1.0"),
            Case(
                testDescription: "another release was pulled", sequence: 4,
                old: #""digest":"sha256:71""#, new: #""digest":"sha256:66""#,
                found: "whose evidence does not fit the state planned"),
            Case(
                testDescription: "a try that was permanent", sequence: 3,
                old: #""isPermanent":false"#, new: #""isPermanent":true"#,
                found: "where the outcome of pull is awaited"),
        ])
    func rewritten(_ given: Case) throws {
        let folder = try Self.forged { sequence, text in
            guard sequence == given.sequence else { return text }
            let changed = text.replacing(given.old, with: given.new)
            #expect(changed != text)
            return changed
        }
        let refusal = try #require(try Self.refusal(in: folder))
        #expect(refusal.sequence == given.sequence)
        #expect(refusal.stream == "u1")
        #expect(refusal.found.contains(given.found), "\(refusal.found)")
        #expect(refusal.description.contains("event \(given.sequence)"))
        let log = try EventLog(path: folder.log, for: .reading)
        let all = #expect(throws: Replay.Refusal.self) { _ = try Replay.all(of: log) }
        #expect(all?.sequence == given.sequence)
    }

    @Test func `A plan that was rewritten is not the one its events belong to`() throws {
        let folder = try Self.forged { sequence, text in
            sequence == 1
                ? text.replacing(#""attemptsPerStep":3"#, with: #""attemptsPerStep":9"#) : text
        }
        let log = try EventLog(path: folder.log, for: .reading)
        let errors = [
            EventLogTests.refusal { try log.verifyChain() },
            EventLogTests.refusal { try log.entries(of: "u1") },
            EventLogTests.refusal { try Replay.all(of: log) },
        ]
        for error in errors {
            #expect(error?.kind == "damaged")
            #expect(error?.sequence == 1)
            #expect(error?.description.contains(Sample.planDigest) == true)
        }
    }

    @Test func `A plan in another spelling is not the one whose digest was recorded`() throws {
        let folder = try Self.forged { sequence, text in
            sequence == 1 ? text.replacing(#""/srv/backups""#, with: #""\/srv/backups""#) : text
        }
        let log = try EventLog(path: folder.log, for: .reading)
        #expect(EventLogTests.refusal { try log.verifyChain() }?.sequence == 1)
    }

    @Test func `An event of another plan is refused`() throws {
        let other = String(repeating: "0", count: 64)
        let folder = try Self.forged { sequence, text in
            sequence == 5 ? text.replacing(Sample.planDigest, with: other) : text
        }
        let refusal = try #require(try Self.refusal(in: folder))
        #expect(refusal.sequence == 5)
        #expect(refusal.found.contains(other))
    }

    @Test func `A stream that does not begin with a plan is refused`() throws {
        let folder = try Folder()
        try folder.append([.resumed])
        #expect(try Self.refusal(in: folder)?.sequence == 1)
        #expect(throws: Replay.Refusal.self) { _ = try Replay([]) }
    }
}
