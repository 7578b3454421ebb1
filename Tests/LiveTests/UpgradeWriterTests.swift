import Foundation
import Testing

extension UpgradeTests {
    @Suite("Several containers", .serialized)
    struct Writers {
        @Test(.timeLimit(.minutes(3)), arguments: ["1.0.1", "2.0.2"])
        func `All writers stand still for the proof, and all work afterwards`(
            version: String
        ) async throws {
            try await Stack.running { stack in
                let (twin, writer) = ("\(stack.name)_twin", "\(stack.name)_writer")
                try await stack.addTwin(twin)
                try await stack.addWriter(writer)
                var pawl = try Pawl(stack)
                pawl.containers = [stack.web, twin]
                pawl.paused = [writer]
                let before = try await stack.containers()
                let isGood = version == "1.0.1"
                try await pawl.run("upgrade", version, ends: isGood ? 0 : 10)

                try expectAllStopped([stack.web, twin, writer], before: "liftFence", pawl)
                let after = try await stack.containers()
                for name in [stack.web, twin, writer] {
                    let container = try #require(after[name], "\(name) is gone")
                    #expect(container.state.isRunning, "\(name)")
                    #expect(container.policy == before[name]?.policy, "\(name)")
                    let isCopy = isGood && name != writer
                    #expect(container.isCandidate == isCopy, "\(name)")
                    #expect((container.id != before[name]?.id) == isCopy, "\(name)")
                }
                #expect(after.count == (isGood ? 6 : 4), "\(after.keys.sorted())")
                #expect(try await stack.version() == (isGood ? "1.0.1" : "1.0.0"))
                #expect(!(try pawl.log.entries()).contains { $0.type == "backupInvalidated" })
                try await stack.expectWriting(writer, losingNothing: isGood)
                try await pawl.run("replay", ends: 0)
            }
        }

        /// By the engine's word on when each has ended, beside the log's on when the proof began.
        private func expectAllStopped(
            _ names: [String], before step: String, _ pawl: Pawl
        ) throws {
            let intent = try #require(
                try pawl.log.entries().first { $0.type == "began" && $0.step == step })
            for name in names {
                let end = try #require(
                    pawl.stack.events.all.first { $0.action == "die" && $0.name == name })
                #expect(end.nanoseconds / 1_000_000 <= intent.milliseconds, "\(name)")
            }
        }
    }
}

extension Stack {
    /// A second container of the same image on the same database.
    fileprivate func addTwin(_ name: String) async throws {
        try await Testbed.docker(
            "run", "--detach", "--name", name, "--network", self.name, "--restart",
            "unless-stopped", "--env",
            "NOTICEBOARD_DATABASE=mysql://noticeboard@\(database):3306/noticeboard",
            "--env", "NOTICEBOARD_DATABASE_PASSWORD=board-secret", localTag)
    }

    /// A program of others that writes the database all the time, and prints what was accepted.
    fileprivate func addWriter(_ name: String) async throws {
        try await sql("CREATE TABLE written (id INTEGER PRIMARY KEY AUTO_INCREMENT, at TIMESTAMP)")
        let loop = """
            trap 'exit 0' TERM
            while :; do
              mariadb --host=\(database) --user=noticeboard --skip-column-names --batch \
            noticeboard -e 'INSERT INTO written () VALUES (); SELECT LAST_INSERT_ID()'
              sleep 0.05
            done
            """
        try await Testbed.docker(
            "run", "--detach", "--name", name, "--network", self.name, "--restart",
            "unless-stopped", "--env", "MYSQL_PWD=board-secret", "--entrypoint", "sh",
            try Testbed.required("MARIADB_IMAGE"), "-c", loop)
        try await eventually("it writes") { try await count() > 5 }
    }

    private func count() async throws -> Int {
        try #require(Int(try await sql("SELECT COUNT(*) FROM written")))
    }

    /// It goes on writing; after a good upgrade every row that was accepted is there.
    fileprivate func expectWriting(_ name: String, losingNothing: Bool) async throws {
        let now = try await count()
        try await eventually("it writes again") { try await count() > now + 5 }
        guard losingNothing else { return }
        try await Testbed.docker("stop", name)
        let accepted = try await Testbed.docker("logs", name).split(separator: "\n")
        let rows = Set(try await sql("SELECT id FROM written").split(separator: "\n"))
        #expect(accepted.count > 10)
        #expect(accepted.filter { $0.allSatisfy(\.isNumber) && !rows.contains($0) }.isEmpty)
    }
}
