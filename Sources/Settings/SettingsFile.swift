/// `pawl.yaml`: the instances of one host and how each is upgraded.
///
/// It is YAML with the key `instances`, a mapping from names to ``InstanceSettings``, and perhaps
/// `state`. Keys that begin with `x-` are left to the user, anchors and merges (`<<`) work, and
/// every other unknown key is refused. Durations are `30s`, `5m`, `1h30m` or whole seconds;
/// relative paths count from the file's directory; secrets are given by reference.
public struct SettingsFile: Hashable, Sendable {
    /// The file's name as the user gave it.
    public let file: String
    /// `state`: the directory of log, locks and backups; none for the user's usual one.
    public let stateDirectory: String?
    /// `instances`, in the order of the file.
    public let instances: [InstanceSettings]
    /// What is doubtful in it.
    public let warnings: [Finding]

    /// A larger file is refused, in bytes.
    public static let maximumSizeInBytes = 1_048_576

    public subscript(name: String) -> InstanceSettings? {
        instances.first { $0.name == name }
    }

    /// Reads a settings file.
    ///
    /// - Throws: All that is wrong with it at once, in the order of its lines.
    public static func load(path: String) throws(SettingsError) -> SettingsFile {
        let bytes: [UInt8]
        let directory: String
        do throws(Refusal) {
            bytes = try contents(of: path, limitInBytes: maximumSizeInBytes)
            directory = parent(of: absolute(path, in: try workingDirectory()))
        } catch {
            throw SettingsError(file: path, findings: [error.finding])
        }
        return try parse(bytes, file: path, directory: directory)
    }

    /// Reads settings that are in memory.
    ///
    /// - Parameters:
    ///   - file: The name that findings are told under.
    ///   - directory: What relative paths count from.
    public static func parse(
        _ bytes: [UInt8], file: String, directory: String
    ) throws(SettingsError) -> SettingsFile {
        let reading = Reading(directory: directory)
        do throws(Refused) {
            let root = try document(bytes, reading)
            let start = Place(line: 1, column: 1)
            let cursor = Cursor(node: root, path: "", label: "the file", owner: start)
            let settings = try Shape<FileSettings>.file.read(cursor, reading)
            guard reading.findings.allSatisfy({ $0.severity == .warning }) else {
                throw Refused()
            }
            return SettingsFile(
                file: file, stateDirectory: settings.stateDirectory,
                instances: settings.instances,
                warnings: Set(reading.findings).sorted(by: Finding.isBefore))
        } catch {
            throw SettingsError(file: file, findings: reading.findings)
        }
    }
}
