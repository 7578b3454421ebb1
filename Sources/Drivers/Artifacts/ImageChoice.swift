internal import UpgradeMachine

/// Which of an archive's images is meant.
struct ImageChoice: Sendable {
    /// The configured repository.
    let repository: String
    /// The name that archives give it, where the configuration says so.
    let archivedAs: String?
    /// What the engine runs.
    let platform: ImagePlatform
    /// What was asked for, where a version was named.
    let version: String?

    /// - Throws: `wrong-image`, `wrong-platform`, `several-images`; each lists what is there.
    func image(of images: [ArchivedImage], in path: String) throws(Failure) -> ArchivedImage {
        let meant = images.filter(isMeant)
        guard !meant.isEmpty else {
            throw Failure(
                code: "wrong-image",
                message: "\(path) holds \(Self.list(images)), and no \(wanted)",
                advice: "name the archive of \(repository); where archives call it otherwise, "
                    + "set runtime.docker.archived_as in pawl.yaml", isPermanent: true)
        }
        // One that is built for several platforms is several images of one name.
        let running = meant.filter { platform.runs($0.platform) }
        guard !running.isEmpty else {
            let platforms = meant.map { "\($0.platform)" }.uniqued.joined(separator: ", ")
            throw Failure(
                code: "wrong-platform",
                message: "\(path) is for \(platforms), and the engine runs \(platform)",
                advice: "get the archive that is built for \(platform)", isPermanent: true)
        }
        let exact = running.filter { $0.platform == platform }
        let fitting = exact.isEmpty ? running : exact
        let ofVersion = fitting.filter { image in
            version.map(versions(of: image).contains) ?? false
        }
        let chosen = ofVersion.isEmpty ? fitting : ofVersion
        guard chosen.count == 1, let image = chosen.first else {
            throw Failure(
                code: "several-images",
                message: "\(path) holds several images that may be meant: \(Self.list(chosen))",
                advice: "name the version of the one that is meant, or ask for an archive with "
                    + "that image alone", isPermanent: true)
        }
        return image
    }

    /// The version that the archive says the image is.
    ///
    /// - Throws: `wrong-version` where another was asked for, `version-unsaid` where none was, and
    ///   the archive does not say any.
    func version(of image: ArchivedImage, in path: String) throws(Failure) -> String {
        let said = versions(of: image)
        if let version {
            guard said.isEmpty || said.contains(version) || label(of: image) == version else {
                throw Failure(
                    code: "wrong-version",
                    message: "\(path) holds version \(said.joined(separator: ", ")), and "
                        + "\(version) was asked for",
                    advice: "name the right archive, or leave the version away",
                    isPermanent: true)
            }
            return version
        }
        // The longest says the most: of 7, 7.1 and 7.1.3 it is the whole version.
        if let longest = said.max(by: { $0.count < $1.count }) { return longest }
        guard let label = label(of: image) else {
            throw Failure(
                code: "version-unsaid",
                message: "\(path) does not say which version it holds: no tag, and no label "
                    + "\(ImageLabels.version) of its own",
                advice: "name the version as well: pawl upgrade VERSION --archive \(path)",
                isPermanent: true)
        }
        return label
    }

    // MARK: - Names

    private var wanted: String { archivedAs ?? repository }

    /// An image without a name may be anybody's; one with another's is not.
    private func isMeant(_ image: ArchivedImage) -> Bool {
        image.names.isEmpty || image.names.contains { isMeant(name: $0) }
    }

    /// Vendors save images under a short name, and customers pull them from a mirror.
    private func isMeant(name: String) -> Bool {
        guard let named = ImageReference(name) else { return false }
        if named.isSameRepository(as: repository) { return true }
        if let archivedAs { return named.isSameRepository(as: archivedAs) }
        let own = ImageReference(repository)?.path.split(separator: "/").last
        return named.path.split(separator: "/").last == own
    }

    /// Its tags, but `latest`, which is no version.
    func versions(of image: ArchivedImage) -> [String] {
        let named = image.names.filter(isMeant).compactMap { ImageReference($0)?.tag }
        let bare = image.tags.filter { ImageReference.isTag($0) }
        return (named + bare).filter { $0 != "latest" }.uniqued
    }

    private func label(of image: ArchivedImage) -> String? {
        ImageLabels.version(image.labels, of: wanted)
    }

    private static func list(_ images: [ArchivedImage]) -> String {
        images.prefix(20).map { image in
            let names = (image.names + image.tags.map { "(tag \($0))" }).prefix(4)
            let name = names.isEmpty ? "one without a name" : names.joined(separator: " = ")
            return "\(name) for \(image.platform) (\(image.id.prefix(19))…)"
        }.joined(separator: "; ")
    }
}
