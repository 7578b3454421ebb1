import EventLog
import Foundation
import RecordedDisk
import Testing
import UpgradeMachine

@Suite("The log on a disk that fails", .needsStrace)
struct FaultTests {
    /// The calls by which SQLite makes, writes, syncs and cuts its files.
    static let calls = ["fdatasync", "fsync", "pwrite64", "ftruncate", "openat"]

    @Test(
        "No fault loses an acknowledged event, and the next run goes on",
        arguments: calls, ["EIO", "ENOSPC"])
    func strikes(call: String, error: String) throws {
        let whole = try Scratch()
        let source = "\(whole.path)/state/pawl.sqlite"
        #expect(try Execution.run([Subject.path, "log", source]).status == 0)
        let reference = try Reference(logs: [source])
        for isForEver in [false, true] {
            var (number, struck, survived) = (Chance.firstFault(of: call), 0, 0)
            while try strike(
                .init(call, error, number: number, isForEver: isForEver), reference, &survived)
            {
                struck += 1
                number += Chance.stride(of: call)
            }
            print(
                "\(call) \(error)\(isForEver ? " for ever" : ""): \(struck) faults, of which "
                    + "\(survived) were survived; seed \(Chance.seed)")
            // A clean run ends the loop, so that every call has had its turn.
            #expect(struck > 0)
        }
    }

    /// - Returns: Whether there was a call to strike.
    private func strike(
        _ fault: Strace.Fault, _ reference: Reference, _ survived: inout Int
    ) throws -> Bool {
        let scratch = try Scratch()
        let path = "\(scratch.path)/state/pawl.sqlite"
        let (run, struck) = try Strace.run(
            [Subject.path, "log", path], under: fault,
            on: [path, path + "-journal", "\(scratch.path)/state"])
        #expect(!run.wasKilled, "\(fault) ended it by signal \(run.status)")
        if run.status == 0 {
            // SQLite does without a directory's sync; Pawl does not.
            #expect(struck.allSatisfy { $0.contains("/state") && !$0.contains(".sqlite") })
            if !struck.isEmpty { survived += 1 }
        } else {
            // 3 would be a writer that appends after it has failed.
            #expect(run.status == 1, "\(fault): \(run.errors)")
            #expect(run.errors.contains("\(scratch.path)/state"), "\(fault): \(run.errors)")
        }
        do {
            try reference.check(
                path, acknowledged: run.acknowledgements.last.flatMap { Int($0) } ?? 0)
        } catch {
            Issue.record("\(fault): \(error)")
        }
        return !struck.isEmpty
    }
}
