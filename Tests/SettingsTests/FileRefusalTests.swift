import Testing

/// A file as a whole, its names and its YAML.
@Suite("A file that is wrong")
struct FileRefusalTests {
    @Test(
        "is refused, and everything about it is told",
        arguments: [
            RefusalCase(
                "an empty file",
                file: "",
                "the file is empty; the README has a complete example"),
            RefusalCase(
                "comments alone",
                file: "# nothing yet\n",
                "the file is empty; the README has a complete example"),
            RefusalCase(
                "text",
                file: "hello\n",
                """
                1:1: the file has to be a mapping with the key 'instances', not text; for example \
                instances: { studio: { runtime: … } }
                """),
            RefusalCase(
                "no instances",
                file: "x-note: here\n",
                """
                1:1: key 'instances' is missing in the file; for example instances: { studio: { \
                runtime: … } }
                """),
            RefusalCase(
                "misspelt instances",
                file: """
                    instnces:
                      studio:

                    """,
                "1:1: unknown key 'instnces' in the file; did you mean 'instances'?"),
            RefusalCase(
                "instances with nothing below",
                file: "instances:\n",
                """
                1:1: instances has to be a mapping from names to instances, not nothing; for \
                example instances: { studio: { runtime: … } }
                """),
            RefusalCase(
                "an empty mapping of instances",
                file: "instances: {}\n",
                """
                1:1: instances is empty, but has to be a mapping from names to instances; for \
                example instances: { studio: { runtime: … } }
                """),
            RefusalCase(
                "a list of instances",
                file: "instances: [studio]\n",
                """
                1:12: instances has to be a mapping from names to instances, not a list; for \
                example instances: { studio: { runtime: … } }
                """),
            RefusalCase(
                "a name that is a path",
                file: """
                    instances:
                      ../studio: {}

                    """,
                """
                2:3: '../studio' has to be a name of at most 63 letters, digits, '_', '.' and '-'
                """),
            RefusalCase(
                "two documents",
                file: """
                    a: 1
                    ---
                    b: 1

                    """,
                """
                2:1: this is not YAML: expected a single document in the stream from line 1, but \
                found another document; keep the part before '---'
                """),
            RefusalCase(
                "a tab as indentation",
                file: """
                    instances:
                    \tstudio:

                    """,
                """
                2:1: this is not YAML: while scanning for the next token, found character that \
                cannot start any token; indent with spaces: YAML takes no tabs there
                """),
            RefusalCase(
                "two colons",
                file: """
                    instances:
                      studio: runtime: docker

                    """,
                """
                2:18: this is not YAML: mapping values are not allowed in this context; look at \
                the indentation and for a missing quote or colon, here and one line above
                """),
            RefusalCase(
                "an open quote",
                file: """
                    instances:
                      studio: 'a

                    """,
                """
                3:1: this is not YAML: while scanning a quoted scalar from line 2, found \
                unexpected end of stream; look at the indentation and for a missing quote or \
                colon, here and one line above
                """),
            RefusalCase(
                "a control character",
                file: """
                    instances:
                      studio: \u{1}

                    """,
                """
                2:11: this is not YAML: control characters are not allowed; take signs away that \
                cannot be printed
                """),
            RefusalCase(
                "a control character after CRLF",
                file: "instances:\r\n  a: \u{1}\r\n",
                """
                2:6: this is not YAML: control characters are not allowed; take signs away that \
                cannot be printed
                """),
            RefusalCase(
                "an alias without an anchor",
                file: """
                    instances:
                      studio: *usual

                    """,
                """
                2:11: this is not YAML: found undefined alias; its anchor has to stand before it: \
                &name
                """),
            RefusalCase(
                "a duplicate key",
                file: """
                    instances:
                      studio: 1
                      other:
                        studio: 1
                      studio: 2

                    """,
                "5:3: a mapping has 'studio' twice, first on line 2; keep one of them"),
            RefusalCase(
                "a duplicate key in braces",
                file: "instances: { studio: 1, studio: 2 }\n",
                "1:14: a mapping has 'studio' twice; keep one of them"),
            RefusalCase(
                "a list as a key",
                file: "{ [a]: 1 }\n",
                """
                1:3: a key in the file has to be text; put it in quotes, or take the braces away
                """),
            RefusalCase(
                "a merge of text",
                file: """
                    instances:
                      <<: usual

                    """,
                """
                2:7: '<<' in instances has to be a mapping or a list of mappings; for example <<: \
                *defaults
                """),
        ])
    func refused(_ given: RefusalCase) { given.check() }
}
