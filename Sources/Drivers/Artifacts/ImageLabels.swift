/// What an image's labels say of it.
///
/// Source: OCI Image Format Specification 1.0, "Annotations".
enum ImageLabels {
    static let version = "org.opencontainers.image.version"
    private static let referenceName = "org.opencontainers.image.ref.name"

    /// The image's version, where that may be its own.
    ///
    /// An image inherits the labels of its base: Ubuntu's has `ref.name=ubuntu` and
    /// `version=22.04`, and with it all that is made from it, such as Tomcat's.
    static func version(_ labels: [String: String], of repository: String) -> String? {
        guard let version = labels[version], ImageReference.isTag(version) else { return nil }
        guard let name = labels[referenceName], !name.isEmpty else { return version }
        let own = ImageReference(repository)?.path.split(separator: "/").last
        let named = ImageReference(name)
        // A bare tag names no other image.
        let isOwn = named?.path.split(separator: "/").last == own || name == version
        return isOwn ? version : nil
    }
}
