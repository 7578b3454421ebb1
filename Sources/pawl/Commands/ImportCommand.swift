import ArgumentParser

/// `pawl import FILE`
struct ImportCommand: AsyncParsableCommand, WorkspaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Get a release onto this host from its archive. The service goes on.",
        discussion: """
            An image archive (docker save, or an OCI layout; plain, gzip or zstd) is checked \
            whole, loaded, and named as the configuration says; a host release's is unpacked.
            """)

    @OptionGroup var options: WorkspaceOptions
    @OptionGroup var operation: OperationOptions

    @Argument(help: "The release's archive.")
    var file: String

    @Option(
        name: .customLong("version"),
        help: ArgumentHelp("Its version, where the archive does not say it.", valueName: "version"))
    var release: String?

    @Option(
        help: ArgumentHelp(
            "Its SHA-256 as its vendor says; also read from FILE.sha256.", valueName: "digits"))
    var sha256: String?

    func run() async throws {
        var candidate = Planning.Candidate(version: release)
        candidate.archive = file.asAbsolutePath
        candidate.sha256 = sha256
        try await get(candidate, operation)
    }
}
