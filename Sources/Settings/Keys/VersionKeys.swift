import UpgradeMachine

extension Shape where Value == VersionRules {
    static let versions = mapping(
        "a mapping of floors and downgrade", example: "{ floors: [7.0.0] }",
        .optional(
            "floors",
            Shape<String>.version.list("a list of versions", example: "[7.0.0]", atLeast: 0),
            default: [],
            "Versions that no upgrade may jump over, in any order; a release's image may name more "
                + "by its label \(VersionRules.label)."),
        .optional(
            "downgrade", Shape<VersionRules.Downgrade>.word([.refuse, .allow]), default: .refuse,
            "Whether an older version may be asked for: refuse (otherwise) or allow.")
    ) { (_, _, floors, downgrade) throws(Refused) in
        VersionRules(floors: floors, downgrade: downgrade)
    }
}

extension Shape where Value == String {
    fileprivate static let version = text("a version that begins with a number", example: "7.0.0") {
        Version($0) != nil
    }
}
