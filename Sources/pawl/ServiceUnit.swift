import UpgradeMachine

/// The systemd unit that goes on after a boot, as text.
///
/// Sources: systemd.service(5), systemd.unit(5), systemd.exec(5), systemd.kill(5). It keeps to what
/// systemd 247 (Debian 11) knows; older ones skip what they do not know, with a warning.
struct ServiceUnit {
    static let name = "pawl-resume.service"
    /// Its first line; a file without it is not ours to change.
    static let marker = "# Written by: pawl service install"

    /// Absolute paths, all of them.
    let executable: String
    /// Options that say where the log is.
    let options: [String]
    let stateDirectory: String
    /// The login name that it runs as.
    let user: String
    /// Units that are started for it, because a configured engine lives in them.
    let engines: [String]
    /// Of `credential:` references.
    let credentials: [String]
    /// Where `docker login` has kept its accounts, if not in the usual place.
    let dockerConfig: String?

    /// Order alone: a name that is not there does no harm.
    private static let before = [
        "network-online.target", "docker.service", "podman.socket", "mysql.service",
        "mariadb.service", "postgresql.service",
    ]

    var text: String {
        """
        \(Self.marker)
        # `pawl service uninstall` removes it. Changes belong into a drop-in, which an installation
        # of a newer Pawl leaves alone: systemctl edit \(Self.name)

        [Unit]
        Description=Go on with upgrades that a restart of this host has interrupted
        After=\(Self.before.joined(separator: " "))
        Wants=\((["network-online.target"] + engines).joined(separator: " "))
        RequiresMountsFor=\(Self.quoted(stateDirectory))
        # What is not ready yet is tried again for ten minutes and longer.
        StartLimitIntervalSec=1h
        StartLimitBurst=20

        [Service]
        Type=oneshot
        # With a user there is a HOME, where docker login keeps its accounts.
        User=\(Self.escaped(user))
        ExecStart=\(command)\(environment)
        # A migration or a restore takes as long as it takes: the plan has limits of its own.
        TimeoutStartSec=infinity
        # Rolled back (10) is a good end; somebody else is at work (13) and a person had it wait (15)
        # are no failures. Halted (11) is one, and shows in systemctl --failed: a person is needed.
        SuccessExitStatus=10 13 15
        Restart=on-failure
        RestartSec=30s
        RestartPreventExitStatus=11 20 64 78

        # SIGTERM pauses an upgrade where it can go on: Pawl ends its own commands first, in order.
        # What its start commands have left running is your application, and stays.
        KillMode=process
        KillSignal=SIGTERM
        TimeoutStopSec=3min
        \(credentialLines)

        # Nothing else is locked down on purpose: Pawl speaks to the container engine, which is as
        # good as being root, and runs your own commands, whose needs it does not know.

        [Install]
        WantedBy=multi-user.target

        """
    }

    private var command: String {
        let words = [executable, "resume", "--all"] + options
        // A colon keeps `$` from being read as a variable; systemd has it since 244.
        let prefix = words.contains { $0.contains("$") } ? ":" : ""
        return prefix + words.map(Self.quotedIfNeeded).joined(separator: " ")
    }

    private var environment: String {
        dockerConfig.map { "\nEnvironment=\(Self.quoted("DOCKER_CONFIG=" + $0))" } ?? ""
    }

    private var credentialLines: String {
        guard !credentials.isEmpty else {
            return """

                # A secret that pawl.yaml gives as { credential: NAME } comes by such a line in a
                # drop-in: LoadCredential=NAME:/etc/credstore/NAME
                """
        }
        let lines = credentials.map { "LoadCredential=\($0)" }.joined(separator: "\n")
        return """

            # From /etc/credstore (systemd 252 and newer). From elsewhere, or with an older systemd,
            # in a drop-in: LoadCredential=NAME:/path
            \(lines)
            """
    }

    // MARK: Quoting, as systemd.syntax(7) has it

    static func quotedIfNeeded(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
                        || "/._+=@-".unicodeScalars.contains($0))
            }
        return isPlain ? word : quoted(word)
    }

    static func quoted(_ word: String) -> String { "\"\(escaped(word))\"" }

    /// `%` begins a specifier, `\` an escape, `"` ends the quotation, a line break ends the line.
    private static func escaped(_ word: String) -> String {
        var escaped = ""
        for scalar in word.unicodeScalars {
            switch scalar {
            case "%": escaped += "%%"
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            case "\t": escaped += "\\t"
            case "\r": escaped += "\\r"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
