internal import DockerEngine
internal import UpgradeMachine

// Telling what stands in front that the containers behind it are new.
//
// A web server such as nginx looks a name up when it starts, and the new container may have another
// address than the old one: it would answer 502 until somebody reloads it. It is told within the
// step that starts a container. Nothing in the world shows that it was told, so that a start that
// a crash has left in doubt is looked at as not done: what runs is taken over, and it is told again.
extension ContainerService {
    private static let reloadLimit = Duration.seconds(30)
    private static let errorLimitInBytes = 4096

    func reload(_ scene: Scene) async throws(Failure) {
        for reload in scene.runtime.reloads ?? [] {
            // One that does not run looks names up when it starts.
            guard let container = try await scene.container(reload.container),
                container.state.isRunning
            else {
                scene.context.report(.note("\(reload.container) does not run, and is not told"))
                continue
            }
            scene.context.report(.note("telling \(reload.container)"))
            try await run(reload, in: container)
        }
    }

    private func run(
        _ reload: ProxyReload, in container: ContainerDetails
    ) async throws(Failure) {
        let outcome = try await asked { () throws(DockerError) in
            try await engine.runExec(
                in: container.id, ExecCommand(reload.command),
                limits: ExecLimits(
                    whole: Self.reloadLimit, standardErrorInBytes: Self.errorLimitInBytes))
        }
        guard outcome.exitCode != 0 else { return }
        let words = String(decoding: outcome.standardError, as: UTF8.self)
        throw Failure(
            code: "reload-failed",
            message: "`\(reload.command.joined(separator: " "))` in \(container.name) exited with "
                + "\(outcome.exitCode)",
            advice: "run it by hand (`docker exec \(container.name) …`), and see what it says of "
                + "its configuration",
            excerpt: words.isEmpty ? nil : words)
    }
}

extension Scene {
    /// Whether a step that starts containers can be seen to be done.
    var leavesTraces: Bool { (runtime.reloads ?? []).isEmpty }
}
