import ArgumentParser
import DockerEngine
import Foundation
import Glibc
import Settings

/// `pawl init`
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Write a pawl.yaml from what runs. Changes nothing else.",
        discussion: """
            It looks at the engine's containers: what is the application, its database, and what \
            stands in front; at their images, ports, health checks and logs; and asks the pages \
            that are published. Secrets stay where they are: the file refers to them.
            """)

    @Option(
        help: ArgumentHelp(
            "What is known beforehand: \(AdoptionPreset.all.map(\.name).joined(separator: ", ")).",
            valueName: "name"))
    var preset: String?

    @Option(
        name: .customLong("container"),
        help: ArgumentHelp(
            "A container that is made anew with a release; several in the order in which they "
                + "start.", valueName: "name"))
    var containers: [String] = []

    @Option(help: ArgumentHelp("The database's container.", valueName: "name"))
    var database: String?

    @Option(
        help: ArgumentHelp(
            "The image's repository in its registry, without a tag.", valueName: "name"))
    var repository: String?

    @Option(name: [.customShort("i"), .long], help: ArgumentHelp("What it is called here."))
    var instance: String?

    @Option(
        help: ArgumentHelp(
            "The engine; otherwise DOCKER_HOST, or unix:///var/run/docker.sock.",
            valueName: "address"))
    var engine: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("Where to write it.", valueName: "file"))
    var output = "pawl.yaml"

    @Flag(help: "Write it also where there is such a file already.")
    var force = false

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func validate() throws {
        if let preset, AdoptionPreset.all.allSatisfy({ $0.name != preset }) {
            throw ValidationError(
                "there is no preset '\(preset)': there is "
                    + AdoptionPreset.all.map(\.name).joined(separator: ", "))
        }
    }

    func run() async throws {
        try refuseToOverwrite()
        let adoption = Adoption(
            wishes: AdoptionWishes(
                containers: containers, database: database,
                preset: AdoptionPreset.all.first { $0.name == preset }),
            instance: instance, engine: engine, repository: repository)
        let (name, file) = try await adoption.file()
        try check(file)
        try write(file.text)
        let again = output == "pawl.yaml" ? "" : " --config \(output.quotedForShell)"
        let report = InitReport(
            file: output.asAbsolutePath, instance: name, found: file.found, toDo: file.toDo,
            next: ["pawl check\(again)", "pawl verify\(again)"])
        if json { return try Output.json(report) }
        report.tell()
    }

    private func refuseToOverwrite() throws {
        var status = stat()
        guard !force, lstat(output, &status) == 0 else { return }
        throw Refusal(
            status: .refused, message: "\(output) is there already, and is left as it is",
            advice: "name another file with --output, or write over it with --force")
    }

    /// Whatever was found, the file is one that the reader takes.
    private func check(_ file: AdoptedFile) throws {
        let folder = URL(fileURLWithPath: output.asAbsolutePath).deletingLastPathComponent().path
        _ = try SettingsFile.parse(Array(file.text.utf8), file: output, directory: folder)
    }

    /// Beside it first, so that no half of it ever stands under its name.
    private func write(_ text: String) throws {
        let data = Data(text.utf8)
        do {
            try data.write(
                to: URL(fileURLWithPath: output), options: force ? .atomic : .withoutOverwriting)
        } catch {
            throw Refusal(
                status: .refused,
                message: "\(output) cannot be written: \(error.localizedDescription)",
                advice: "name another file with --output")
        }
    }
}

/// `pawl.init/1`
struct InitReport: Encodable {
    var format = "pawl.init/1"
    let file: String
    let instance: String
    let found: [String]
    /// What a person has to do before the first upgrade.
    let toDo: [String]
    /// Commands to type, in order.
    let next: [String]

    func tell() {
        Output.result("Found:\n" + lines(found))
        Output.result("Written: \(file), with the instance \(instance)")
        if !toDo.isEmpty { Output.result("Left to you:\n" + lines(toDo)) }
        Output.result("Next:\n" + next.map { "    \($0)" }.joined(separator: "\n"))
    }

    private func lines(_ texts: [String]) -> String {
        texts.map { "  · \($0)" }.joined(separator: "\n")
    }
}
