internal import Crypto
package import FoundationEssentials
internal import X509

/// The certificates and keys in the state folder: `ca.pem`, `ca.key`, `server.pem`, `server.key`.
package struct IdentityFiles: Sendable {
    private let folder: String

    /// The files of this private folder, which must exist.
    package init(folder: String) { self.folder = folder }

    /// The authority of this server; made at the first call.
    package func authority(now: Date) throws -> CertificateAuthority {
        switch (try text("ca.pem"), try text("ca.key")) {
        case (let certificate?, let key?):
            let authority = try CertificateAuthority(certificatePEM: certificate, keyPEM: key)
            guard now < authority.certificate.notValidAfter else {
                throw IdentityError.authorityEnded
            }
            return authority
        case (nil, nil), (nil, .some):
            // The key is written first, so a key alone is a first start that was cut short.
            let authority = try CertificateAuthority(now: now)
            try PrivateFiles.write(Array(authority.keyPEM.utf8), to: folder + "/ca.key")
            let certificate = try authority.certificatePEM()
            try PrivateFiles.write(Array(certificate.utf8), to: folder + "/ca.pem")
            return authority
        case (.some, nil):
            throw IdentityError.half(folder)
        }
    }

    /// The server's certificate: the one that is there when it will do, else a new one.
    ///
    /// - Returns: the identity, and why it was made anew when it was.
    package func server(
        authority: CertificateAuthority,
        names: ServerNames,
        now: Date
    ) throws -> (identity: ServerIdentity, renewed: String?) {
        var reason = "there is none"
        if let certificate = try text("server.pem"), let key = try text("server.key") {
            do {
                let identity = try ServerIdentity(certificatePEM: certificate, keyPEM: key)
                guard
                    let renewal = identity.reasonToRenew(
                        authority: authority,
                        names: names,
                        now: now
                    )
                else { return (identity, nil) }
                reason = renewal
            } catch {
                reason = "it cannot be used: \(error)"
            }
        }
        let identity = try ServerIdentity(authority: authority, names: names, now: now)
        // A pair that was cut in half between these two is found above and made anew.
        try PrivateFiles.write(
            Array(identity.key.pemRepresentation.utf8),
            to: folder + "/server.key"
        )
        try PrivateFiles.write(
            Array(try identity.certificatePEM().utf8),
            to: folder + "/server.pem"
        )
        return (identity, reason)
    }

    private func text(_ name: String) throws -> String? {
        try PrivateFiles.read(folder + "/" + name).map { String(decoding: $0, as: UTF8.self) }
    }
}
