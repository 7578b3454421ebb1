import Testing

@Suite("A check by HTTP that is wrong")
struct HTTPCheckRefusalTests {
    @Test(
        "is refused, and everything about it is told",
        arguments: [
            RefusalCase(
                "a password as it is",
                instance: """
                    checks: [{ http: { url: 'http://127.0.0.1/', login: { fields: {
                      j_username: admin, j_password: hunter2 } } } }]
                    """,
                """
                8:38: the field 'j_password' of checks.http.login.fields: a secret is given by \
                reference; for example j_password: { env: STUDIO_PASSWORD }, or file:, \
                credential:, command:
                """),
            RefusalCase(
                "a log-in without a secret",
                instance: """
                    checks:
                      - http: { url: 'http://127.0.0.1/', login: { fields: { j_p: hunter2 } } }
                    """,
                """
                8:43: none of checks.http.login.fields is a secret, so that nobody is logged in \
                by them; give the password by reference: { env: STUDIO_PASSWORD }, or file:, \
                credential:, command:
                """),
            RefusalCase(
                "an account in a header",
                instance: """
                    checks:
                      - http: { url: 'http://127.0.0.1/', headers: { Authorization: Basic eA== } }
                    """,
                """
                8:69: the field 'Authorization' of checks.http.headers: a secret is given by \
                reference; for example Authorization: { env: STUDIO_PASSWORD }, or file:, \
                credential:, command:
                """),
            RefusalCase(
                "an account and its header",
                instance: """
                    checks:
                      - http:
                          url: http://127.0.0.1/
                          headers: { authorization: { env: A } }
                          account: { user: a, password: { env: A } }
                    """,
                """
                11:20: checks.http has an account and the header Authorization, which are the \
                same; keep one of them
                """),
            RefusalCase(
                "an account's name with a colon",
                instance: """
                    checks:
                      - http:
                          url: http://127.0.0.1/
                          account: { user: 'a:b', password: { env: A } }
                    """,
                """
                10:11: checks.http.account.user holds a ':', which no such name can
                """),
            RefusalCase(
                "the connection's own header",
                instance: "checks: [{ http: { url: 'http://studio/', headers: { Host: a } } }]",
                """
                7:58: 'Host' has to be a header field that is not the connection's own
                """),
            RefusalCase(
                "a log-in elsewhere",
                instance: """
                    checks:
                      - http:
                          url: https://studio.example/
                          login:
                            action: https://studio.example:8443/login
                            fields: { j_password: { env: A } }
                    """,
                """
                11:21: checks.http logs in at another server than its url is at; a session is \
                begun where it is used: scheme, host and port have to be the same
                """),
            RefusalCase(
                "an address that is none",
                instance: "checks: [{ http: { url: 'http://a/', address: 'a:99999' } }]",
                """
                7:51: checks.http.address has to be an address, perhaps with a port, not \
                'a:99999'; for example address: 127.0.0.1:8443
                """),
            RefusalCase(
                "an address and a container",
                instance: """
                    checks: [{ http: { url: 'http://a/', address: b, container: studio_web } }]
                    """,
                """
                7:65: 'container' cannot stand beside 'address' in checks.http; keep one of them
                """),
            RefusalCase(
                "a container of nobody's",
                instance: "checks: [{ http: { url: 'http://a/', container: studio_wbe } }]",
                """
                7:14: checks.http.container: 'studio_wbe' is none of runtime.docker's \
                containers; did you mean 'studio_web'?
                """),
            RefusalCase(
                "no certificate to look away from",
                instance: "checks: [{ http: { url: 'http://a/', insecure: yes } }]",
                """
                7:52: checks.http is insecure by its url, which is not https; take insecure \
                away, or ask by https
                """),
            RefusalCase(
                "an authority for nothing",
                instance: "checks: [{ http: { url: 'https://a/', insecure: yes, ca: a.pem } }]",
                """
                7:62: checks.http has a ca that nothing is checked with, as it is insecure; take \
                insecure away, so that the certificate is checked
                """),
            RefusalCase(
                "an exception from nothing",
                instance: "checks: [{ log: { ready: a, except: [b] } }]",
                """
                7:41: checks.log.except excuses nothing, since there are no errors; add errors, \
                or take except away
                """),
            RefusalCase(
                "a token without a group",
                instance: """
                    checks:
                      - http:
                          url: http://127.0.0.1/
                          login:
                            fields: { j_password: { env: A } }
                            token: { field: _csrf, pattern: 'csrf=[a-f]+' }
                    """,
                """
                12:45: checks.http.login.token.pattern has no group, so that nothing tells the \
                token; put the token's part in parentheses: 'name="_csrf" value="([^"]+)"'
                """),
        ])
    func refused(_ given: RefusalCase) { given.check() }
}
