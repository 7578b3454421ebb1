import Testing

/// Keys of checks.
@Suite("A check that is wrong")
struct CheckRefusalTests {
    @Test(
        "is refused, and everything about it is told",
        arguments: [
            RefusalCase(
                "a word for a list",
                instance: "checks: running",
                """
                7:13: checks has to be a list of checks, not text; for example checks: [running, \
                release]
                """),
            RefusalCase(
                "an empty list",
                instance: "checks: []",
                """
                7:13: checks is an empty list, but has to be a list of checks; for example \
                checks: [running, release]
                """),
            RefusalCase(
                "a misspelt word",
                instance: "checks: [runing]",
                "7:14: unknown value 'runing' in an item of checks; did you mean 'running'?"),
            RefusalCase(
                "a word for a mapping",
                instance: "checks: [http]",
                """
                7:14: an item of checks has to be running, release, or a mapping with healthy, \
                log, http or command, not 'http'; for example running
                """),
            RefusalCase(
                "an unknown check",
                instance: "checks: [{ ping: studio }]",
                """
                7:14: one of 'running', 'release', 'healthy', 'log', 'http', 'command' is missing \
                in an item of checks; for example running
                """,
                """
                7:16: unknown key 'ping' in an item of checks; known are running, release, \
                healthy, log, http, command, name
                """),
            RefusalCase(
                "a name alone",
                instance: "checks: [{ name: a }]",
                """
                7:14: one of 'running', 'release', 'healthy', 'log', 'http', 'command' is missing \
                in an item of checks; for example running
                """),
            RefusalCase(
                "a release with a value",
                instance: "checks: [{ release: 7.1 }]",
                "7:25: checks.release has to be empty, not a number; for example release"),
            RefusalCase(
                "two questions in one",
                instance: """
                    checks:
                      - log: { ready: a }
                        running:
                    """,
                """
                9:9: 'running' cannot stand beside 'log' in an item of checks; keep one of them
                """),
            RefusalCase(
                "the same question twice",
                instance: """
                    checks:
                      - running
                      - running
                    """,
                "9:9: this check asks the same as that on line 8; keep one of them"),
            RefusalCase(
                "the same name twice",
                instance: """
                    checks:
                      - { name: a, running: }
                      - { name: a, release: }
                    """,
                """
                9:17: the check's name 'a' is taken already, on line 8; reports tell checks apart \
                by name: choose another
                """),
            RefusalCase(
                "a misspelt container",
                instance: "checks: [{ healthy: studio_wbe }]",
                """
                7:14: checks.healthy: 'studio_wbe' is none of runtime.docker's containers; did \
                you mean 'studio_web'?
                """),
            RefusalCase(
                "a container of somebody else",
                instance: "checks: [{ healthy: proxy }]",
                """
                7:14: checks.healthy: 'proxy' is none of runtime.docker's containers; known are \
                studio_web
                """),
            RefusalCase(
                "a healthy check on a host",
                file: """
                    instances:
                      board:
                        runtime:
                          host:
                            directory: /a
                            start: [a]
                            stop: [a]
                            status: [a]
                            log: /a.log
                        checks: [{ healthy: board }]

                    """,
                """
                10:14: a healthy check needs a container, and the host runtime has none; ask with \
                http or command
                """),
            RefusalCase(
                "a log that asks nothing",
                instance: "checks: [{ log: {} }]",
                "7:16: checks.log asks nothing; add ready or errors"),
            RefusalCase(
                "a list for a log",
                instance: "checks: [{ log: [SEVERE] }]",
                """
                7:21: checks.log has to be a mapping with ready or errors, not a list; for \
                example log: { ready: 'Server startup in' }
                """),
            RefusalCase(
                "expressions that are none",
                instance: """
                    checks:
                      - log: { ready: 'up (', errors: ['[', '*'] }
                    """,
                """
                8:23: checks.log.ready is not a regular expression: expected ')'; a sign that is \
                meant as itself needs a '\\' before it
                """,
                """
                8:40: an item of checks.log.errors is not a regular expression: expected custom \
                character class members; a sign that is meant as itself needs a '\\' before it
                """,
                """
                8:45: an item of checks.log.errors is not a regular expression: quantifier '*' \
                must appear after expression; a sign that is meant as itself needs a '\\' before \
                it
                """),
            RefusalCase(
                "a URL for a mapping",
                instance: "checks: [{ http: 'http://studio' }]",
                """
                7:22: checks.http has to be a mapping with url, not text; for example http: { \
                url: 'http://127.0.0.1:8080/version' }
                """),
            RefusalCase(
                "no URL, and a status out of range",
                instance: "checks: [{ http: { status: 20 } }]",
                """
                7:16: key 'url' is missing in checks.http; for example url: \
                http://127.0.0.1:8080/version
                """,
                """
                7:32: checks.http.status has to be a status code from 100 to 599, not '20'; for \
                example status: 200
                """),
            RefusalCase(
                "a URL with an account",
                instance: "checks: [{ http: { url: 'http://root:hunter2@studio/' } }]",
                """
                7:29: checks.http.url holds an account, which would be kept in every log; take \
                what stands before the '@' away
                """),
            RefusalCase(
                "a URL with an account and another fault",
                instance: "checks: [{ http: { url: 'http://root:hun ter2@studio/' } }]",
                """
                7:29: checks.http.url holds an account, which would be kept in every log; take \
                what stands before the '@' away
                """),
            RefusalCase(
                "a URL of FTP",
                instance: "checks: [{ http: { url: 'ftp://studio/' } }]",
                """
                7:29: checks.http.url has to be a URL of http or https, not 'ftp://studio/'; for \
                example url: http://127.0.0.1:8080/version
                """),
            RefusalCase(
                "a URL with a space",
                instance: "checks: [{ http: { url: 'http://studio/a b' } }]",
                """
                7:29: checks.http.url has to be a URL of http or https, not 'http://studio/a b'; \
                for example url: http://127.0.0.1:8080/version
                """),
            RefusalCase(
                "a URL without a host",
                instance: "checks: [{ http: { url: 'http:///version' } }]",
                """
                7:29: checks.http.url has to be a URL of http or https, not 'http:///version'; \
                for example url: http://127.0.0.1:8080/version
                """),
            RefusalCase(
                "a URL with a port that is none",
                instance: "checks: [{ http: { url: 'http://studio:99999/' } }]",
                """
                7:29: checks.http.url has to be a URL of http or https, not \
                'http://studio:99999/'; for example url: http://127.0.0.1:8080/version
                """),
            RefusalCase(
                "an authority without TLS",
                instance: "checks: [{ http: { url: 'http://studio/', ca: ca.pem } }]",
                """
                7:51: checks.http has a ca, but its url is not https; take ca away, or ask by https
                """),
            RefusalCase(
                "a pointer without a slash",
                instance: """
                    checks: [{ http: { url: 'http://studio/', version: { json: version } } }]
                    """,
                """
                7:64: checks.http.version.json has to be a JSON pointer (RFC 6901), not \
                'version'; for example json: /application/version
                """),
            RefusalCase(
                "a pointer with an unknown escape",
                instance: """
                    checks: [{ http: { url: 'http://studio/', version: { json: /a~2 } } }]
                    """,
                """
                7:64: checks.http.version.json has to be a JSON pointer (RFC 6901), not '/a~2'; \
                for example json: /application/version
                """),
            RefusalCase(
                "a version without a group",
                instance: """
                    checks: [{ http: { url: 'http://studio/', version: { pattern: '[0-9]+' } } }]
                    """,
                """
                7:67: checks.http.version.pattern has no group, so that nothing tells the \
                version; put the version's part in parentheses: 'Version ([0-9.]+)'
                """),
            RefusalCase(
                "a version that is no expression",
                instance: """
                    checks: [{ http: { url: 'http://studio/', version: { pattern: '([0-9+' } } }]
                    """,
                """
                7:67: checks.http.version.pattern is not a regular expression: expected ']'; a \
                sign that is meant as itself needs a '\\' before it
                """),
            RefusalCase(
                "a version from nowhere",
                instance: "checks: [{ http: { url: 'http://studio/', version: {} } }]",
                """
                7:47: one of 'json', 'pattern' is missing in checks.http.version; for example \
                json: /application/version
                """),
            RefusalCase(
                "a version from two places",
                instance: """
                    checks:
                      - http: { url: 'http://a/', version: { json: /a, pattern: (a) } }
                    """,
                """
                8:56: 'pattern' cannot stand beside 'json' in checks.http.version; keep one of them
                """),
            RefusalCase(
                "a command for a shell",
                instance: "checks: [{ command: smoke --fast }]",
                """
                7:25: checks.command has to be a list of a program and its arguments (no shell \
                reads it), not text; for example command: [/usr/local/bin/smoke, '{version}']
                """),
            RefusalCase(
                "a version without quotes",
                instance: "checks: [{ command: [smoke, {version}] }]",
                """
                7:33: an item of checks.command has to be an argument, not a mapping; text with \
                braces needs quotes: '{version}'
                """),
        ])
    func refused(_ given: RefusalCase) { given.check() }
}
