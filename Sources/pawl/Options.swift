import ArgumentParser
import Foundation

/// Options that every command has.
struct WorkspaceOptions: ParsableArguments {
    @Option(
        name: [.customShort("c"), .long],
        help: ArgumentHelp(
            "The configuration; otherwise ./pawl.yaml, then /etc/pawl/pawl.yaml.",
            valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            """
            The directory of log, locks and backups; otherwise $PAWL_STATE, then 'state' in the \
            configuration, then /var/lib/pawl for root and ~/.local/state/pawl for others.
            """, valueName: "directory"))
    var state: String?

    @Option(
        name: [.customShort("i"), .long],
        help: ArgumentHelp(
            "The instance; not needed where there is but one.", valueName: "name"))
    var instance: String?

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    /// These options as they are typed again for a later command, with full paths.
    ///
    /// - Parameter instance: Where there are several to choose from.
    func again(instance: String?) -> [String] {
        var words: [String] = []
        if let config { words += ["--config", config.asAbsolutePath] }
        if let state { words += ["--state", state.asAbsolutePath] }
        if let instance = self.instance ?? instance { words += ["--instance", instance] }
        return words
    }
}

/// A command that works with settings, state directory and log.
protocol WorkspaceCommand: ParsableCommand {
    var options: WorkspaceOptions { get }
}

/// A release that is in a file of this host.
struct ArchiveOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The release's archive: an image's (docker save, or an OCI layout; plain, gzip or \
            zstd), or a host release's where the configuration does not name it.
            """, valueName: "file"))
    var archive: String?

    @Option(
        help: ArgumentHelp(
            "The archive's SHA-256 as its vendor says; also read from FILE.sha256.",
            valueName: "digits"))
    var sha256: String?

    func validate() throws {
        guard sha256 == nil || archive != nil else {
            throw ValidationError("--sha256 is about a file: name it with --archive")
        }
    }
}

/// What is to be upgraded to, and why.
struct ChangeOptions: ParsableArguments {
    @Argument(
        help: "The version to upgrade to; an image archive may say it, and is enough then.")
    var version: String?

    @OptionGroup var origin: ArchiveOptions

    @Option(help: ArgumentHelp("Why; goes into the record.", valueName: "words"))
    var reason: String?

    @Option(
        help: ArgumentHelp(
            "The change's number in another system; goes into the record.", valueName: "number"))
    var ticket: String?

    func validate() throws {
        guard version != nil || origin.archive != nil else {
            throw ValidationError("name the version to upgrade to, or its --archive")
        }
        try reason?.validateForRecord("--reason")
        try ticket?.validateForRecord("--ticket", limitInBytes: 200)
    }
}

extension String {
    /// Refuses what would be of no use in the record, or could do harm where it is shown.
    func validateForRecord(_ option: String, limitInBytes: Int = 2000) throws {
        guard utf8.count <= limitInBytes else {
            throw ValidationError(
                "\(option) has \(utf8.count) bytes, and the record takes \(limitInBytes)")
        }
        guard contains(where: { !$0.isWhitespace }) else {
            throw ValidationError("\(option) is empty")
        }
        guard Output.harmless(self) == self else {
            throw ValidationError("\(option) has control characters")
        }
    }

    /// Counted from the working directory, so that it means the same to a later command.
    var asAbsolutePath: String {
        hasPrefix("/") ? self : URL(fileURLWithPath: self).standardizedFileURL.path
    }

    /// As a shell takes it for one word.
    var quotedForShell: String {
        let isPlain =
            !isEmpty
            && allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || "/._+:=@%-".contains($0))
            }
        return isPlain ? self : "'" + replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
