import Foundation
import GRDB
import Testing

extension UpgradeTests {
    @Suite("A log that was altered", .serialized)
    struct Altered {
        @Test(.timeLimit(.minutes(3)))
        func `Replay names the decision that was altered`() async throws {
            try await Stack.running { stack in
                let pawl = try Pawl(stack)
                try await pawl.run("upgrade", "2.0.1", ends: 10)
                let good = try await pawl.run("replay", ends: 0)
                #expect(good.output.contains("\(try pawl.log.entries().count) events"))

                for isRehashed in [false, true] {
                    let copy = stack.path("altered-\(isRehashed)")
                    try FileManager.default.createDirectory(
                        atPath: copy, withIntermediateDirectories: true)
                    let path = "\(copy)/pawl.sqlite"
                    try FileManager.default.copyItem(atPath: pawl.log.path, toPath: path)
                    let altered = try await LogForgery(path: path).alter(
                        "start", replacing: "\"2.0.1\"", with: "\"2.0.0\"", rehash: isRehashed)
                    let result = try await pawl.run("replay", "--state", copy, ends: 20)
                    #expect(result.errors.contains("\(altered)"), "\(result.text)")
                    if isRehashed {
                        // The chain is whole: only folding it again shows what was done.
                        #expect(!result.errors.contains("hash"), "\(result.text)")
                    }
                }
                #expect(
                    try await pawl.run("replay", ends: 0).output == good.output,
                    "the log itself is as it was")
            }
        }
    }
}

/// Somebody who may write the file, knows the format, and has time.
private struct LogForgery {
    let path: String

    /// Alters the intent of a step; answers the number of its event.
    ///
    /// - Parameter rehash: Whether its hash, and all that follow from it, are made anew.
    func alter(
        _ step: String, replacing old: String, with new: String, rehash: Bool
    ) async throws -> Int {
        let entries = try PawlLog(path: path).entries()
        let target = try #require(entries.first { $0.type == "began" && $0.step == step })
        let body = target.body.replacing(old, with: new)
        try #require(body != target.body)
        let database = try DatabaseQueue(path: path)
        let (names, guards) = try await database.read { database in
            let from = "FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"
            return (
                try String.fetchAll(database, sql: "SELECT name \(from)"),
                try String.fetchAll(database, sql: "SELECT sql \(from)")
            )
        }
        try await database.write { database in
            for name in names { try database.execute(sql: "DROP TRIGGER \(name)") }
            try database.execute(
                sql: "UPDATE event SET body = ? WHERE seq = ?",
                arguments: [Data(body.utf8), target.sequence])
        }
        if rehash { try await rehashAll(from: target.sequence, database) }
        try await database.write { database in
            for statement in guards { try database.execute(sql: statement) }
        }
        return target.sequence
    }

    private func rehashAll(from sequence: Int, _ database: DatabaseQueue) async throws {
        let rows = try database.read { database in
            try Row.fetchAll(
                database, sql: "SELECT seq, prev, body FROM event WHERE seq >= ? ORDER BY seq",
                arguments: [sequence])
        }
        var newPrevious: Data?
        for row in rows {
            let number: Int = row["seq"]
            let oldPrevious: Data = row["prev"]
            let previous = newPrevious ?? oldPrevious
            let body = String(decoding: row["body"] as Data, as: UTF8.self)
                .replacing(oldPrevious.hex, with: previous.hex)
            let leaf = try await leaf(of: body)
            try await database.write { database in
                try database.execute(
                    sql: "UPDATE event SET body = ?, prev = ?, leaf = ? WHERE seq = ?",
                    arguments: [Data(body.utf8), previous, leaf, number])
            }
            newPrevious = leaf
        }
    }

    /// SHA-256 over a zero byte and the body, by a program of others.
    private func leaf(of body: String) async throws -> Data {
        let result = try await Program.run(["sha256sum"], input: Data([0]) + Data(body.utf8))
        let digits = Array(result.output.prefix(64))
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...($0 + 1)]), radix: 16)
        }
        try #require(bytes.count == 32, "\(result.text)")
        return Data(bytes)
    }
}

extension Data {
    fileprivate var hex: String {
        map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
