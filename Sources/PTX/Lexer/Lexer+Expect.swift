extension Lexer {
    /// The current token as messages show it.
    var description: String {
        switch kind {
        case .end: "end of text"
        case .malformed where length == 1: "byte \(base[start])"
        default: "token '\(text(limit: 64))'"
        }
    }

    /// The token's text, cut after some bytes.
    func text(limit: Int = .max) -> String {
        let count = min(length, limit)
        let bytes = UnsafeBufferPointer(start: base + start, count: count)
        return String(decoding: bytes, as: UTF8.self) + (count < length ? "…" : "")
    }

    /// An error at the current line.
    func error(_ message: String) -> PTXError { PTXError(line: line, message: message) }

    /// "unexpected token ';' in operand of 'add.s32'"
    func unexpected(in place: String) -> PTXError { error("unexpected \(description) in \(place)") }

    /// Whether the current token is this byte.
    @inline(__always)
    func at(_ punctuation: Unicode.Scalar) -> Bool { byte == UInt8(ascii: punctuation) }

    /// Goes over the current token if it is this byte.
    @inline(__always)
    mutating func take(_ punctuation: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: punctuation) else { return false }
        advance()
        return true
    }

    /// Goes over this byte.
    ///
    /// - Throws: when the current token is another; the message says where, and what was wanted.
    mutating func expect(_ punctuation: Unicode.Scalar, in place: @autoclosure () -> String)
        throws(PTXError)
    {
        guard take(punctuation) else {
            throw error("unexpected \(description) in \(place()), '\(punctuation)' expected")
        }
    }

    /// Whether the current token is spelled like this.
    func isSpelled(_ spelling: StaticString) -> Bool {
        guard spelling.utf8CodeUnitCount == length else { return false }
        for index in 0..<length where base[start + index] != spelling.utf8Start[index] {
            return false
        }
        return true
    }

    /// Reads a name and goes over it.
    mutating func name(of what: StaticString) throws(PTXError) -> String {
        text(at: try namePlace(of: what))
    }

    /// The text at a place.
    func text(at place: Range<Int>) -> String {
        let bytes = UnsafeBufferPointer(start: base + place.lowerBound, count: place.count)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads a name and goes over it; returns its place in the text.
    mutating func namePlace(of what: StaticString) throws(PTXError) -> Range<Int> {
        guard kind == .word, dot == 0 else {
            throw error("unexpected \(description), name of \(what) expected")
        }
        let place = start..<position
        advance()
        return place
    }

    /// Reads a string without its quotes, escapes left as they are.
    mutating func string(in place: StaticString) throws(PTXError) -> String {
        guard kind == .string else { throw unexpected(in: "\(place)") }
        let bytes = UnsafeBufferPointer(start: base + start + 1, count: length - 2)
        advance()
        return String(decoding: bytes, as: UTF8.self)
    }
}
