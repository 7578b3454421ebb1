internal import DockerEngine

/// What a container's `Config` has of its user's own, apart from what its image gave it.
///
/// An engine merges the two when it makes a container and keeps the result alone. What equals the
/// old image's setting is left out, so that the new image gives its own; what a user set to the
/// very value that the image has cannot be told apart, and changes with the image.
///
/// Source: the merging as `docker create` does it (moby, `daemon/commit.go`, `merge`).
struct OwnSettings {
    /// Belong to the image alone, or are set anew for each container.
    private static let imagesOwn = ["Image", "Shell", "OnBuild", "ArgsEscaped"]

    private let config: JSONValue
    private let image: JSONValue
    private(set) var own: JSONValue

    /// - Parameters:
    ///   - config: The container's `Config`.
    ///   - image: The `Config` of the image that it was made from.
    init(config: JSONValue, image: JSONValue) {
        self.config = config
        self.image = image
        own = config
        for name in Self.imagesOwn { own[name] = nil }
        for name in ["User", "StopSignal"] where config[name] == image[name] { own[name] = nil }
        // An image may have it with a slash at the end, which its containers have not.
        if Self.folder(config) == Self.folder(image) { own["WorkingDir"] = nil }
        for name in ["Labels", "ExposedPorts", "Volumes"] { leaveOutMembers(of: name) }
        leaveOutEnvironment()
        leaveOutHealthcheck()
        leaveOutCommand()
        own = own.withoutNulls
    }

    private static func folder(_ config: JSONValue) -> String {
        ContainerPath.cleaned(config["WorkingDir"]?.stringValue ?? "")
    }

    private mutating func leaveOutMembers(of name: String) {
        guard let members = config[name]?.objectValue else { return }
        let given = image[name]?.objectValue ?? [:]
        own[name] = .object(members.filter { given[$0.key] != $0.value })
    }

    private mutating func leaveOutEnvironment() {
        guard let variables = config["Env"]?.stringsValue else { return }
        let given = Set(image["Env"]?.stringsValue ?? [])
        own["Env"] = JSONValue(variables.filter { !given.contains($0) })
    }

    /// Each of its members is the image's own where the user gave none.
    private mutating func leaveOutHealthcheck() {
        guard let check = config["Healthcheck"]?.objectValue else { return }
        let given = image["Healthcheck"]?.objectValue ?? [:]
        let ownMembers = check.filter { given[$0.key] != $0.value }
        own["Healthcheck"] = ownMembers.isEmpty ? nil : .object(ownMembers)
    }

    /// A user's entry point does away with the image's arguments; a user's arguments alone do not
    /// do away with its entry point.
    private mutating func leaveOutCommand() {
        let entryPoint = config["Entrypoint"]?.stringsValue ?? []
        let arguments = config["Cmd"]?.stringsValue ?? []
        let givenEntryPoint = image["Entrypoint"]?.stringsValue ?? []
        let givenArguments = image["Cmd"]?.stringsValue ?? []
        let isEntryPointOwn =
            entryPoint != givenEntryPoint || arguments.isEmpty && !givenArguments.isEmpty
        if isEntryPointOwn {
            // One empty text is how the API is told "none, not even the image's".
            own["Entrypoint"] = JSONValue(entryPoint.isEmpty ? [""] : entryPoint)
            own["Cmd"] = arguments.isEmpty ? nil : JSONValue(arguments)
        } else {
            own["Entrypoint"] = nil
            own["Cmd"] = arguments == givenArguments ? nil : JSONValue(arguments)
        }
    }
}

extension JSONValue {
    /// This object without its members that are null.
    var withoutNulls: JSONValue {
        guard let members = objectValue else { return self }
        return .object(members.filter { !$0.value.isNull })
    }
}
