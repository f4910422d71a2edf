extension Lexer {
    /// Goes over blanks, comments, line markers of the C preprocessor and `@@DWARF` lines.
    @inline(__always)
    mutating func skipBlanks() {
        while true {
            let next = base[position]
            if isClass(next, ByteClass.blank) {
                position += 1
            } else if next == 10 {
                line += 1
                position += 1
            } else if next == UInt8(ascii: "/") || next == UInt8(ascii: "#")
                || next == UInt8(ascii: "@")
            {
                if !skipComment(next) { return }
            } else {
                return
            }
        }
    }

    /// Goes over a comment or line that starts at `position`; false when none does.
    private mutating func skipComment(_ first: UInt8) -> Bool {
        let second = base[position + 1]
        if first == UInt8(ascii: "/"), second == UInt8(ascii: "*") {
            skipBlockComment()
            return true
        }
        // Here `first` equals "/", "#" or "@"; "//" and "@@" are the same byte twice.
        guard first == UInt8(ascii: "#") || second == first else { return false }
        while base[position] != 10, base[position] != 0 { position += 1 }
        return true
    }

    /// An unterminated comment reaches to the end of the text.
    private mutating func skipBlockComment() {
        position += 2
        while base[position] != 0 {
            if base[position] == UInt8(ascii: "*"), base[position + 1] == UInt8(ascii: "/") {
                position += 2
                return
            }
            if base[position] == 10 { line += 1 }
            position += 1
        }
    }

    /// With `{` the current token, goes behind the matching `}`: fast, without making tokens.
    ///
    /// - Throws: when the text ends before.
    mutating func skipBraces() throws(PTXError) {
        let firstLine = line
        var depth = 1
        while depth > 0 {
            while !isClass(base[position], ByteClass.structure) { position += 1 }
            switch base[position] {
            case UInt8(ascii: "{"):
                depth += 1
                position += 1
            case UInt8(ascii: "}"):
                depth -= 1
                position += 1
            case UInt8(ascii: "\""): skipString()
            case 0:
                throw PTXError(line: firstLine, message: "'{' without its '}'")
            default:
                let before = position
                skipBlanks()
                if position == before { position += 1 }
            }
        }
        advance()
    }

    private mutating func skipString() {
        position += 1
        while base[position] != UInt8(ascii: "\""), base[position] != 0, base[position] != 10 {
            if base[position] == UInt8(ascii: "\\"), base[position + 1] > 10 { position += 1 }
            position += 1
        }
        if base[position] == UInt8(ascii: "\"") { position += 1 }
    }
}
