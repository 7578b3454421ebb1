import Testing

/// Keys of runtime, docker and host.
@Suite("A runtime that is wrong")
struct RuntimeRefusalTests {
    @Test(
        "is refused, and everything about it is told",
        arguments: [
            RefusalCase(
                "a misspelt key",
                docker: "contaners: [other]",
                """
                7:9: unknown key 'contaners' in runtime.docker; did you mean 'containers', which \
                is there already, on line 6?
                """),
            RefusalCase(
                "a key in another spelling",
                docker: "stopGrace: 5s",
                "7:9: unknown key 'stopGrace' in runtime.docker; did you mean 'stop_grace'?"),
            RefusalCase(
                "a key of another mapping",
                docker: "fence: hold",
                "7:9: unknown key 'fence' in runtime.docker; it belongs in database"),
            RefusalCase(
                "a key of the instance",
                docker: "checks: [running]",
                "7:9: unknown key 'checks' in runtime.docker; it belongs in the instance itself"),
            RefusalCase(
                "a key near none",
                docker: "ports: [80]",
                """
                7:9: unknown key 'ports' in runtime.docker; known are engine, image, local_tag, \
                containers, paused, stop_grace, registry, archived_as, \
                reload
                """),
            RefusalCase(
                "a container of its own that is told of its own start",
                docker: "reload: [{ container: studio_web, command: [nginx, -s, reload] }]",
                """
                7:18: runtime.docker.reload: 'studio_web' is one of the containers that are \
                started anew; name those that stand in front of them
                """),
            RefusalCase(
                "misspelt keys that are needed, told once",
                file: """
                    instances:
                      s:
                        runtime:
                          docker:
                            imge: acme/studio
                            contaners: [studio_web]

                    """,
                "5:9: unknown key 'imge' in runtime.docker; did you mean 'image'?",
                "6:9: unknown key 'contaners' in runtime.docker; did you mean 'containers'?"),
            RefusalCase(
                "keys that are missing",
                file: """
                    instances:
                      s:
                        runtime:
                          docker:
                            local_tag: studio

                    """,
                """
                4:7: key 'containers' is missing in runtime.docker; for example containers: \
                [studio_web]
                """,
                """
                4:7: key 'image' is missing in runtime.docker; for example image: \
                registry.example/acme/studio
                """),
            RefusalCase(
                "no runtime",
                file: """
                    instances:
                      studio: {}

                    """,
                """
                2:3: key 'runtime' is missing in instance 'studio'; for example runtime: { \
                docker: … }
                """),
            RefusalCase(
                "a runtime with nothing below",
                file: """
                    instances:
                      studio:
                        runtime:

                    """,
                """
                3:5: runtime has to be a mapping with docker or host, not nothing; for example \
                runtime: { docker: … }
                """),
            RefusalCase(
                "an empty runtime",
                file: """
                    instances:
                      studio:
                        runtime: {}

                    """,
                """
                3:5: one of 'docker', 'host' is missing in runtime; for example docker: { image: \
                registry.example/acme/studio, containers: [studio_web] }
                """),
            RefusalCase(
                "docker and host",
                file: """
                    instances:
                      s:
                        runtime:
                          docker: { image: acme/studio, containers: [studio_web] }
                          host: { directory: /a, start: [a], stop: [a], status: [a] }

                    """,
                "5:7: 'host' cannot stand beside 'docker' in runtime; keep one of them"),
            RefusalCase(
                "an image with a tag, and no containers",
                file: """
                    instances:
                      s:
                        runtime:
                          docker:
                            image: registry.example:5000/acme/studio:7.1.0
                            containers: []

                    """,
                """
                5:16: runtime.docker.image has to be a repository without a tag, not \
                'registry.example:5000/acme/studio:7.1.0'; for example image: \
                registry.example/acme/studio
                """,
                """
                6:21: runtime.docker.containers is an empty list, but has to be a list of \
                container names; for example containers: [studio_web]
                """),
            RefusalCase(
                "an image with a digest",
                file: """
                    instances:
                      s:
                        runtime:
                          docker: { image: 'acme/studio@sha256:70', containers: [studio_web] }

                    """,
                """
                4:24: runtime.docker.image has to be a repository without a tag, not \
                'acme/studio@sha256:70'; for example image: registry.example/acme/studio
                """),
            RefusalCase(
                "a local tag with two tags",
                docker: "local_tag: studio:latest:7",
                """
                7:20: runtime.docker.local_tag has to be an image's name of this host, not \
                'studio:latest:7'; for example local_tag: studio:latest
                """),
            RefusalCase(
                "an engine behind ssh",
                docker: "engine: ssh://studio.example",
                """
                7:17: runtime.docker.engine has to be an engine's address, not \
                'ssh://studio.example'; for example engine: unix:///var/run/docker.sock
                """),
            RefusalCase(
                "text for a list",
                docker: "paused: studio_worker",
                """
                7:17: runtime.docker.paused has to be a list of container names, not text; for \
                example paused: [studio_web]
                """),
            RefusalCase(
                "items that are no names",
                docker: "paused: [/studio, [a], { a: 1 }, ~]",
                """
                7:18: an item of runtime.docker.paused has to be a container's name, not \
                '/studio'; for example studio_web
                """,
                """
                7:27: an item of runtime.docker.paused has to be a container's name, not a list; \
                for example studio_web
                """,
                """
                7:32: an item of runtime.docker.paused has to be a container's name, not a \
                mapping; text with braces needs quotes: '{version}'
                """,
                """
                7:42: an item of runtime.docker.paused has to be a container's name, not nothing; \
                for example studio_web
                """),
            RefusalCase(
                "a container to be recreated and paused",
                docker: "paused: [studio_web]",
                """
                7:18: the container 'studio_web' is taken already, on line 6; a container belongs \
                to one instance, and there either to containers or to paused
                """),
            RefusalCase(
                "a container twice",
                docker: """
                    paused:
                      - studio_worker
                      - studio_worker
                    """,
                """
                9:13: the container 'studio_worker' is taken already, on line 8; a container \
                belongs to one instance, and there either to containers or to paused
                """),
            RefusalCase(
                "a duration in words",
                docker: "stop_grace: soon",
                """
                7:21: runtime.docker.stop_grace has to be a duration from 0s to 1h, not 'soon'; \
                for example stop_grace: 30s
                """),
            RefusalCase(
                "a duration that is too long",
                docker: "stop_grace: 2h",
                """
                7:21: runtime.docker.stop_grace has to be a duration from 0s to 1h, not '2h'; for \
                example stop_grace: 30s
                """),
            RefusalCase(
                "a grace as long as the stop",
                docker: "stop_grace: 120",
                """
                7:21: runtime.docker.stop_grace is 2m, which limits.stop, 2m, leaves no time for; \
                raise limits.stop or lower stop_grace
                """),
            RefusalCase(
                "a tag of another program's",
                docker: "local_tag: !env STUDIO_TAG",
                """
                7:20: the tag '!env' of runtime.docker.local_tag means nothing here; write the \
                value itself, or a secret's reference
                """),
            RefusalCase(
                "a line break in a name",
                docker: "local_tag: \"studio\\nlatest\"",
                """
                7:20: runtime.docker.local_tag has to be an image's name of this host, not text \
                with control characters; for example local_tag: studio:latest
                """),
            RefusalCase(
                "commands and paths of a host",
                host: """
                    directory: ~/board
                    start: bin/start
                    stop: []
                    status: ['']
                    archive: /srv/board.tar.gz
                    """,
                """
                5:20: runtime.host.directory has a '~' or '$', which nothing expands here; write \
                the path out
                """,
                """
                6:16: runtime.host.start has to be a list of a program and its arguments (no \
                shell reads it), not text; for example start: [bin/start]
                """,
                """
                7:15: runtime.host.stop is an empty list, but has to be a list of a program and \
                its arguments (no shell reads it); for example stop: [bin/stop]
                """,
                "8:17: runtime.host.status names no program; for example status: [bin/status]",
                """
                9:18: runtime.host.archive has to be a file of this host with {version} in its \
                name; for example archive: '/srv/releases/noticeboard-{version}.tar.gz'
                """),
            RefusalCase(
                "a path with a variable",
                host: """
                    directory: $HOME/board
                    start: [a]
                    stop: [a]
                    status: [a]
                    """,
                """
                5:20: runtime.host.directory has a '~' or '$', which nothing expands here; write \
                the path out
                """),
            RefusalCase(
                "an archive of another host",
                host: """
                    directory: /a
                    start: [a]
                    stop: [a]
                    status: [a]
                    archive: https://example/{version}.tgz
                    """,
                """
                9:18: runtime.host.archive has to be a file of this host with {version} in its \
                name; for example archive: '/srv/releases/noticeboard-{version}.tar.gz'
                """),
        ])
    func refused(_ given: RefusalCase) { given.check() }
}
