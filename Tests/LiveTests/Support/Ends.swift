import Foundation
import Testing

// What has to be true of the world when an upgrade has ended, whatever happened on its way.

/// The candidate serves under the old one's name, and the old one is kept where nothing starts it.
func expectVerified(
    _ stack: Stack, _ pawl: Pawl, keeping old: InspectedContainer,
    _ location: SourceLocation = #_sourceLocation
) async throws {
    let all = try await stack.containers()
    let candidate = try #require(all[stack.web], sourceLocation: location)
    #expect(candidate.isCandidate && candidate.state.isRunning, sourceLocation: location)
    #expect(candidate.policy == "unless-stopped", sourceLocation: location)
    #expect(candidate.id != old.id, sourceLocation: location)
    #expect(
        try await stack.imageID(stack.localTag) == candidate.imageID, "the local tag moved",
        sourceLocation: location)
    let kept = all.values.filter { $0.id == old.id }
    #expect(kept.count == 1, "the old container is kept", sourceLocation: location)
    #expect(
        kept.allSatisfy {
            !$0.state.isRunning && $0.policy == Testbed.keptPolicy(of: old)
                && $0.name.hasPrefix("\(stack.web).pawl-")
        }, sourceLocation: location)
    // The database, the candidate, and the one that is kept.
    #expect(all.count == 3, "\(all.keys.sorted())", sourceLocation: location)
    try await expectNothingAtWork(stack, pawl, location)
}

/// The very container of before serves again, as it was before.
func expectRolledBack(
    _ stack: Stack, _ pawl: Pawl, to old: InspectedContainer,
    _ location: SourceLocation = #_sourceLocation
) async throws {
    let all = try await stack.containers()
    let serving = try #require(all[stack.web], sourceLocation: location)
    #expect(serving.id == old.id && serving.state.isRunning, sourceLocation: location)
    #expect(serving.policy == old.policy, "its restart policy is back", sourceLocation: location)
    #expect(
        try await stack.imageID(stack.localTag) == old.imageID, "the local tag is back",
        sourceLocation: location)
    #expect(all.count == 2, "\(all.keys.sorted())", sourceLocation: location)
    try await expectNothingAtWork(stack, pawl, location)
}

/// No program, session, lock or half-done file of Pawl's is left, and the service takes writes.
func expectNothingAtWork(
    _ stack: Stack, _ pawl: Pawl, _ location: SourceLocation = #_sourceLocation
) async throws {
    let processes = try await Testbed.docker("top", stack.database, "-o", "pid,comm,args")
    #expect(
        !processes.contains("mariadb-dump") && !processes.contains("mariadb --"), "\(processes)",
        sourceLocation: location)
    let sessions = try await stack.sql(
        """
        SELECT COUNT(*) FROM information_schema.PROCESSLIST
          WHERE USER = 'root' AND ID <> CONNECTION_ID()
        """)
    #expect(sessions == "0", "no session of Pawl's", sourceLocation: location)
    #expect(try await stack.sql("SELECT @@GLOBAL.read_only") == "0", sourceLocation: location)
    #expect(try await stack.post("of afterwards") == 201, sourceLocation: location)
    let partial = try pawl.files(in: pawl.backups).filter { $0.contains(".partial") }
    #expect(partial.isEmpty, sourceLocation: location)
    #expect(try pawl.isFree(), "nobody holds the instance", sourceLocation: location)
}

/// Compares two dumps, and shows the first lines that differ instead of all of them.
func expectSame(
    _ found: String, _ before: String, _ location: SourceLocation = #_sourceLocation
) {
    guard found != before else { return }
    let pairs = zip(
        found.split(separator: "\n", omittingEmptySubsequences: false),
        before.split(separator: "\n", omittingEmptySubsequences: false))
    let differing = pairs.filter { $0 != $1 }.prefix(3)
        .map { "now \($0.prefix(200)), before \($1.prefix(200))" }
    Issue.record(
        "the data is not what it was: \(differing)", sourceLocation: location)
}
