import RecordedDisk

/// Looks at the images of a recording one after the other.
struct Examination {
    private let recording: Recording
    private let what: String
    private let limit: Int

    init(_ recording: Recording, _ what: String, limit: Int = Chance.images / 4) {
        self.recording = recording
        self.what = what
        self.limit = limit
    }

    /// What `check` threw, on which images.
    func losses(
        _ check: (_ directory: String, _ crash: PowerCut.Crash) async throws -> Void
    ) async throws -> [String] {
        var losses: [String] = []
        let tally = try await PowerCut(recording, seed: Chance.seed, limit: limit)
            .forEachImage(only: Chance.image) { crash, image in
                let scratch = try Scratch(isInMemory: true)
                try image.write(to: scratch.path)
                do {
                    try await check(scratch.path, crash)
                } catch {
                    losses.append("\(error), \(crash)")
                }
            }
        print("\(what): \(tally), \(losses.count) wrong; seed \(Chance.seed)")
        return losses
    }
}
