internal import CLinux
package import Wire

/// What `ferry run` hands to the program's process: which servers, which lease, which secret.
///
/// A text file (docs/formats/lease-file.md) that only its owner may read, named by the environment
/// variable FERRY_LEASE_FILE.
package struct Lease {
    /// Which lease.
    package private(set) var identifier: InlineArray<16, UInt8> = .init(repeating: 0)
    /// What both sides know and prove.
    package private(set) var secret: InlineArray<32, UInt8> = .init(repeating: 0)
    /// Numeric address, NUL-terminated.
    package private(set) var address: InlineArray<64, CChar> = .init(repeating: 0)
    /// Data port of the server.
    package private(set) var port: UInt16 = 0
    /// The server's Unix socket, NUL-terminated; empty when none is known.
    package private(set) var socketPath: InlineArray<256, CChar> = .init(repeating: 0)
    /// How data connections may travel.
    package private(set) var transport = TransportChoice.auto
    /// The network that is to be played.
    package private(set) var link = LinkShape()
    /// How connections to it are protected.
    package private(set) var security = Security.tls

    /// Folder for counts of the calls, NUL-terminated; empty when nobody wants them.
    package private(set) var statistics: InlineArray<256, CChar> = .init(repeating: 0)
    /// Whether each call is to be noted there, too.
    package private(set) var isTraced = false
    /// Folder for a note on the session, NUL-terminated; empty when nobody wants it.
    package private(set) var report: InlineArray<256, CChar> = .init(repeating: 0)

    /// Longest file that is read, in bytes.
    private static let maxFile = 4096

    /// Reads the file that the environment names; `nil` when there is none or it is malformed.
    static func read() -> Lease? {
        guard let path = getenv("FERRY_LEASE_FILE") else { return nil }
        let descriptor = ferry_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard descriptor >= 0 else {
            Log.error("the file that FERRY_LEASE_FILE names cannot be read")
            return nil
        }
        defer { _ = close(descriptor) }
        let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: maxFile)
        defer { buffer.deallocate() }
        let count = CLinux.read(descriptor, buffer, maxFile)
        guard count > 0 else { return nil }
        guard let lease = parse(UnsafeBufferPointer(start: buffer, count: count)) else {
            Log.error("the file that FERRY_LEASE_FILE names is not a lease file")
            return nil
        }
        return lease
    }

    /// Reads the text of a lease file; `nil` when it is not one.
    package static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Lease? {
        var scanner = Scanner(text: text)
        guard scanner.takeWord("ferry-lease"), scanner.takeNumber() == 1,
            scanner.takeWord("lease")
        else { return nil }
        var lease = Lease()
        for index in 0..<16 {
            guard let byte = scanner.takeHexByte() else { return nil }
            lease.identifier[index] = byte
        }
        guard scanner.takeWord("secret") else { return nil }
        for index in 0..<32 {
            guard let byte = scanner.takeHexByte() else { return nil }
            lease.secret[index] = byte
        }
        guard scanner.takeWord("server"), scanner.takeAddress(into: &lease.address),
            let port = scanner.takeNumber(), port > 0, port <= 65_535,
            scanner.takeNumber() != nil
        else { return nil }
        lease.port = UInt16(port)
        // Never by omission: a line without the word is none.
        if scanner.takeWord(Security.clear.word) {
            lease.security = .clear
        } else if !scanner.takeWord(Security.tls.word) {
            return nil
        }
        guard lease.parseTransport(&scanner) else { return nil }
        if scanner.takeWord("statistics") {
            guard scanner.takePath(into: &lease.statistics) else { return nil }
            lease.isTraced = scanner.takeWord("trace")
        }
        if scanner.takeWord("report") {
            guard scanner.takePath(into: &lease.report) else { return nil }
        }
        // More than one server is for a later version, which will say so in its first line.
        return scanner.isAtEnd ? lease : nil
    }

    /// The lines about how to reach the server.
    private mutating func parseTransport(_ scanner: inout Scanner) -> Bool {
        if scanner.takeWord("unix") {
            guard scanner.takePath(into: &socketPath) else { return false }
        }
        if scanner.takeWord("transport") {
            let choice = TransportChoice.allCases.first { scanner.takeWord($0.name) }
            guard let choice else { return false }
            transport = choice
        }
        if scanner.takeWord("link") {
            guard let delay = scanner.takeNumber(), let megabits = scanner.takeNumber(),
                UInt64(megabits) <= LinkShape.maxMegabits
            else { return false }
            link = LinkShape(delay: UInt64(delay), megabits: UInt64(megabits))
        }
        return true
    }

    private struct Scanner {
        let text: UnsafeBufferPointer<UInt8>
        var position = 0

        init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

        private static func isSpace(_ byte: UInt8) -> Bool {
            byte == 32 || byte == 10 || byte == 9 || byte == 13
        }

        private mutating func skipSpace() {
            while position < text.count, Self.isSpace(text[position]) { position += 1 }
        }

        var isAtEnd: Bool {
            var rest = position
            while rest < text.count, Self.isSpace(text[rest]) { rest += 1 }
            return rest == text.count
        }

        /// Takes a word if it is the next one.
        mutating func takeWord(_ word: StaticString) -> Bool {
            skipSpace()
            let end = position + word.utf8CodeUnitCount
            guard end <= text.count, end == text.count || Self.isSpace(text[end]) else {
                return false
            }
            for index in 0..<word.utf8CodeUnitCount
            where text[position + index] != word.utf8Start[index] {
                return false
            }
            position = end
            return true
        }

        /// Takes the rest of the line, which may have blanks in it.
        mutating func takePath(into path: inout InlineArray<256, CChar>) -> Bool {
            skipSpace()
            var length = 0
            while position < text.count, text[position] != 10, text[position] != 13 {
                guard length < 255 else { return false }
                path[length] = CChar(bitPattern: text[position])
                length += 1
                position += 1
            }
            return length > 0
        }

        mutating func takeNumber() -> Int? {
            skipSpace()
            var value = 0
            var digits = 0
            while position < text.count, text[position] >= 48, text[position] <= 57, digits < 9 {
                value = value * 10 + Int(text[position] - 48)
                position += 1
                digits += 1
            }
            return digits > 0 ? value : nil
        }

        mutating func takeHexByte() -> UInt8? {
            skipSpace()
            guard let high = takeHexDigit(), let low = takeHexDigit() else { return nil }
            return high << 4 | low
        }

        private mutating func takeHexDigit() -> UInt8? {
            guard position < text.count else { return nil }
            let byte = text[position]
            position += 1
            switch byte {
            case 48...57: return byte - 48
            case 97...102: return byte - 87
            default: return nil
            }
        }

        mutating func takeAddress(into address: inout InlineArray<64, CChar>) -> Bool {
            skipSpace()
            var length = 0
            while position < text.count, !Self.isSpace(text[position]) {
                guard length < 63 else { return false }
                address[length] = CChar(bitPattern: text[position])
                length += 1
                position += 1
            }
            return length > 0
        }
    }
}
