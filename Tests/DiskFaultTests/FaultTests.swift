import EventLog
import Foundation
import RecordedDisk
import Testing
import UpgradeMachine

@Suite("The log on a disk that fails", .needsStrace)
struct FaultTests {
    /// The calls by which SQLite changes files; `openat` makes and opens them.
    static let calls = ["fdatasync", "fsync", "pwrite64", "ftruncate", "openat", "unlink"]

    @Test(
        "No fault loses an acknowledged event, and the next run goes on",
        arguments: calls, [false, true])
    func strikes(call: String, isForEver: Bool) throws {
        var number = 0
        while true {
            number += 1
            let fault = Strace.Fault(call, "EIO", number: number, isForEver: isForEver)
            let scratch = try Scratch()
            let path = "\(scratch.path)/state/pawl.sqlite"
            let (run, struck) = try Strace.run(
                [Subject.path, "log", path], under: fault,
                on: [path, path + "-journal", "\(scratch.path)/state"])
            guard !struck.isEmpty else {
                #expect(run.status == 0, "\(fault): \(run.errors)")
                break
            }
            try Self.check(run, at: path, after: fault)
            if run.status == 0 { print("\(fault) ends well: \(struck.count) \(struck.first ?? "")") } else { print(fault, run.errors) }
        }
        print("\(call)\(isForEver ? " for ever" : ""): \(number - 1) faults")
    }

    private static func check(
        _ run: Execution, at path: String, after fault: Strace.Fault
    ) throws {
        #expect(!run.wasKilled, "\(fault) ended it by signal \(run.status)")
        if run.status != 0 {
            #expect(run.status == 1 && run.errors.contains(path), "\(fault): \(run.errors)")
        }
        let acknowledged = run.acknowledgements.last.flatMap(Int.init) ?? 0
        let log = try EventLog(path: path, for: .writing)
        let found = try log.verifyChain().events
        #expect(Subject.mayStand(found, after: acknowledged), "\(fault): \(found), acknowledged \(acknowledged)")
    }
}
