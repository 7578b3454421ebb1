public import PropertyTesting
public import UpgradeMachine

// Values of chance of all that a log stores. Where a type has cases, a `Kind` is found by a switch
// that names each of them, so that a new case does not compile until it is generated as well.

/// The cases of a stored type.
public protocol CaseKind: CaseIterable, Hashable, Sendable {
    associatedtype Value
    /// Which case a value is.
    static func of(_ value: Value) -> Self
}

public enum RuntimeKind: CaseKind {
    case containers, host

    public static func of(_ value: Runtime) -> RuntimeKind {
        switch value {
        case .containers: .containers
        case .host: .host
        }
    }
}

public enum DatabaseKind: CaseKind {
    case none, mysql, postgresql, sqlite

    public static func of(_ value: Database) -> DatabaseKind {
        switch value {
        case .none: .none
        case .mysql: .mysql
        case .postgresql: .postgresql
        case .sqlite: .sqlite
        }
    }
}

public enum OperationKind: CaseKind {
    case pull, backUp, restore, stop, start, restart

    public static func of(_ value: Operation) -> OperationKind {
        switch value {
        case .pull: .pull
        case .backUp: .backUp
        case .restore: .restore
        case .stop: .stop
        case .start: .start
        case .restart: .restart
        }
    }
}

public enum QuestionKind: CaseKind {
    case running, healthy, release, log, http, command

    public static func of(_ value: Check.Question) -> QuestionKind {
        switch value {
        case .running: .running
        case .healthy: .healthy
        case .release: .release
        case .log: .log
        case .http: .http
        case .command: .command
        }
    }
}

public enum SecretReferenceKind: CaseKind {
    case environment, file, credential, command

    public static func of(_ value: SecretReference) -> SecretReferenceKind {
        switch value {
        case .environment: .environment
        case .file: .file
        case .credential: .credential
        case .command: .command
        }
    }
}

public enum VersionLocationKind: CaseKind {
    case pattern, jsonPointer

    public static func of(_ value: VersionLocation) -> VersionLocationKind {
        switch value {
        case .pattern: .pattern
        case .jsonPointer: .jsonPointer
        }
    }
}

public enum HTTPDestinationKind: CaseKind {
    case address, container

    public static func of(_ value: HTTPDestination) -> HTTPDestinationKind {
        switch value {
        case .address: .address
        case .container: .container
        }
    }
}

public enum HTTPValueKind: CaseKind {
    case text, secret

    public static func of(_ value: HTTPValue) -> HTTPValueKind {
        switch value {
        case .text: .text
        case .secret: .secret
        }
    }
}

extension Choices {
    mutating func words() -> [String] { array(limit: 3) { $0.text() } }
    mutating func whole() -> Int { Int(integer()) }
    mutating func seconds() -> Seconds { Seconds(whole()) }

    /// - Parameter mayBeFile: What serves was not planned, and has no file.
    public mutating func release(mayBeFile: Bool = true) -> Release {
        Release(
            version: text(), reference: text(), digest: text(),
            file: mayBeFile ? optional { $0.imageFile() } : nil)
    }

    private mutating func imageFile() -> ImageFile {
        ImageFile(
            path: text(), sha256: text(), sizeInBytes: whole(), manifests: words(),
            movedNames: array(limit: 2) {
                ImageFile.MovedName(name: $0.text(), imageID: $0.text())
            })
    }

    public mutating func secret() -> SecretReference {
        switch element(of: SecretReferenceKind.allCases) {
        case .environment: .environment(name: text())
        case .file: .file(path: text())
        case .credential: .credential(name: text())
        case .command: .command(arguments: words())
        }
    }

    public mutating func runtime() -> Runtime {
        switch element(of: RuntimeKind.allCases) {
        case .containers:
            .containers(
                settings: ContainerRuntime(
                    engine: text(), repository: text(), localTag: optional { $0.text() },
                    containers: array(limit: 3) { $0.container() }, stopGrace: seconds(),
                    registry: optional {
                        RegistryAccount(user: $0.text(), password: $0.secret())
                    },
                    reloads: optional {
                        $0.array(limit: 2) {
                            ProxyReload(container: $0.text(), command: $0.words())
                        }
                    }))
        case .host:
            .host(
                settings: HostRuntime(
                    directory: text(), start: words(), stop: words(), status: words(),
                    logFile: optional { $0.text() }))
        }
    }

    private mutating func container() -> PlannedContainer {
        PlannedContainer(
            name: text(), role: chance() ? .paused : .replaced, id: text(), imageID: text(),
            restartPolicy: RestartPolicy(name: text(), maximumRetryCount: whole()),
            settingsDigest: text())
    }

    public mutating func database() -> Database {
        switch element(of: DatabaseKind.allCases) {
        case .none: .none
        case .mysql:
            .mysql(
                settings: MySQLDatabase(
                    container: optional { $0.text() }, host: optional { $0.text() },
                    port: optional { $0.whole() }, schema: text(), user: text(),
                    password: secret()))
        case .postgresql:
            .postgresql(
                settings: PostgreSQLDatabase(
                    container: optional { $0.text() }, host: optional { $0.text() },
                    port: optional { $0.whole() }, database: text(), user: text(),
                    password: secret()))
        case .sqlite: .sqlite(settings: SQLiteDatabase(path: text()))
        }
    }

    public mutating func question() -> Check.Question {
        switch element(of: QuestionKind.allCases) {
        case .running: .running
        case .healthy: .healthy(container: text())
        case .release: .release
        case .log:
            .log(
                ready: optional { $0.text() }, errors: words(), except: optional { $0.words() })
        case .http: .http(probe: probe())
        case .command: .command(arguments: words())
        }
    }

    private mutating func probe() -> HTTPProbe {
        HTTPProbe(
            url: text(), status: whole(), version: optional { $0.versionLocation() },
            authorityFile: optional { $0.text() }, destination: optional { $0.destination() },
            certificateCheck: optional { $0.element(of: CertificateCheck.allCases) },
            account: optional { HTTPAccount(user: $0.text(), password: $0.secret()) },
            fields: optional { $0.fields() }, login: optional { $0.login() },
            redirects: optional { $0.element(of: RedirectPolicy.allCases) },
            contains: optional { $0.text() }, absent: optional { $0.words() },
            within: optional { $0.seconds() })
    }

    private mutating func destination() -> HTTPDestination {
        switch element(of: HTTPDestinationKind.allCases) {
        case .address: .address(host: text(), port: optional { $0.whole() })
        case .container: .container(name: text())
        }
    }

    private mutating func login() -> HTTPLogin {
        HTTPLogin(
            page: optional { $0.text() }, action: optional { $0.text() }, fields: fields(),
            token: optional { LoginToken(field: $0.text(), expression: $0.text()) })
    }

    private mutating func fields() -> [HTTPField] {
        array(limit: 2) { generator in
            let value: HTTPValue =
                switch generator.element(of: HTTPValueKind.allCases) {
                case .text: .text(text: generator.text())
                case .secret: .secret(reference: generator.secret())
                }
            return HTTPField(name: generator.text(), value: value)
        }
    }

    private mutating func versionLocation() -> VersionLocation {
        switch element(of: VersionLocationKind.allCases) {
        case .pattern: .pattern(expression: text())
        case .jsonPointer: .jsonPointer(pointer: text())
        }
    }

    /// - Parameter isSane: With limits as a configuration may have them, and nothing that would
    ///   keep an upgrade from getting anywhere.
    public mutating func plan(isSane: Bool = false) -> Plan {
        Plan(
            upgrade: text(), instance: text(), current: release(mayBeFile: false),
            candidate: release(),
            runtime: runtime(), database: database(), fence: chance() ? .none : .hold,
            backups: text(),
            checks: array(limit: 3) { Check(name: $0.text(), question: $0.question()) },
            steadyFor: seconds(), mayLoseMigratedData: chance(),
            limits: isSane ? saneLimits() : limits(), reason: optional { $0.text() },
            ticket: optional { $0.text() },
            operation: chance(4) ? operation() : nil)
    }

    public mutating func operation() -> Operation {
        switch element(of: OperationKind.allCases) {
        case .pull: .pull
        case .backUp: .backUp
        case .restore:
            .restore(
                source: chance() ? .backup(backup: backup()) : .dump(dump: dump()))
        case .stop: .stop
        case .start: .start
        case .restart: .restart
        }
    }

    private mutating func limits() -> Limits {
        Limits(
            attemptsPerStep: whole(), resumesWithoutProgress: whole(), pull: seconds(),
            backUp: seconds(), restore: seconds(), stop: seconds(), start: seconds(),
            verify: seconds(), verifyAtMost: seconds(), outageBudget: optional { $0.seconds() },
            capturedOutputInBytes: whole())
    }

    private mutating func saneLimits() -> Limits {
        Limits(
            attemptsPerStep: 1 + index(below: 3), resumesWithoutProgress: 1 + index(below: 3),
            outageBudget: optional { Seconds($0.index(below: 100)) })
    }
}
