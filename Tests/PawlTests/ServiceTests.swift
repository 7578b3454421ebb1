import Foundation
import Glibc
import Testing

/// The systemd unit: what systemd itself makes of it, and whose files it leaves alone.
struct ServiceTests {
    static let hasSystemd =
        access("/usr/bin/systemd-analyze", X_OK) == 0 && access("/lib/systemd/systemd", X_OK) == 0

    /// Names that systemd, a shell, or C would read another way.
    static let names = [
        "plain", "with blanks", "100%u", "a$HOME", #"quote"d"#, #"back\slash"#, "it's", "Prüfung",
        "semi;colon", #"${x} %n "\t" #"#,
    ]

    @Test(.enabled(if: hasSystemd, "there is no systemd-analyze"), arguments: names)
    func systemdTakesItAsItIsMeant(_ name: String) throws {
        let scratch = try Scratch()
        let directory = "\(scratch.path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        // It runs no program with such a name, whatever is before it.
        let isRefused = name.contains { #""\'"#.contains($0) }
        let program = isRefused ? "\(scratch.path)/pawl" : "\(directory)/pawl"
        try FileManager.default.createSymbolicLink(
            atPath: program, withDestinationPath: Pawl.path)
        let state = "\(directory)/state"
        let installed = try Child(
            program, ["service", "install", "--directory", scratch.path, "--state", state],
            in: "/"
        ).end()
        #expect(installed.code == 0, "\(installed.errors)")

        let unit = "\(scratch.path)/pawl-resume.service"
        let verified = try Child("/usr/bin/systemd-analyze", ["verify", unit], in: "/").end()
        let text = try String(contentsOfFile: unit, encoding: .utf8)
        #expect(verified.code == 0, "\(verified.errors)\(text)")
        #expect(!verified.errors.contains("pawl-resume"), "\(verified.errors)")
        #expect(
            try words(of: unit, in: scratch) == [program, "resume", "--all", "--state", state],
            "\(text)")
    }

    @Test(arguments: names.filter { $0.contains { #""\'"#.contains($0) } })
    func aProgramThatSystemdWouldNotRunIsRefused(_ name: String) throws {
        let scratch = try Scratch()
        let program = "\(scratch.path)/\(name)"
        try FileManager.default.createSymbolicLink(
            atPath: program, withDestinationPath: Pawl.path)
        let end = try Child(
            program, ["service", "install", "--directory", scratch.path], in: "/"
        ).end()
        #expect(end.code == 12, "\(end.errors)")
        #expect(end.errors.contains("systemd runs no program with a quote or a backslash"))
    }

    /// The command as systemd has parsed it: it prints what it would do, quoted for a shell.
    private func words(of unit: String, in scratch: Scratch) throws -> [String] {
        let units = "\(scratch.path)/config/systemd/user"
        try FileManager.default.createDirectory(
            atPath: units, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: unit, toPath: "\(units)/pawl-resume.service")
        // It refuses to run its test as root.
        let user = geteuid() == 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : []
        if !user.isEmpty {
            let given = try Pawl.shell("chmod -R a+rwX .", in: scratch.path)
            #expect(given.code == 0)
        }
        let end = try Child(
            "/usr/bin/env",
            user + ["/lib/systemd/systemd", "--user", "--test", "--unit=pawl-resume.service"],
            in: scratch.path,
            environment: [
                "XDG_RUNTIME_DIR": scratch.path, "XDG_CONFIG_HOME": "\(scratch.path)/config",
                "HOME": scratch.path,
            ]
        ).end()
        let lines = (end.output + end.errors).split(separator: "\n")
        let line = try #require(
            lines.first { $0.contains("Command Line: ") && $0.contains("resume --all") },
            "\(end.code): \(end.errors)")
        let command = try #require(line.firstRange(of: "Command Line: "))
        let printed = try Pawl.shell(#"printf '%s\n' \#(line[command.upperBound...])"#)
        var words = printed.output.split(separator: "\n").map(String.init)
        // Only as it is run does systemd take two dollars for one, where no colon forbids it.
        let unit = try String(contentsOfFile: unit, encoding: .utf8)
        if !unit.contains("ExecStart=:") { words = words.map { $0.replacing("$$", with: "$") } }
        return words
    }

    @Test func aSecondRunChangesNothing() throws {
        let scratch = try Scratch()
        let words = [
            "service", "install", "--directory", scratch.path, "--state", "state", "--json",
        ]
        let first = try Pawl.run(words, in: scratch.path)
        #expect(try first.document()["format"] as? String == "pawl.service/1")
        #expect(try first.document()["change"] as? String == "written")
        #expect(
            try Pawl.run(words, in: scratch.path).document()["change"] as? String == "unchanged")
        let moved = words.map { $0 == "state" ? "elsewhere" : $0 }
        #expect(try Pawl.run(moved, in: scratch.path).document()["change"] as? String == "written")
        let files = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
        #expect(files == ["pawl-resume.service"], "nothing is left beside it")

        let removal = ["service", "uninstall", "--directory", scratch.path, "--json"]
        #expect(try Pawl.run(removal).document()["change"] as? String == "removed")
        #expect(try Pawl.run(removal).document()["change"] as? String == "notThere")
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    @Test(arguments: ["install", "uninstall"])
    func whatIsNotOursIsLeftAlone(_ verb: String) throws {
        let scratch = try Scratch()
        let words = ["service", verb, "--directory", scratch.path]
        try scratch.write("[Service]\nExecStart=/bin/true\n", to: "pawl-resume.service")
        let end = try Pawl.run(words)
        #expect(end.code == 12, "\(end.errors)")
        #expect(end.errors.contains("was not written by Pawl, and is left alone"))
        let text = try String(
            contentsOfFile: "\(scratch.path)/pawl-resume.service", encoding: .utf8)
        #expect(text == "[Service]\nExecStart=/bin/true\n")

        // Nor is what a link leads to, such as the mask of `systemctl mask`.
        let masked = try Scratch()
        let mask = try Pawl.shell("ln -s /dev/null pawl-resume.service", in: masked.path)
        #expect(mask.code == 0)
        #expect(try Pawl.run(["service", verb, "--directory", masked.path]).code == 12)
    }

    @Test func whereThereIsNoSuchDirectory() throws {
        let end = try Pawl.run(["service", "install", "--directory", "/nowhere/at/all"])
        #expect(end.code == 12)
        #expect(end.errors.contains("/nowhere/at/all/pawl-resume.service cannot be written"))
        #expect(end.errors.contains("is systemd installed?"))
        #expect(try Pawl.run(["service", "install", "--enable", "--print"]).code == 64)
        #expect(try Pawl.run(["service", "install", "--enable", "--directory", "/x"]).code == 64)
        #expect(try Pawl.run(["service", "install", "--instance", "x"]).code == 64)
    }

    @Test func secretsAndEngineOfTheConfiguration() throws {
        let scratch = try Scratch()
        try scratch.write(
            """
            state: log
            instances:
              studio:
                runtime:
                  docker:
                    image: registry.example/acme/studio
                    containers: [studio_web]
                    engine: unix:///var/run/docker.sock
                    registry: { user: customer, password: { env: STUDIO_KEY } }
                database:
                  mysql:
                    container: studio_db
                    schema: studio
                    user: root
                    password: { credential: studio-db }
            """, to: "pawl.yaml")
        let end = try Pawl.run(["service", "install", "--print"], in: scratch.path)
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.contains("takes a secret from the variable STUDIO_KEY"))
        #expect(end.output.contains("\nLoadCredential=studio-db\n"))
        #expect(end.output.contains("\nWants=network-online.target docker.service\n"))
        #expect(end.output.contains("--state \(scratch.path)/log\n"), "\(end.output)")
        #expect(!end.output.contains("--config"), "what goes on goes by its plan")
        let named = try Pawl.run(
            ["service", "install", "--print", "--config", "pawl.yaml"], in: scratch.path)
        #expect(named.output.contains("--config \(scratch.path)/pawl.yaml --state"))
    }

    /// In a mount namespace where /etc/systemd/system is a directory of the test's.
    @Test(
        .enabled(if: Reboot.isPossible, Reboot.reason),
        .enabled(if: access("/etc/systemd/system", F_OK) == 0, "there is no systemd"))
    func enabled() throws {
        let scratch = try Scratch()
        try scratch.write("#!/bin/sh\necho \"$@\" >>\(scratch.path)/told\n", to: "systemctl")
        let line = """
            chmod +x systemctl; mkdir units
            unshare --mount sh -ec 'mount --bind units /etc/systemd/system
                PATH=$PWD:$PATH "$PAWL" service install --enable --state state
                PATH=$PWD:$PATH "$PAWL" service install --state state
                mkdir units/multi-user.target.wants
                ln -s ../pawl-resume.service units/multi-user.target.wants
                PATH=$PWD:$PATH "$PAWL" service uninstall'
            find units -type f -o -type l
            cat told
            """
        let end = try Pawl.shell(line, in: scratch.path)
        #expect(end.code == 0, "\(end.errors)")
        let isRunning = access("/run/systemd/system", F_OK) == 0
        #expect(isRunning || end.errors.contains("systemd does not run here"), "\(end.errors)")
        #expect(end.output.contains("Written: /etc/systemd/system/pawl-resume.service"))
        #expect(end.output.contains("is as it should be already"))
        #expect(
            end.output.contains(
                """
                Next:
                    systemctl daemon-reload
                    systemctl enable pawl-resume.service
                """))
        #expect(end.output.contains("Removed: /etc/systemd/system/pawl-resume.service\n"))
        let told = end.output.split(separator: "\n").last
        #expect(told == (isRunning ? "daemon-reload" : "enable pawl-resume.service"))
        #expect(!end.output.contains("units/"), "nothing is left")
    }
}
