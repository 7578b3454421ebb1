internal import Digests
internal import Glibc
internal import UpgradeMachine

/// Releases side by side under `DIR/releases`, and the link `DIR/current` to the one that serves.
struct ReleaseStore: Sendable {
    /// What Pawl knows about a release that it unpacked; written last, before the rename.
    struct Marker: Codable, Hashable {
        static let name = prefix + "release.json"
        /// No release has a file of its own that begins so.
        static let prefix = ".pawl-"
        let version: String
        /// Of the archive, as in `sha256:…`.
        let digest: String
        /// The upgrade that brought it.
        let upgrade: String
    }

    let directory: String

    var releases: String { "\(directory)/releases" }
    var link: String { "\(directory)/current" }
    /// Pawl's own notes about the application.
    var notes: String { "\(directory)/.pawl" }

    func path(of name: String) -> String { "\(releases)/\(name)" }

    /// The directory's name where the release is unpacked; none where it is not.
    func name(of release: Release) throws(Failure) -> String? {
        for name in try names(for: release) {
            if try marker(in: name)?.digest == release.digest { return name }
        }
        // A release that was there before Pawl has no marker; its reference is its directory.
        if Files.parent(of: release.reference) == releases {
            let name = Files.name(of: release.reference)
            if try Files.status(of: path(of: name))?.isDirectory == true { return name }
        }
        return nil
    }

    /// Where the release would be unpacked: under its version, unless other bytes have that name.
    func nameForNew(_ release: Release) throws(Failure) -> String {
        for name in try names(for: release) where try Files.status(of: path(of: name)) == nil {
            return name
        }
        throw Failure(
            code: "release-in-the-way",
            message: "\(releases) holds other releases under both names for \(release.version)",
            advice: "look at them, and remove the one that is not in use", isPermanent: true)
    }

    /// The same version with another digest is another release.
    private func names(for release: Release) throws(Failure) -> [String] {
        let version = try Self.checked(release.version)
        let digits = release.digest.split(separator: ":").last ?? ""
        return [version, "\(version)+\(digits.prefix(12))"]
    }

    static func checked(_ version: String) throws(Failure) -> String {
        let isPlain = version.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "._+~-".contains($0))
        }
        guard isPlain, let first = version.first, first != ".", version.utf8.count <= 100 else {
            throw Failure(
                code: "bad-version", message: "`\(version)` cannot be the name of a directory",
                advice: "use letters, digits and . _ + ~ -, not beginning with a dot",
                isPermanent: true)
        }
        return version
    }

    func marker(in name: String) throws(Failure) -> Marker? {
        let path = "\(path(of: name))/\(Marker.name)"
        guard let bytes = try Files.read(path, limitInBytes: 65_536) else { return nil }
        return try Files.decoded(Marker.self, from: bytes, path: path)
    }

    /// The name of the release directory that `current` leads to.
    ///
    /// - Throws: `no-current-release` where it does not lead to one.
    func current() throws(Failure) -> String {
        let advice =
            "move the running release to \(releases)/VERSION and make \(link) a symbolic link to it"
        guard let target = try Files.target(ofLink: link) else {
            throw Failure(
                code: "no-current-release", message: "\(link) is not a symbolic link",
                advice: advice, isPermanent: true)
        }
        let absolute = target.hasPrefix("/") ? target : "\(directory)/\(target)"
        let name = Files.name(of: absolute)
        guard let real = try Self.identity(of: absolute),
            real == (try Self.identity(of: path(of: name)))
        else {
            throw Failure(
                code: "no-current-release",
                message: "\(link) leads to \(target), which is not a directory in \(releases)",
                advice: advice, isPermanent: true)
        }
        return name
    }

    /// Whatever way a path is written, its directory is one.
    private static func identity(of path: String) throws(Failure) -> [UInt64]? {
        guard let status = try Files.followed(path), status.isDirectory else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }

    /// Lets `current` lead to another release, at once and durably (`rename(2)`).
    func switchLink(to name: String) throws(Failure) {
        let new = "\(directory)/.current.new"
        try Files.remove(new)
        guard symlink("releases/\(name)", new) == 0 else { throw .system("link", on: new) }
        try Files.rename(new, to: link)
        try Files.syncDirectory(directory)
    }

    // MARK: Half-unpacked releases

    func partial(of name: String, upgrade: String) -> String {
        path(of: ".\(name).\(upgrade).partial")
    }

    /// Names of all that an unpacking left half done, of whichever upgrade.
    func partials() throws(Failure) -> [String] {
        try Files.list(releases).filter { $0.hasPrefix(".") && $0.hasSuffix(".partial") }
    }
}
