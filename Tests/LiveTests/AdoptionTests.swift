import Foundation
import Testing

extension UpgradeTests {
    /// From a vendor's stack that nobody has described to one that Pawl upgrades.
    @Suite(
        "Adopting a vendor's stack", .serialized,
        .enabled(if: Testbed.engine == "docker", "docker-compose 1.29 needs Docker"))
    struct Adoption {
        @Test(.timeLimit(.minutes(8)))
        func `It is found, described, upgraded, rolled back, and left alone by compose`()
            async throws
        {
            try await MystStack.running { stack in
                try await describe(stack)
                #expect(try await stack.post("of before") == 201)
                try await stack.moveWebAway()
                let address = try await stack.webAddress()

                let upgraded = try await stack.run("upgrade", "7.1.0", ends: 0)
                #expect(upgraded.text.contains("all 5 checks are good"))
                #expect(try await stack.console().contains(#"<span id="version">7.1.0</span>"#))
                #expect(
                    try await stack.get("/entries", "--user", "admin:admin-secret")
                        .contains("admin: of before"))
                // The proxy was told; else it would answer 502.
                #expect(try await stack.webAddress() != address)
                try await expectLeftAlone(stack)

                // It answers 200 on every page, and its log says that it does not work.
                let before = try await stack.identities()
                let refused = try await stack.run("upgrade", "7.1.1", ends: 10)
                #expect(refused.text.contains("SEVERE"), "\(refused.text)")
                #expect(try await stack.console().contains(#"<span id="version">7.1.0</span>"#))
                #expect(try await stack.identities().keys == before.keys)
                #expect(try await stack.post("of afterwards") == 201)
                try await expectLeftAlone(stack)

                // And by hand to the release of the beginning, whose container has been set aside.
                _ = try await stack.run("upgrade", "7.2.0", ends: 0)
                _ = try await stack.run("rollback", "--reason", "test", "--yes", ends: 10)
                #expect(try await stack.console().contains(#"<span id="version">7.1.0</span>"#))
                try await expectLeftAlone(stack)
            }
        }

        private func describe(_ stack: MystStack) async throws {
            let found = try await stack.run("init", "--preset", "myst-studio", ends: 0)
            #expect(found.output.contains("myststudio_web: the application, version 7.0.0"))
            #expect(!found.output.contains("Left to you"), "\(found.output)")
            for secret in MystStack.secrets {
                #expect(!found.text.contains(secret))
                #expect(try !stack.configuration.contains(secret))
            }
            #expect(try stack.configuration.contains("errors: [SEVERE]"))
            let again = try await stack.run("init", ends: 12)
            #expect(again.errors.contains("--force"))
            // Without the preset it finds the same.
            _ = try await stack.run(
                "init", "--instance", "studio", "--output", "other.yaml", ends: 0)
            #expect(
                try String(contentsOfFile: "\(stack.directory)/other.yaml", encoding: .utf8)
                    == stack.configuration)
            try stack.edit("steady_for: 10s", to: "steady_for: 1s")
            let checked = try await stack.run("check", "7.1.0", ends: 0)
            #expect(checked.output.contains("An upgrade can start."))
            #expect(checked.output.contains("next `up` leaves the new container as it is"))
            _ = try await stack.run("verify", ends: 0)
        }

        /// `docker-compose up -d` changes nothing, and nothing is amiss afterwards.
        private func expectLeftAlone(
            _ stack: MystStack, _ location: SourceLocation = #_sourceLocation
        ) async throws {
            let before = try await stack.identities()
            try await stack.composeUp()
            #expect(try await stack.identities() == before, sourceLocation: location)
            _ = try await stack.run("verify", ends: 0, location)
        }
    }
}
