import Testing

/// References to secrets, none of which repeats what stands there.
@Suite("A secret that is wrong")
struct SecretRefusalTests {
    @Test(
        "is refused, and everything about it is told",
        arguments: [
            RefusalCase(
                "text",
                docker: "registry: { user: a, password: hunter2 }",
                """
                7:40: runtime.docker.registry.password: a secret is given by reference; for \
                example password: { env: STUDIO_PASSWORD }, or file:, credential:, command:
                """),
            RefusalCase(
                "a number",
                docker: "registry: { user: a, password: 12345 }",
                """
                7:40: runtime.docker.registry.password: a secret is given by reference; for \
                example password: { env: STUDIO_PASSWORD }, or file:, credential:, command:
                """),
            RefusalCase(
                "a list",
                docker: "registry: { user: a, password: [hunter2] }",
                """
                7:40: runtime.docker.registry.password: a secret is given by reference; for \
                example password: { env: STUDIO_PASSWORD }, or file:, credential:, command:
                """),
            RefusalCase(
                "nothing",
                docker: "registry: { user: a, password: }",
                """
                7:30: runtime.docker.registry.password: a secret is given by reference; for \
                example password: { env: STUDIO_PASSWORD }, or file:, credential:, command:
                """),
            RefusalCase(
                "text with a tag",
                docker: "registry: { user: a, password: !vault hunter2 }",
                """
                7:40: runtime.docker.registry.password: a secret is given by reference; for \
                example password: { env: STUDIO_PASSWORD }, or file:, credential:, command:
                """),
            RefusalCase(
                "text in braces",
                docker: "registry: { user: a, password: { hunter2 } }",
                """
                7:30: one of 'env', 'file', 'credential', 'command' is missing in \
                runtime.docker.registry.password; for example env: STUDIO_PASSWORD
                """,
                """
                7:42: unknown key in runtime.docker.registry.password; known are env, file, \
                credential, command
                """),
            RefusalCase(
                "a misspelt kind",
                docker: "registry: { user: a, password: { evn: hunter2 } }",
                """
                7:42: unknown key 'evn' in runtime.docker.registry.password; did you mean 'env'?
                """),
            RefusalCase(
                "two kinds",
                docker: "registry: { user: a, password: { env: A, file: b } }",
                """
                7:50: 'file' cannot stand beside 'env' in runtime.docker.registry.password; keep \
                one of them
                """),
            RefusalCase(
                "a variable that is no name",
                docker: "registry: { user: a, password: { env: hunter2! } }",
                """
                7:47: runtime.docker.registry.password.env has to be an environment variable's \
                name; for example env: STUDIO_PASSWORD
                """),
            RefusalCase(
                "a key in place of its file",
                docker: "registry: { user: a, password: { file: \"hunter\\n2\" } }",
                """
                7:48: runtime.docker.registry.password.file has to be a file, not text with \
                control characters; for example file: /etc/pawl/studio.password
                """),
            RefusalCase(
                "a file in a home",
                docker: "registry: { user: a, password: { file: ~/hunter2 } }",
                """
                7:48: runtime.docker.registry.password.file has a '~' or '$', which nothing \
                expands here; write the path out
                """),
            RefusalCase(
                "a credential that is a path",
                docker: "registry: { user: a, password: { credential: ../hunter2 } }",
                """
                7:54: runtime.docker.registry.password.credential has to be a credential's name; \
                for example credential: studio-password
                """),
            RefusalCase(
                "a command for a shell",
                docker: "registry: { user: a, password: { command: echo hunter2 } }",
                """
                7:51: runtime.docker.registry.password.command has to be a list of a program and \
                its arguments (no shell reads it), not text; for example command: [pass, show, \
                studio]
                """),
            RefusalCase(
                "text for the account",
                docker: "registry: hunter2",
                """
                7:19: runtime.docker.registry has to be a mapping with user and password, not \
                text; for example registry: { user: customer, password: { env: REGISTRY_PASSWORD \
                } }
                """),
        ])
    func refused(_ given: RefusalCase) { given.check() }
}
