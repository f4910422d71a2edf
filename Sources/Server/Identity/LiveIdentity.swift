internal import Crypto
internal import FoundationEssentials
internal import Logging
internal import NIOCore
internal import NIOSSL
internal import ServiceLifecycle
internal import Synchronization

/// The certificate in use: each new connection gets the newest, and a task renews it in time.
final class LiveIdentity: Service {
    private struct Material {
        var certificate: NIOSSLCertificate
        var key: NIOSSLPrivateKey

        init(_ identity: ServerIdentity) throws {
            let pem = Array(try identity.certificatePEM().utf8)
            certificate = try NIOSSLCertificate(bytes: pem, format: .pem)
            let keyPEM = Array(identity.key.pemRepresentation.utf8)
            key = try NIOSSLPrivateKey(bytes: keyPEM, format: .pem)
        }
    }

    private let files: IdentityFiles
    private let authority: CertificateAuthority
    private let host: String
    private let names: [String]
    private let logger: Logger
    private let material: Mutex<Material>

    /// The authority and the certificate of the state folder, made or renewed as needed.
    init(folder: String, host: String, names: [String], logger: Logger) throws {
        files = IdentityFiles(folder: folder)
        authority = try files.authority(now: Date())
        self.host = host
        self.names = names
        self.logger = logger
        let (identity, reason) = try files.server(
            authority: authority,
            names: .ofThisMachine(host: host, more: names),
            now: Date()
        )
        if let reason { logger.notice("new server certificate: \(reason)") }
        material = Mutex(try Material(identity))
    }

    /// What clients trust, as PEM.
    func authorityPEM() throws -> String { try authority.certificatePEM() }

    /// TLS 1.3, and for each connection the certificate of that moment.
    func configuration() -> TLSConfiguration {
        let now = material.withLock { $0 }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(now.certificate)],
            privateKey: .privateKey(now.key)
        )
        configuration.minimumTLSVersion = .tlsv13
        configuration.applicationProtocols = ["http/1.1"]
        configuration.sslContextCallback = { [self] _, promise in
            let now = material.withLock { $0 }
            var change = NIOSSLContextConfigurationOverride()
            change.certificateChain = [.certificate(now.certificate)]
            change.privateKey = .privateKey(now.key)
            promise.succeed(change)
        }
        return configuration
    }

    /// Looks twice a day whether the certificate must be renewed.
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(12 * 3600))
                if !Task.isCancelled { renew(now: Date()) }
            }
        }
    }

    /// Renews the certificate if it must be.
    func renew(now: Date) {
        do {
            let (identity, reason) = try files.server(
                authority: authority,
                names: .ofThisMachine(host: host, more: names),
                now: now
            )
            guard let reason else { return }
            let new = try Material(identity)
            material.withLock { $0 = new }
            logger.notice("new server certificate: \(reason)")
        } catch {
            logger.error("the server certificate could not be renewed: \(error)")
        }
    }
}
