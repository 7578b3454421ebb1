import Testing

/// Keys of database, limits and the instance itself.
@Suite("An instance that is wrong")
struct InstanceRefusalTests {
    @Test(
        "is refused, and everything about it is told",
        arguments: [
            RefusalCase(
                "a database without a kind",
                instance: """
                    database:
                      fence: hold
                    """,
                """
                7:5: one of 'mysql', 'postgresql', 'sqlite' is missing in database; for example \
                mysql: { schema: studio, user: root, password: { env: STUDIO_DB_PASSWORD } }
                """),
            RefusalCase(
                "a word for a database",
                instance: "database: none",
                """
                7:15: database has to be a mapping with mysql, postgresql or sqlite, not text; \
                for example database: { sqlite: { path: app.db } }
                """),
            RefusalCase(
                "two databases",
                instance: """
                    database:
                      mysql: { schema: s, user: root, password: { env: A } }
                      sqlite: { path: a }
                    """,
                "9:7: 'sqlite' cannot stand beside 'mysql' in database; keep one of them"),
            RefusalCase(
                "a misspelt fence",
                instance: """
                    database:
                      sqlite: { path: a }
                      fence: hodl
                    """,
                "9:14: unknown value 'hodl' in database.fence; did you mean 'hold'?"),
            RefusalCase(
                "an unknown fence",
                instance: """
                    database:
                      sqlite: { path: a }
                      fence: maybe
                    """,
                """
                9:14: database.fence has to be one of hold, none, not 'maybe'; for example fence: \
                hold
                """),
            RefusalCase(
                "a schema without a name",
                instance: """
                    database:
                      mysql: { schema: '', user: root, password: { env: A } }
                    """,
                """
                8:24: database.mysql.schema has to be a schema's name of at most 64 letters, not \
                ''; for example schema: fusioncloud
                """),
            RefusalCase(
                "a host and a port that are none",
                instance: """
                    database:
                      mysql: { host: a b, port: 70000, schema: s, user: root, password: { env: A } }
                    """,
                """
                8:22: database.mysql.host has to be a host's name or address, not 'a b'; for \
                example host: db.example
                """,
                """
                8:33: database.mysql.port has to be a port from 1 to 65535, not '70000'; for \
                example port: 3306
                """),
            RefusalCase(
                "a port without a host",
                instance: """
                    database:
                      mysql: { port: 3306, schema: s, user: root, password: { env: A } }
                    """,
                "8:22: database.mysql has a port and no host; add host: 127.0.0.1"),
            RefusalCase(
                "a database in a container that is stopped",
                instance: """
                    database:
                      mysql: { container: studio_web, schema: s, user: root, password: { env: A } }
                    """,
                """
                8:27: database.mysql.container 'studio_web' is one of runtime.docker's \
                containers; the database has to run while these are stopped: name those alone \
                that write it
                """),
            RefusalCase(
                "a database of PostgreSQL's in a container that is stopped",
                instance: """
                    database:
                      postgresql:
                        { container: studio_web, database: s, user: a, password: { env: A } }
                    """,
                """
                9:22: database.postgresql.container 'studio_web' is one of runtime.docker's \
                containers; the database has to run while these are stopped: name those alone \
                that write it
                """),
            RefusalCase(
                "a socket's directory that is none, and a database's name that is too long",
                instance: """
                    database:
                      postgresql:
                        host: run/postgresql
                        database: \(String(repeating: "ä", count: 32))
                        user: a
                        password: { env: A }
                    """,
                """
                9:15: database.postgresql.host has to be a host's name or address, or a socket's \
                directory, not 'run/postgresql'; for example host: db.example
                """,
                """
                10:19: database.postgresql.database has to be a database's name of at most 63 \
                bytes, not '\(String(repeating: "ä", count: 32))'; for example database: studio
                """),
            RefusalCase(
                "a template of PostgreSQL's",
                instance: """
                    database:
                      postgresql: { database: template1, user: a, password: { env: A } }
                    """,
                """
                8:31: the database 'template1' is the server's own, and a rollback would drop it; \
                name the application's database
                """),
            RefusalCase(
                "a password as it is",
                instance: """
                    database:
                      mysql: { schema: s, user: root, password: hunter2 }
                    """,
                """
                8:49: database.mysql.password: a secret is given by reference; for example \
                password: { env: STUDIO_PASSWORD }, or file:, credential:, command:
                """),
            RefusalCase(
                "a schema of the server's own",
                instance: """
                    database:
                      mysql: { schema: MySQL, user: root, password: { env: A } }
                    """,
                """
                8:24: the schema 'MySQL' is the server's own, and a rollback would drop it; name \
                the application's schema
                """),
            RefusalCase(
                "limits out of range",
                instance: "limits: { attempts: 0, resumes: many, pull: 0s, stop: 8d }",
                """
                7:25: limits.attempts has to be a whole number from 1 to 20, not '0'; for example \
                attempts: 3
                """,
                """
                7:37: limits.resumes has to be a whole number from 1 to 100, not 'many'; for \
                example resumes: 5
                """,
                """
                7:49: limits.pull has to be a duration from 1s to 168h, not '0s'; for example \
                pull: 5m
                """,
                """
                7:59: limits.stop has to be a duration from 1s to 168h, not '8d'; for example \
                stop: 5m
                """),
            RefusalCase(
                "a hard limit below the soft one",
                instance: "limits: { verify: 10m, verify_at_most: 5m }",
                """
                7:44: limits.verify_at_most is 5m, which is less than limits.verify, 10m; raise \
                verify_at_most or lower verify
                """),
            RefusalCase(
                "a steady time as long as the verification",
                instance: "steady_for: 5m",
                """
                7:17: steady_for is 5m, which limits.verify, 5m, leaves no time for; raise \
                limits.verify or lower steady_for
                """),
            RefusalCase(
                "a verification as short as the usual steady time",
                instance: "limits: { verify: 10s }",
                """
                7:23: steady_for is 10s, which limits.verify, 10s, leaves no time for; raise \
                limits.verify or lower steady_for
                """),
            RefusalCase(
                "a number for a mapping",
                instance: "limits: 5",
                """
                7:13: limits has to be a mapping of limits, not a number; for example limits: { \
                outage: 5m }
                """),
            RefusalCase(
                "a list for a path",
                instance: "backups: [true]",
                """
                7:14: backups has to be a directory, not a list; for example backups: \
                /var/backups/studio
                """),
            RefusalCase(
                "a day",
                instance: "steady_for: 1d",
                """
                7:17: steady_for has to be a duration from 0s to 24h, not '1d'; for example \
                steady_for: 10s
                """),
            RefusalCase(
                "floors that are none",
                instance: "versions: { floors: [7.0.0, latest, ''], downgrade: never }",
                """
                7:33: an item of versions.floors has to be a version that begins with a number, \
                not 'latest'; for example 7.0.0
                """,
                """
                7:41: an item of versions.floors has to be a version that begins with a number, \
                not ''; for example 7.0.0
                """,
                """
                7:57: versions.downgrade has to be one of refuse, allow, not 'never'; for example \
                downgrade: refuse
                """),
            RefusalCase(
                "a floor that is no list",
                instance: "versions: { floor: 7.0.0 }",
                "7:17: unknown key 'floor' in versions; did you mean 'floors'?"),
            RefusalCase(
                "a misspelt word",
                instance: "volumes_not_covered: acept",
                "7:26: unknown value 'acept' in volumes_not_covered; did you mean 'accept'?"),
        ])
    func refused(_ given: RefusalCase) { given.check() }
}
