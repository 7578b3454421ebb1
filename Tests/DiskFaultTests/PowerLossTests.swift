import EventLog
import Foundation
import RecordedDisk
import Testing
import UpgradeMachine

@Suite("The log after a power cut", .needsStrace)
struct PowerLossTests {
    @Test("No acknowledged event is lost, and none is half there")
    func keepsWhatItAcknowledged() async throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/state/pawl.sqlite"
        let recording = try Recording(
            of: .init([Subject.path, "log", path]), below: scratch.path)
        #expect(recording.executions.map(\.status) == [0], "\(recording.executions)")
        let reference = try Reference(logs: [path])
        let losses = try await reference.losses(in: recording, "log", limit: Chance.images)
        #expect(losses.isEmpty, "\(losses.brief)")
    }

    /// Of a failed fsync the kernel tells once, and may have dropped what it could not write.
    @Test("What is appended after a sync that failed stands on nothing that the kernel dropped")
    func survivesAFailedSync() async throws {
        let whole = try Scratch()
        let reference = "\(whole.path)/state/pawl.sqlite"
        #expect(try Execution.run([Subject.path, "log", reference]).status == 0)
        for number in Chance.failedSyncs {
            let scratch = try Scratch()
            let path = "\(scratch.path)/state/pawl.sqlite"
            let words = [Subject.path, "log", path]
            let recording = try Recording(
                of: .init(words, fault: "fdatasync:error=EIO:when=\(number)"), .init(words),
                below: scratch.path)
            #expect(recording.executions.last?.status == 0, "\(recording.executions)")
            let losses = try await Reference(logs: [reference, path])
                .losses(in: recording, "sync \(number) failed", limit: Chance.images / 5)
            #expect(losses.isEmpty, "\(losses.brief)")
        }
    }

    /// The simulation bites: what is known to lose events loses them.
    @Test("Without a directory's sync, or without any, the simulation finds losses")
    func bites() async throws {
        let whole = try Scratch()
        let source = "\(whole.path)/state/pawl.sqlite"
        #expect(try Execution.run([Subject.path, "log", source]).status == 0)
        for (journal, synchronous, isSafe) in [
            ("DELETE", "FULL", false), ("TRUNCATE", "NORMAL", false), ("DELETE", "OFF", false),
            ("TRUNCATE", "EXTRA", true), ("DELETE", "EXTRA", true),
        ] {
            let scratch = try Scratch()
            let path = "\(scratch.path)/state/pawl.sqlite"
            #expect(try Execution.run([Subject.path, "log", path, "2"]).status == 0)
            let recording = try Recording(
                of: .init([Subject.path, "replicate", source, path, journal, synchronous]),
                below: scratch.path)
            let reference = try Reference(logs: [source], each: true, before: 3)
            let losses = try await reference.losses(
                in: recording, "\(journal)+\(synchronous)", limit: Chance.images / 5)
            #expect(losses.isEmpty == isSafe, "\(journal)+\(synchronous): \(losses.brief)")
        }
    }
}
