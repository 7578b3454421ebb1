import Foundation
import Glibc
import Testing

extension UpgradeTests {
    @Suite("Secrets", .serialized)
    struct Secrets {
        @Test(.timeLimit(.minutes(3)), arguments: ["2.0.0", "2.0.1"])
        func `They are found nowhere but where they belong`(version: String) async throws {
            let root = "planted-root-\(UInt64.random(in: 0...UInt64.max))"
            let board = "planted-board-\(UInt64.random(in: 0...UInt64.max))"
            let key = "planted-key-\(UInt64.random(in: 0...UInt64.max))"
            try await RegistryAccess.adding(password: key) { user in
                // The application's container has the board's password in its environment.
                try await Stack.running(rootPassword: root, boardPassword: board) { stack in
                    let repository = try PrivateRepository(of: stack)
                    // So that the registry is asked for more than the digest.
                    try await repository.publish(version, patchLevel: 1)
                    var pawl = try Pawl(stack)
                    pawl.image = repository.image
                    pawl.registryUser = user
                    pawl.registryPasswordFile = try stack.secret(key)
                    let results = try await upgrade(
                        pawl, to: version, watchedFor: [root, board, key])
                    try expectNothing(of: [root, board, key], in: results, pawl)
                }
            }
        }

        /// Upgrades and reports, with every process of this host watched meanwhile.
        private func upgrade(
            _ pawl: Pawl, to version: String, watchedFor secrets: [String]
        ) async throws -> [Program.Result] {
            let names = [pawl.stack.web, pawl.stack.database]
            let events = pawl.stack.events
            let known = try await pawl.stack.containers().values
                .filter { names.contains($0.name) }.map(\.id)
            let watch = ProcessWatch(for: secrets) { group in
                (known + events.all.filter(\.isCandidate).map(\.containerID))
                    .contains { group.contains($0) }
            }
            var results = [try await pawl.run("upgrade", version)]
            for command in ["timeline", "status", "log", "replay"] {
                results.append(try await pawl.run(command))
            }
            results.append(try await pawl.run("log", "--json"))
            results.append(try await pawl.run("timeline", "--json"))
            let seen = watch.end()
            #expect(results[0].status == (version == "2.0.0" ? 0 : 10), "\(results[0].text)")
            #expect(seen.leaks.isEmpty)
            #expect(seen.rounds > 20, "it has looked often enough")
            #expect(seen.inContainers > 0, "it finds them where they are")
            return results
        }

        private func expectNothing(
            of secrets: [String], in results: [Program.Result], _ pawl: Pawl
        ) throws {
            for secret in secrets {
                #expect(results.allSatisfy { !$0.text.contains(secret) })
            }
            var files = 0
            for directory in [pawl.state, pawl.backups] {
                let paths = FileManager.default.enumerator(atPath: directory)
                while let path = paths?.nextObject() as? String {
                    // The data itself may hold anything.
                    guard !path.hasSuffix(".sql.zst"),
                        let bytes = FileManager.default.contents(atPath: "\(directory)/\(path)")
                    else { continue }
                    files += 1
                    for secret in secrets {
                        #expect(bytes.firstRange(of: Data(secret.utf8)) == nil, "\(path)")
                    }
                }
            }
            #expect(files >= 3, "the log, its lock and a manifest at least")
        }
    }
}

/// One more account of the testbed's registry, which reads its file of accounts anew.
private enum RegistryAccess {
    static func adding(password: String, _ body: (String) async throws -> Void) async throws {
        let file = "\(Testbed.directory)/registry/htpasswd"
        let before = try String(contentsOfFile: file, encoding: .utf8)
        let user = "planted\(UInt32.random(in: 0...UInt32.max))"
        // bcrypt, which alone the registry takes: crypt(5).
        let salt = String((0..<22).compactMap { _ in "abcdefghijklmnopqrstuvwxyz".randomElement() })
        let hash = try await Program.run(
            ["perl", "-e", "print crypt($ENV{PASSWORD}, '$2b$05$\(salt)')"],
            environment: ["PASSWORD": password])
        try #require(hash.output.hasPrefix("$2b$"), "\(hash.text)")
        try write(before + "\(user):\(hash.output)\n", to: file)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(user))
        } catch {
            result = .failure(error)
        }
        try write(before, to: file)
        try result.get()
    }

    /// At once, so that the registry never reads a half.
    private static func write(_ text: String, to file: String) throws {
        try Data(text.utf8).write(to: URL(filePath: file), options: .atomic)
    }
}
