/// Places in a container, as an engine tidies them before it compares two.
enum ContainerPath {
    /// Without empty parts, `.` and `..`, and without a slash at the end.
    ///
    /// Source: `filepath.Clean` of Go, which engines use; for absolute paths.
    static func cleaned(_ path: String) -> String {
        guard path.hasPrefix("/") else { return path }
        var parts: [Substring] = []
        for part in path.split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }
}
