internal import HTTPClient
internal import Synchronization

/// One line of a pull or load, for showing.
public struct ImageProgress: Sendable, Equatable {
    /// Such as `Downloading`, `Extracting`, `Pull complete`.
    public let text: String
    /// The layer it is about.
    public let layer: String?
    public let currentInBytes: Int64?
    public let totalInBytes: Int64?

    init?(_ line: JSONValue) {
        guard let text = line["status"]?.stringValue ?? line["stream"]?.stringValue else {
            return nil
        }
        self.text = text
        layer = line["id"]?.stringValue
        currentInBytes = line["progressDetail", "current"]?.integerValue
        totalInBytes = line["progressDetail", "total"]?.integerValue
    }
}

/// The lines of a stream that tells of progress, and of a failure after status 200.
struct ProgressStream {
    private static let loadedLimit = 1000

    private var lines: JSONLines
    private let what: String
    private let asksRegistry: Bool
    private let progress: @Sendable (ImageProgress) -> Void
    private(set) var failure: DockerError?
    private(set) var digest: String?
    private(set) var loaded: [String] = []

    init(
        what: String, asksRegistry: Bool = true,
        progress: @escaping @Sendable (ImageProgress) -> Void
    ) {
        self.what = what
        self.asksRegistry = asksRegistry
        self.progress = progress
        lines = JSONLines(what: what)
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
        var documents: [JSONValue] = []
        try lines.take(bytes) { documents.append($0) }
        for document in documents { read(document) }
    }

    mutating func finish() throws {
        var last: JSONValue?
        try lines.finish { last = $0 }
        if let last { read(last) }
    }

    private mutating func read(_ line: JSONValue) {
        if let message = line["errorDetail", "message"]?.stringValue ?? line["error"]?.stringValue {
            failure =
                (asksRegistry ? DockerEngine.registryRefusal(what, message) : nil)
                ?? .rejected(status: 200, message: message, endpoint: what)
            return
        }
        guard let step = ImageProgress(line) else { return }
        if step.text.hasPrefix("Digest: ") { digest = String(step.text.dropFirst(8)) }
        for prefix in ["Loaded image: ", "Loaded image ID: "] where step.text.hasPrefix(prefix) {
            let names = step.text.dropFirst(prefix.count).split { $0 == "\n" || $0 == "," }
            loaded += names.prefix(Self.loadedLimit - loaded.count).map { String($0) }
        }
        progress(step)
    }
}

extension DockerEngine {
    /// Pulls an image, by tag or by digest.
    ///
    /// May be repeated; layers that are there are not fetched again. The engine goes on for a while
    /// where the task is stopped, and keeps what it has.
    ///
    /// Source: `POST /images/create`, Docker Engine API 1.40; failures come inside the stream,
    /// after 200.
    ///
    /// - Parameters:
    ///   - repository: With the registry's host and port, without tag: `127.0.0.1:5101/acme/app`.
    ///   - reference: A tag, or a digest `sha256:…`; never empty, which would pull every tag.
    ///   - idle: How long the engine may be silent.
    ///   - progress: Called on the transfer's own thread; it must not wait.
    /// - Returns: The digest of the manifest, where the engine tells it (Podman does not).
    /// - Throws: ``DockerError/unauthorized(_:message:)`` with the registry's words,
    ///   ``DockerError/notFound(_:message:)``, ``DockerError/rejected(status:message:endpoint:)``.
    @discardableResult
    public func pullImage(
        _ repository: String, reference: String, credential: RegistryCredential? = nil,
        idle: Duration = .seconds(300),
        progress: @escaping @Sendable (ImageProgress) -> Void = { _ in }
    ) async throws(DockerError) -> String? {
        guard !repository.isEmpty, !reference.isEmpty else {
            throw .invalid("pull: the repository or the tag is empty")
        }
        let separator = reference.contains(":") ? "@" : ":"
        let name = repository + separator + reference
        var call = Call(.post, "images", "create", what: "image \(name)")
        call.query = [("fromImage", repository), ("tag", reference)]
        call.idle = idle
        call.asksRegistry = true
        if let credential { call.fields.append("X-Registry-Auth", try credential.fieldValue()) }
        return try await follow(try await request(for: call), call, progress).digest
    }

    /// Loads images from an archive, as `docker save` writes it: tar, plain or compressed.
    ///
    /// Source: `POST /images/load`, Docker Engine API 1.40. Podman 4.3 takes it uncompressed only.
    ///
    /// - Parameters:
    ///   - sizeInBytes: The archive's size where it is known.
    ///   - pull: Fills a buffer, answers 0 at the end; called on the transfer's own thread.
    /// - Returns: The names, or the ids of images without name, that the engine tells of.
    public func loadImages(
        sizeInBytes: Int64? = nil, idle: Duration = .seconds(900),
        progress: @escaping @Sendable (ImageProgress) -> Void = { _ in },
        from pull: @escaping @Sendable (UnsafeMutableRawBufferPointer) throws -> Int
    ) async throws(DockerError) -> [String] {
        var call = Call(.post, "images", "load", what: "image archive")
        call.query = [("quiet", "true")]
        call.idle = idle
        var request = try await request(for: call)
        request.fields.append("Content-Type", "application/x-tar")
        request.body = .pulled(sizeInBytes: sizeInBytes, from: pull)
        return try await follow(request, call, progress).loaded
    }

    private func follow(
        _ request: HTTPRequest, _ call: Call,
        _ progress: @escaping @Sendable (ImageProgress) -> Void
    ) async throws(DockerError) -> (digest: String?, loaded: [String]) {
        let box = Mutex(
            ProgressStream(
                what: call.what, asksRegistry: call.asksRegistry, progress: progress))
        try await stream(request, call) { bytes in
            nonisolated(unsafe) let bytes = bytes
            try box.withLock { try $0.take(bytes) }
        }
        let ended = box.withLock { state in
            Result { () throws -> (String?, [String]) in
                try state.finish()
                if let failure = state.failure { throw failure }
                return (state.digest, state.loaded)
            }
        }
        do {
            return try ended.get()
        } catch {
            throw error as? DockerError ?? .malformed(call.what, reason: "\(error)")
        }
    }
}
