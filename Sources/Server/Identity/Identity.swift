package import Crypto
package import FoundationEssentials
internal import Pool
internal import SwiftASN1
package import X509

/// The server's own certificate authority, which signs nothing but this server's certificates.
package struct CertificateAuthority: Sendable {
    /// So long that nobody's jobs stop because of it; a stolen key is answered with a new authority.
    static let lifetime: TimeInterval = 20 * 365.25 * 86400

    /// What clients trust.
    package let certificate: Certificate
    private let key: P256.Signing.PrivateKey

    /// A new authority with a new key.
    package init(now: Date) throws {
        key = P256.Signing.PrivateKey()
        // A random part, so that certificate stores can tell the authorities of two servers apart.
        let number = Hex.encode(secureRandomBytes(4))
        let name = try DistinguishedName {
            OrganizationName("Ferry")
            CommonName("Ferry CA \(number)")
        }
        let signer = Certificate.PrivateKey(key)
        certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: signer.publicKey,
            notValidBefore: now.addingTimeInterval(-3600),
            notValidAfter: now.addingTimeInterval(Self.lifetime),
            issuer: name,
            subject: name,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: signer.publicKey)
            },
            issuerPrivateKey: signer
        )
    }

    /// An authority from its files.
    package init(certificatePEM: String, keyPEM: String) throws {
        certificate = try Certificate(pemEncoded: certificatePEM)
        key = try P256.Signing.PrivateKey(pemRepresentation: keyPEM)
        guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
            throw IdentityError.keyOfAnother("the certificate authority")
        }
    }

    /// The certificate as PEM.
    package func certificatePEM() throws -> String { try certificate.serializeAsPEM().pemString }
    /// The private key as PEM; for the private state folder only.
    package var keyPEM: String { key.pemRepresentation }

    /// Signs a certificate for a server that is reached by these names.
    package func issue(
        for names: ServerNames,
        key serverKey: P256.Signing.PrivateKey,
        now: Date
    ) throws -> Certificate {
        let publicKey = Certificate.PublicKey(serverKey.publicKey)
        let end = min(
            now.addingTimeInterval(ServerIdentity.lifetime),
            certificate.notValidAfter
        )
        return try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: now.addingTimeInterval(-3600),
            notValidAfter: end,
            issuer: certificate.subject,
            subject: try DistinguishedName {
                OrganizationName("Ferry")
                CommonName("ferryd")
            },
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(names.generalNames)
                AuthorityKeyIdentifier(
                    keyIdentifier: try certificate.extensions.subjectKeyIdentifier?.keyIdentifier
                )
                SubjectKeyIdentifier(hash: publicKey)
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
    }
}

/// A certificate for the API with its key.
package struct ServerIdentity: Sendable {
    static let lifetime: TimeInterval = 397 * 86400
    /// A certificate that ends within this time is replaced.
    static let renewal: TimeInterval = 90 * 86400

    /// The certificate.
    package let certificate: Certificate
    /// Its key.
    package let key: P256.Signing.PrivateKey

    /// A new key with a certificate signed by `authority`.
    package init(authority: CertificateAuthority, names: ServerNames, now: Date) throws {
        key = P256.Signing.PrivateKey()
        certificate = try authority.issue(for: names, key: key, now: now)
    }

    /// A certificate and its key from their files.
    package init(certificatePEM: String, keyPEM: String) throws {
        certificate = try Certificate(pemEncoded: certificatePEM)
        key = try P256.Signing.PrivateKey(pemRepresentation: keyPEM)
        guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
            throw IdentityError.keyOfAnother("the server")
        }
    }

    /// The certificate as PEM.
    package func certificatePEM() throws -> String { try certificate.serializeAsPEM().pemString }

    /// Why this certificate must be replaced; nil when it may stay.
    package func reasonToRenew(
        authority: CertificateAuthority,
        names: ServerNames,
        now: Date
    ) -> String? {
        guard
            authority.certificate.publicKey.isValidSignature(
                certificate.signature,
                for: certificate
            )
        else { return "another authority signed it" }
        if now < certificate.notValidBefore { return "it is not yet valid" }
        let left = certificate.notValidAfter.timeIntervalSince(now)
        if left < min(Self.renewal, authority.certificate.notValidAfter.timeIntervalSince(now) / 2)
        {
            return "it ends soon"
        }
        let has = Set(
            (try? certificate.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames()
        )
        return names.generalNames.allSatisfy(has.contains) ? nil : "the server has a new name"
    }
}

/// An identity that cannot be used.
package enum IdentityError: Error, CustomStringConvertible {
    /// Certificate and key do not belong together.
    case keyOfAnother(String)
    /// A certificate without its key, or the other way round.
    case half(String)
    /// The authority has ended.
    case authorityEnded

    package var description: String {
        switch self {
        case .keyOfAnother(let whose): "certificate and key of \(whose) do not belong together"
        case .half(let path): "of the certificate authority only a half is there, in \(path)"
        case .authorityEnded:
            "the certificate authority has ended; remove its files from the state folder to make a "
                + "new one, and give the new client file to the clients"
        }
    }
}
