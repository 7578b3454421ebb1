import EventLog
import Foundation
import GRDB
import Testing
import UpgradeMachine

@Suite("The log's guards, through a connection that is not Pawl's")
struct AppendOnlyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let sql: String
        let answer: String

        init(_ description: String, _ sql: String, _ answer: String) {
            (testDescription, self.sql, self.answer) = (description, sql, answer)
        }
    }

    private static let columns =
        "seq, instance, stream, stream_seq, type, type_version, fence_number, prev, body, leaf"
    private static let appendOnly = "the event log is append-only"

    /// The third of three events, with some columns replaced.
    private static func copied(_ replaced: [String: String], _ verb: String = "INSERT") -> String {
        let values = columns.split(separator: ", ").map { replaced[String($0)] ?? String($0) }
        return "\(verb) INTO event (\(columns)) "
            + "SELECT \(values.joined(separator: ", ")) FROM event WHERE seq = 3"
    }

    /// What would be the fourth.
    private static let next = [
        "seq": "4", "stream_seq": "4", "prev": "leaf", "leaf": "randomblob(32)",
    ]

    private static func next(but replaced: [String: String]) -> String {
        copied(next.merging(replaced) { $1 })
    }

    @Test(
        "They refuse",
        arguments: [
            Case("a change", "UPDATE event SET body = x'00' WHERE seq = 1", appendOnly),
            Case("a change of no row's key", "UPDATE event SET seq = 9 WHERE seq = 3", appendOnly),
            Case("a removal", "DELETE FROM event WHERE seq = 3", appendOnly),
            Case("the removal of all", "DELETE FROM event", appendOnly),
            Case(
                "a replacement of the same number",
                copied(["leaf": "randomblob(32)"], "INSERT OR REPLACE"), "must follow the last"),
            Case(
                "a replacement by the same leaf",
                copied(next.merging(["leaf": "leaf"]) { $1 }, "INSERT OR REPLACE"),
                "in the log already"),
            Case(
                "a replacement by the same number of the stream",
                copied(next.merging(["stream_seq": "3"]) { $1 }, "INSERT OR REPLACE"),
                "the last one of its stream"),
            Case(
                "an upsert",
                copied([:]) + " ON CONFLICT DO UPDATE SET body = x'00'", "in the log already"),
            Case("a gap", next(but: ["seq": "5", "prev": "zeroblob(32)"]), "must follow the last"),
            Case(
                "no number", next(but: ["seq": "NULL", "prev": "zeroblob(32)"]),
                "must follow the last"),
            Case("a gap in the stream", next(but: ["stream_seq": "5"]), "its stream"),
            Case(
                "another link", next(but: ["prev": "randomblob(32)"]), "the leaf of the one before"),
            Case(
                "the link before the last", next(but: ["prev": "prev"]),
                "the leaf of the one before"),
            Case("a short link", next(but: ["prev": "x'00'"]), "the leaf of the one before"),
            Case("an old fence number", next(but: ["fence_number": "1"]), "a newer run has taken"),
            Case("a short leaf", next(but: ["leaf": "x'00'"]), "CHECK"),
            Case("an empty body", next(but: ["body": "x''"]), "CHECK"),
            Case("a body of text", next(but: ["body": "'text'"]), "cannot store TEXT"),
            Case("no instance", next(but: ["instance": "''"]), "CHECK"),
        ])
    func refuse(_ given: Case) throws {
        let folder = try Folder()
        try folder.append(Array(Sample.events.prefix(2)))
        try folder.append([.resumed])
        let raw = try folder.raw()
        let error = #expect(throws: DatabaseError.self) {
            try raw.write { try $0.execute(sql: given.sql) }
        }
        #expect(error?.message?.contains(given.answer) == true, "\(String(describing: error))")
        try raw.close()
        #expect(try EventLog(path: folder.log, for: .reading).verifyChain().events == 3)
    }

    /// So that the cases above are refused for what they say, and not for all the same reason.
    @Test func `They let the next event pass`() throws {
        let folder = try Folder()
        try folder.append(Array(Sample.events.prefix(2)))
        try folder.append([.resumed])
        try folder.raw().write { try $0.execute(sql: Self.copied(Self.next)) }
    }
}
