import DockerEngine
import Foundation
import Glibc
import Settings
import UpgradeMachine

/// Looks at what runs, and makes a `pawl.yaml` of it.
struct Adoption {
    let wishes: AdoptionWishes
    /// The instance's name; none to take the preset's, or the compose project's.
    let instance: String?
    /// The engine's address; none to take `DOCKER_HOST`, or the usual socket.
    let engine: String?
    let repository: String?

    func file() async throws -> (instance: String, file: AdoptedFile) {
        let environment = ProcessInfo.processInfo.environment
        let address = engine ?? DockerSettings.engineAddress(environment: environment)
        let inventory: Inventory
        let containers: [FoundContainer]
        do throws(DockerError) {
            inventory = Inventory(engine: DockerEngine(endpoint: try .init(dockerHost: address)))
            containers = try await inventory.containers()
        } catch {
            throw Refusal(
                status: .refused, message: "the containers cannot be looked at: \(error)",
                advice: "name the engine with --engine, and run as a user who may use it")
        }
        let roles = try AdoptionRoles(of: containers, wishes)
        let answers = await answers(roles)
        let name = instance ?? usualName(roles)
        let parts = AdoptedFile.Parts(
            instance: name,
            engine: address == DockerSettings.usualEngine ? nil : address, roles: roles,
            repository: repository, log: await log(of: roles, inventory),
            pages: answers.compactMap { if case .page(let page) = $0 { page } else { nil } },
            untrusted: answers.compactMap {
                if case .untrusted(let address) = $0 { address } else { nil }
            },
            commandLine: commandLine(address, environment))
        return (name, try AdoptedFile(parts))
    }

    private func usualName(_ roles: AdoptionRoles) -> String {
        wishes.preset?.instance ?? roles.application.first?.compose?.project
            ?? roles.application.first?.name ?? "application"
    }

    private func log(of roles: AdoptionRoles, _ inventory: Inventory) async -> LogSigns {
        var lines: [String] = []
        for container in roles.application {
            // Its log driver may be one that cannot be read: then no check asks for it.
            lines += (try? await inventory.log(of: container.name)) ?? []
        }
        return LogSigns(lines, preset: wishes.preset)
    }

    /// The application's own addresses, and those of the proxies in front of it.
    private func answers(_ roles: AdoptionRoles) async -> [PageProbe.Answer] {
        let probe = PageProbe(
            version: roles.application.first?.version,
            healthPaths: roles.application.compactMap(\.healthPath))
        var answers: [PageProbe.Answer] = []
        for container in roles.application + roles.proxies {
            for port in container.ports { answers.append(await probe.ask(port, of: container)) }
        }
        return answers
    }

    /// The engine's own program, by its whole path, for whoever reads a secret in a container.
    private func commandLine(
        _ address: String, _ environment: [String: String]
    ) -> [String]? {
        let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let isUsual = address == DockerSettings.usualEngine
        for (program, option) in [("docker", "--host"), ("podman", "--url")] {
            guard let folder = folders.first(where: { access("\($0)/\(program)", X_OK) == 0 })
            else { continue }
            return ["\(folder)/\(program)"]
                + (isUsual && program == "docker" ? [] : [option, address])
        }
        return nil
    }
}
