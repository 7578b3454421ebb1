import Foundation
import HTTPClient
import Settings

/// Asks the pages that an application has at its published addresses.
struct PageProbe {
    /// What one address has come to.
    enum Answer {
        case page(FoundPage)
        /// It answers, and its certificate cannot be verified.
        case untrusted(address: String)
        /// Nothing there speaks HTTP, or has a page.
        case nothing
    }

    private static let deadline = Duration.seconds(3)
    private static let bodyLimitInBytes = 1 << 20
    private static let usualPaths = ["/", "/version", "/about", "/login", "/health", "/healthz"]
    /// More files than these are no handful of certificates.
    private static let maximumFiles = 20

    /// The version that runs.
    let version: String?
    /// Paths that health checks ask.
    let healthPaths: [String]

    func ask(_ port: FoundContainer.Port, of container: FoundContainer) async -> Answer {
        let host = port.address.contains(":") ? "[\(port.address)]" : port.address
        let order =
            [443, 8443, 9443].contains(port.inside) ? ["https", "http"] : ["http", "https"]
        for scheme in order {
            let base = "\(scheme)://\(host):\(port.port)"
            switch await authority(for: base, files: Self.certificates(of: container)) {
            case .some(let authority):
                let pages = await pages(of: base, authority)
                if let best = FoundPage.best(of: pages) { return .page(best) }
            case nil: return .untrusted(address: base)
            }
        }
        return .nothing
    }

    /// - Returns: The file to verify the address with, or none to use the system's; nothing where
    ///   it cannot be verified.
    private func authority(for base: String, files: [String]) async -> String?? {
        guard base.hasPrefix("https:") else { return .some(nil) }
        guard await isUntrusted("\(base)/", nil) else { return .some(nil) }
        for file in files where await !isUntrusted("\(base)/", file) { return .some(file) }
        return nil
    }

    private func isUntrusted(_ url: String, _ authority: String?) async -> Bool {
        do throws(HTTPError) {
            _ = try await get(url, authority)
            return false
        } catch {
            if case .untrusted = error { return true }
            return false
        }
    }

    private func pages(of base: String, _ authority: String?) async -> [FoundPage] {
        var pages: [FoundPage] = []
        var asked: Set<String> = []
        for path in healthPaths + Self.usualPaths where asked.insert(path).inserted {
            do throws(HTTPError) {
                let response = try await get(base + path, authority)
                pages.append(
                    FoundPage(
                        url: base + path, status: response.status, authorityFile: authority,
                        body: response.text, running: version))
            } catch {
                // Whatever listens there speaks something else, or not to us.
                if pages.isEmpty { return [] }
            }
            if pages.last?.saysVersion ?? false { break }
        }
        return pages
    }

    private func get(
        _ url: String, _ authority: String?
    ) async throws(HTTPError) -> HTTPResponse {
        let client = HTTPClient(
            HTTPClient.Configuration(
                tls: HTTPClient.TLS(authoritiesPath: authority), proxy: .none))
        return try await client.send(
            HTTPRequest(
                .get, url, fields: ["Accept": "*/*"],
                deadlines: HTTPDeadlines(
                    connect: Self.deadline, idle: Self.deadline, whole: Self.deadline)),
            limitInBytes: Self.bodyLimitInBytes)
    }

    /// Files that may hold the authority: those beside what the container is given to show.
    private static func certificates(of container: FoundContainer) -> [String] {
        let folders =
            container.hostFolders
            + [container.compose?.folder.map { "\($0)/certs" }]
            .compactMap { $0 }
        var files: [String] = []
        for folder in folders {
            // A mount may be a file, or one that only root may read.
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            for name in names.sorted()
            where [".pem", ".crt", ".cer"].contains(where: name.hasSuffix) {
                files.append("\(folder)/\(name)")
            }
        }
        return Array(files.prefix(maximumFiles))
    }
}
