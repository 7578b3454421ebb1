import Drivers
import EventLog
import Foundation
import Reports
import Settings
import UpgradeMachine

/// What `pawl restore` is to put in place, from what was typed.
struct RestoreTarget {
    let source: RestoreSource
    var backup: Backup? { if case .backup(let backup) = source { backup } else { nil } }
    /// What it is, for people: when it was taken, and what it holds.
    let description: String
    let findings: [PlanFinding]

    /// - Parameters:
    ///   - name: A file, `latest`, or the id of an upgrade or operation that has made a backup.
    ///   - settings: The instance's, and where its backups lie.
    static func named(
        _ name: String, of planning: Planning
    ) async throws -> RestoreTarget {
        let settings = planning.settings
        let path = name.asAbsolutePath
        if FileManager.default.fileExists(atPath: path) {
            if let entry = try BackupCatalog.entry(ofFile: path) {
                return try target(entry, for: settings)
            }
            let inspection = try await DumpInspection.of(path, for: settings.database)
            return RestoreTarget(
                source: .dump(dump: inspection.dump),
                description: "\(path), a dump of \(brief(bytes: inspection.dump.sizeInBytes))",
                findings: inspection.findings)
        }
        let directory = settings.backupDirectory(
            stateDirectory: planning.workspace.stateDirectory)
        // What was saved before it was replaced is put back by its file's name alone.
        let entries = try BackupCatalog(directory: directory).entries().filter {
            $0.manifest.instance == settings.name && $0.isBackup
        }
        let found = name == "latest" ? entries.last : entries.last { $0.manifest.upgrade == name }
        guard let found else { throw unknown(name, entries, in: directory) }
        return try target(found, for: settings)
    }

    /// Read whole: what is damaged would otherwise be found when the service is stopped already.
    private static func target(
        _ entry: BackupCatalog.Entry, for settings: InstanceSettings
    ) throws -> RestoreTarget {
        do throws(Failure) {
            _ = try BackupReader.verified(entry.backup)
        } catch {
            throw Refusal(
                status: .refused,
                message: "refused beforehand, nothing was changed: \(error.message)",
                advice: "put the file back from a copy, or name another: pawl backup --list")
        }
        var findings: [PlanFinding] = []
        if entry.manifest.instance != settings.name {
            // Whose name is in the dump, and would be made.
            let isNamed = if case .postgresql = settings.database { true } else { false }
            findings.append(
                PlanFinding(
                    isNamed ? .refusal : .warning,
                    "the backup is of another instance, \(entry.manifest.instance)"))
        }
        if !settings.database.isOf(server: entry.manifest.server) {
            findings.append(
                PlanFinding(
                    .refusal,
                    "the backup is of \(entry.manifest.server), and \(settings.name) has "
                        + "another kind of database"))
        }
        let fingerprint = entry.backup.fingerprint
        return RestoreTarget(
            source: .backup(backup: entry.backup),
            description: "\(entry.backup.path), taken \(entry.manifest.takenAt), with "
                + "\(fingerprint.tables) tables and \(fingerprint.rows) rows",
            findings: findings)
    }

    private static func unknown(
        _ name: String, _ entries: [BackupCatalog.Entry], in directory: String
    ) -> Refusal {
        let last = entries.suffix(3).map(\.manifest.upgrade).joined(separator: ", ")
        return Refusal(
            status: .usage,
            message: "there is no file '\(name)', and no backup of it in \(directory)",
            advice: entries.isEmpty
                ? "name a file" : "name a file, or one of: latest, \(last) (pawl backup --list)")
    }
}

extension Database {
    /// Whether a server of this kind has such a name, as a manifest writes it.
    fileprivate func isOf(server: String) -> Bool {
        switch self {
        case .none: false
        case .mysql: server.hasPrefix("MySQL") || server.hasPrefix("MariaDB")
        case .postgresql: server.hasPrefix("PostgreSQL")
        case .sqlite: server.hasPrefix("SQLite")
        }
    }
}
