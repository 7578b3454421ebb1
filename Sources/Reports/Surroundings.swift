/// What a status needs beside the log: who is at work, how a command is typed here, the clock.
public struct Surroundings: Sendable {
    /// Who holds the instance now, as people read it; nobody where a run has ended or died.
    public let heldBy: String?
    /// Options that every command that is named needs here, quoted for a shell.
    public let options: [String]
    /// The kernel's boot id now; an upgrade whose last event has another was cut by a reboot.
    public let bootID: String?
    /// Writes a wall time in milliseconds since 1970 as people read it.
    let clock: @Sendable (Int64) -> String

    public init(
        heldBy: String? = nil, options: [String] = [], bootID: String? = nil,
        clock: @escaping @Sendable (Int64) -> String
    ) {
        self.heldBy = heldBy
        self.options = options
        self.bootID = bootID
        self.clock = clock
    }

    /// A command as it is typed here.
    func command(_ words: String...) -> String { command(words) }

    func command(_ words: [String]) -> String { typed(words).joined(separator: " ") }

    /// A command's words, with the options that are needed here.
    func typed(_ words: [String]) -> [String] { ["pawl"] + words + options }
}
