internal import Crypto
internal import Pool

/// The bearer token that opens the API. The server keeps only its SHA-256: a token is 256 random
/// bits, so there is nothing to guess that a slow hash would protect.
package struct Token: Hashable, Sendable {
    /// As it stands in the client file and in the header.
    package let text: String

    /// A new random token.
    package init() { text = "ferry_" + Hex.encode(secureRandomBytes(32)) }

    /// A token from a file or a header.
    package init(text: String) { self.text = text }

    /// What the server keeps of it.
    package var hash: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}

/// The tokens that open the API.
package struct TokenSet: Sendable {
    private let hashes: [[UInt8]]

    /// The tokens with these SHA-256 hashes.
    package init(hashes: [[UInt8]]) { self.hashes = hashes }

    /// Whether this is one of them; takes the same time whichever it is, or none.
    package func contains(_ token: Token) -> Bool {
        let hash = token.hash
        var found = false
        for known in hashes {
            let same = equalInConstantTime(known, hash)
            found = found || same
        }
        return found
    }
}
