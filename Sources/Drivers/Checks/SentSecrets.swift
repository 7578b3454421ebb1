internal import Foundation
public import UpgradeMachine

/// The forms in which a check's secrets are sent, or come back on a page.
///
/// Each is as good as the secret itself, and has to be kept out of what is shown and recorded, too.
public enum SentSecrets {
    /// - Parameters:
    ///   - secret: What one of the check's references leads to.
    ///   - reference: That reference; an account's password is also sent together with its name.
    public static func forms(
        of secret: Secret, at reference: SecretReference, in check: Check
    ) -> [Secret] {
        guard case .http(let probe) = check.question else { return [] }
        return secret.reveal { text in
            let encoded = FormEncoding.encoded(text)
            var forms = [
                encoded, encoded.replacing("+", with: "%20"), HTMLText.escaped(text),
            ]
            if let account = probe.account, account.password == reference {
                forms.append(Data("\(account.user):\(text)".utf8).base64EncodedString())
            }
            return Set(forms).subtracting([text]).sorted().map { Secret($0) }
        }
    }
}
