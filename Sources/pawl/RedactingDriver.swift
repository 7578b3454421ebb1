import UpgradeMachine

/// Takes the configured secrets out of all that a driver says, before it is shown or recorded.
struct RedactingDriver: Driver {
    let base: any Driver
    let redaction: Redaction

    func endLeftovers(of effect: Effect, in context: Context) async throws(Failure) {
        do throws(Failure) {
            try await base.endLeftovers(of: effect, in: redacting(context))
        } catch {
            throw redaction(error)
        }
    }

    func observe(_ effect: Effect, in context: Context) async throws(Failure) -> Observation {
        do throws(Failure) {
            switch try await base.observe(effect, in: redacting(context)) {
            case .present(let receipt): return .present(redaction(receipt))
            case .torn(let detail): return .torn(detail: redaction(detail))
            case .unknown(let detail): return .unknown(detail: redaction(detail))
            case .absent: return .absent
            }
        } catch {
            throw redaction(error)
        }
    }

    func perform(_ effect: Effect, in context: Context) async throws(Failure) -> Receipt {
        do throws(Failure) {
            return redaction(try await base.perform(effect, in: redacting(context)))
        } catch {
            throw redaction(error)
        }
    }

    func clear(_ effect: Effect, in context: Context) async throws(Failure) {
        do throws(Failure) {
            try await base.clear(effect, in: redacting(context))
        } catch {
            throw redaction(error)
        }
    }

    private func redacting(_ context: Context) -> Context {
        Context(plan: context.plan) { [redaction] progress in
            switch progress {
            case .note(let text): context.report(.note(redaction(text)))
            case .working(let text): context.report(.working(redaction(text)))
            case .bytes, .answering: context.report(progress)
            }
        }
    }
}

extension Redaction {
    /// What a check saw may be a page that shows more than it should.
    fileprivate func callAsFunction(_ receipt: Receipt) -> Receipt {
        switch receipt {
        case .verified(let results, let time):
            .verified(results: results.map { self($0) }, goodForMilliseconds: time)
        case .previousVerified(let results, let time):
            .previousVerified(results: results.map { self($0) }, goodForMilliseconds: time)
        default: receipt
        }
    }

    private func callAsFunction(_ result: CheckResult) -> CheckResult {
        CheckResult(check: result.check, saw: self(result.saw))
    }
}
