import Foundation
import GRDB
import Testing

/// The event log as another program sees it: read-only, row by row, without Pawl's own code.
struct PawlLog: Sendable {
    let path: String

    /// One row, as far as the tests look into it.
    struct Entry: Sendable {
        let sequence: Int
        let stream: String
        /// As in `began`.
        let type: String
        /// The step that it is about, where it is about one.
        let step: String?
        let milliseconds: Int64
        let body: String
        /// Whether an outcome was found done already.
        let isAdopted: Bool
        /// Code of the failure that it tells of.
        let failureCode: String?
    }

    /// A log that is being written has no answer for now: `SQLITE_BUSY`.
    struct Busy: Error {}

    /// - Throws: ``Busy``
    func entries(after sequence: Int = 0) throws -> [Entry] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(0.2)
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            return try database.read { database in
                try Row.fetchAll(
                    database, sql: "SELECT seq, stream, type, body FROM event WHERE seq > ?",
                    arguments: [sequence]
                ).map(Self.entry)
            }
        } catch let error as DatabaseError {
            // One that has only just been made has no table yet, or nothing in it.
            if error.resultCode == .SQLITE_ERROR, error.message?.contains("no such table") == true {
                return []
            }
            if [.SQLITE_BUSY, .SQLITE_READONLY, .SQLITE_CANTOPEN].contains(error.resultCode) {
                throw Busy()
            }
            throw error
        }
    }

    private static func entry(_ row: Row) throws -> Entry {
        let type: String = row["type"]
        let body: Data = row["body"]
        let json = try #require(try JSONSerialization.jsonObject(with: body) as? [String: Any])
        let data = (json["data"] as? [String: Any])?[type] as? [String: Any] ?? [:]
        let receipt = (data["receipt"] as? [String: Any])?.keys.first
        let effect = (data["effect"] as? [String: Any])?.keys.first
        let failure = (data["failure"] ?? data["cause"]) as? [String: Any]
        let time = try #require(json["wall_time"] as? String)
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let date = try #require(formatter.date(from: time), "\(time)")
        return Entry(
            sequence: row["seq"], stream: row["stream"], type: type,
            step: effect ?? (data["step"] as? String) ?? receipt.flatMap { steps[$0] },
            milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()),
            body: String(decoding: body, as: UTF8.self),
            isAdopted: data["adopted"] as? Bool ?? false,
            failureCode: failure?["code"] as? String)
    }

    /// What each step leaves.
    private static let steps = [
        "pulled": "pull", "fenceRaised": "raiseFence", "backedUp": "backUp", "stopped": "stop",
        "fenceLifted": "liftFence", "started": "start", "verified": "verify", "tidied": "tidy",
        "candidateRemoved": "removeCandidate", "dataSaved": "saveData",
        "dataRestored": "restoreData", "previousStarted": "startPrevious",
        "previousVerified": "verifyPrevious",
    ]
}

extension [PawlLog.Entry] {
    /// The step whose intent is recorded and whose outcome is not.
    var openStep: String? {
        var open: String?
        for entry in self {
            switch entry.type {
            case "began": open = entry.step
            case "done", "failed", "withdrawn", "halted", "rollbackOrdered": open = nil
            default: break
            }
        }
        return open
    }

    /// Whether a step has an outcome, whichever.
    func hasOutcome(of step: String) -> Bool {
        contains { ["done", "failed"].contains($0.type) && $0.step == step }
    }

    func outcomes(of step: String) -> [PawlLog.Entry] {
        filter { $0.type == "done" && $0.step == step }
    }

    /// For messages: as in `began stop`.
    var story: String {
        map { "\($0.type) \($0.step ?? $0.failureCode ?? "")" }.joined(separator: ", ")
    }
}
