import Drivers
import Foundation
import UpgradeMachine

/// What the checks of a plan will need, looked at before the old release is stopped.
///
/// None of them is asked here: what serves now may well be what an upgrade shall mend.
struct CheckFindings {
    let plan: Plan

    func findings() async -> [PlanFinding] {
        var findings: [PlanFinding] = []
        for check in plan.checks {
            if let finding = authorityFinding(check) { findings.append(finding) }
            for reference in check.secrets {
                do throws(Failure) {
                    _ = try await Secrets().resolve(reference)
                } catch {
                    findings.append(
                        PlanFinding(
                            .refusal,
                            "the check \(check.name) cannot be asked: \(error.message)",
                            advice: error.advice))
                }
            }
        }
        return findings
    }

    /// A file that libcurl cannot use would look like a server that nobody trusts.
    private func authorityFinding(_ check: Check) -> PlanFinding? {
        guard case .http(let probe) = check.question, let path = probe.authorityFile else {
            return nil
        }
        // Why it cannot be read is of no matter: it has to be there and readable.
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        guard !text.contains("-----BEGIN CERTIFICATE-----"),
            !text.contains("-----BEGIN TRUSTED CERTIFICATE-----")
        else { return nil }
        return PlanFinding(
            .refusal,
            "the check \(check.name) cannot be asked: \(path) holds no certificate in PEM",
            advice: "put the authority's certificate there, readable for whoever runs Pawl")
    }
}
