/// What is known of an application beforehand.
public struct AdoptionPreset: Hashable, Sendable {
    /// As it is chosen on the command line.
    public let name: String
    /// What its instance is called, where nobody says otherwise.
    public let instance: String
    /// In the order in which they start.
    public let containers: [String]
    public let database: String
    /// Where its vendor puts it.
    public let folder: String
    /// The line that ends its start, as a regular expression.
    public let ready: String
    /// What no line of its log may have.
    public let errors: [String]

    /// Myst Studio as its vendor documents it: Tomcat, MySQL and nginx from a compose file.
    public static let mystStudio = AdoptionPreset(
        name: "myst-studio", instance: "studio", containers: ["myststudio_web"],
        database: "myststudio_db", folder: "/opt/myst-studio", ready: "Server startup in",
        errors: ["SEVERE"])

    public static let all = [mystStudio]
}
