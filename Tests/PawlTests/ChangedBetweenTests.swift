import Foundation
import Glibc
import Testing

/// What may have become another between an interruption and its resume: the configuration, and
/// Pawl itself.
@Suite(.serialized, .enabled(if: hasPython, "the sample application is in Python"))
struct ChangedBetweenTests {
    static let configurations =
        [
            ("broken", "instances: ["),
            ("of another shape", "instances: { noticeboard: { x: 1 } }"),
            ("gone", nil),
        ] as [(String, String?)]

    @Test(arguments: configurations)
    func aConfigurationThatCannotBeReadStopsNothing(_ name: String, _ text: String?) throws {
        let world = try waiting()
        if let text {
            try world.directory.write(text, to: "pawl.yaml")
        } else {
            try world.shell("rm pawl.yaml")
        }
        let config = ["--config", world.path("pawl.yaml")]
        for command in [["status"], ["resume"], ["timeline"], ["log"]] {
            let lost = try Pawl.run(command + config, in: world.directory.path)
            #expect(lost.code == 78, "\(command): \(lost.errors)")
            #expect(lost.errors.contains("it is not known where the log is"), "\(lost.errors)")
            #expect(lost.errors.contains("--state"), "\(lost.errors)")
        }
        // An upgrade needs it, wherever the log is.
        let other = try Pawl.run(
            ["upgrade", "2.0.1", "--state", "state"] + config, in: world.directory.path)
        #expect(other.code == 78, "\(other.errors)")
        let words = ["resume", "--state", "state"] + config
        let end = try Pawl.run(words, in: world.directory.path)
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.contains("It is left out of account"), "\(end.errors)")
        #expect(try world.servingVersion() == "2.0.0")
    }

    @Test func anEditedConfigurationChangesNothingThatIsUnderWay() throws {
        let world = try waiting()
        try world.shell(
            """
            sed -i -e 's/noticeboard:$/another:/' -e "s/ready on port/never said/" \
                -e 's/ start: .*/ start: [false]/' pawl.yaml
            """)
        let edited = try String(contentsOfFile: world.path("pawl.yaml"), encoding: .utf8)
        #expect(edited.contains("another:") && edited.contains("start: [false]"))
        let end = try world.pawl("resume")
        #expect(end.code == 0, "\(end.errors)")
        #expect(try world.servingVersion() == "2.0.0")
    }

    @Test func aNewerPawlGoesOnAndIsNamed() throws {
        let world = try waiting()
        // Another build: what lies behind a program's end is not looked at by the loader.
        try world.shell("cp \(Pawl.path) newer; printf newer >>newer")
        let end = try Child(world.path("newer"), ["resume"], in: world.directory.path).end()
        #expect(end.code == 0, "\(end.errors)")
        let timeline = try world.pawl("timeline").output
        #expect(timeline.contains("· replaced      Pawl 0.1.0 ("), "\(timeline)")
        let marks = try world.pawl("timeline", "--json").document()["marks"] as? [[String: Any]]
        let kinds = try #require(marks).compactMap { $0["kind"] as? String }
        #expect(kinds == ["planned", "paused", "replaced", "resumed"])
    }

    static let newerEvents = [
        ("approved", 1, "its type approved, version 1, is unknown"),
        ("resumed", 9, "its type resumed, version 9, is unknown"),
    ]

    @Test(arguments: newerEvents)
    func anOlderPawlRefusesBeforeItActs(_ type: String, _ version: Int, _ words: String) throws {
        let world = try waiting()
        try append(type, version, to: world)
        let watch = try LogWatch(world.path("state/pawl.sqlite"))
        let events = try watch.count()
        for command in [
            ["resume"], ["resume", "--all"], ["rollback", "--reason", "x", "--yes"],
            ["upgrade", "2.0.1"], ["status"], ["settle", "stop", "--as", "done", "--reason", "x"],
        ] {
            let end = try Pawl.run(command, in: world.directory.path)
            #expect(end.code == 12, "\(command): \(end.errors)\(end.output)")
            let told = end.errors + end.output
            #expect(told.contains("was written by a newer Pawl"), "\(told)")
            #expect(told.contains(words), "\(told)")
            #expect(told.contains("Pawl 7.0.0"), "it is said which: \(told)")
        }
        #expect(try watch.count() == events)
        #expect(try world.servingVersion() == "1.0.0")
    }

    /// An upgrade that waits before its stop.
    private func waiting() throws -> Installation {
        let world = try Installation()
        #expect(try world.pawl("upgrade", "2.0.0", "--stop-before", "stopped").code == 15)
        return world
    }

    /// Appends an event as a newer Pawl would: a sound chain, and a shape that nobody here knows.
    private func append(_ type: String, _ version: Int, to world: Installation) throws {
        try world.directory.write(
            """
            import hashlib, json, sqlite3, sys
            log = sqlite3.connect("state/pawl.sqlite")
            columns = ("seq, instance, stream, stream_seq, type, type_version, fence_number, "
                       "prev, body, leaf")
            last = log.execute(f"SELECT {columns} FROM event ORDER BY seq DESC LIMIT 1").fetchone()
            body = json.loads(last[8])
            body.update(seq=last[0] + 1, stream_seq=last[3] + 1, type=sys.argv[1],
                        version=int(sys.argv[2]), prev=last[9].hex(), causation=last[0],
                        fence_number=last[6] + 1, data={"whatever": {}},
                        tool={"digest": "d7", "version": "7.0.0"})
            text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
            log.execute(
                f"INSERT INTO event ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (body["seq"], last[1], last[2], body["stream_seq"], sys.argv[1],
                 int(sys.argv[2]), body["fence_number"], last[9], text,
                 hashlib.sha256(b"\\0" + text).digest()))
            log.commit()
            """, to: "append.py")
        try world.shell("python3 append.py \(type) \(version)")
    }
}
