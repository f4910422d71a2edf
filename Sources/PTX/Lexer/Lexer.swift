/// Tokens of a PTX text, one at a time, without allocating.
///
/// Holds a pointer into a `SourceText`, which must outlive it. Never moves past the text's
/// closing NUL bytes.
struct Lexer {
    /// What the current token is.
    enum Kind: UInt8 {
        /// The end of the text.
        case end
        /// A name with or without `%`, with parts after dots: `%r1`, `ld.global.f32`, `%tid.x`.
        case word
        /// One name after a dot: `.reg`, `.b32`.
        case directive
        /// An integer, in `value`.
        case integer
        /// `0f…`, the bits in `value`.
        case float32
        /// `0d…` or decimal, the bits in `value`.
        case float64
        /// A string with its quotes.
        case string
        /// One byte, in `byte`.
        case punctuation
        /// A number or string that is none, or a byte that PTX does not use.
        case malformed
    }

    /// The text.
    let base: UnsafePointer<UInt8>
    private let classes: UnsafePointer<UInt8>
    /// Where the current token starts.
    private(set) var start: Int
    /// Where it ends.
    var position: Int
    /// The line it is on.
    var line: Int
    /// What it is.
    private(set) var kind = Kind.end
    /// The byte of a punctuation token; 0 for every other kind.
    private(set) var byte: UInt8 = 0
    /// The first dot in a word, from its start; 0 when there is none.
    private(set) var dot = 0
    /// The value or bits of a number.
    var value: UInt64 = 0
    /// Whether an integer has a `U` or does not fit in 63 bits.
    var isUnsigned = false

    /// Starts at an offset and reads the first token.
    init(_ source: SourceText, at offset: Int = 0, line: Int = 1) {
        base = source.base
        classes = ByteClass.table
        position = offset
        start = offset
        self.line = line
        advance()
    }

    /// Bytes of the current token.
    var length: Int { position - start }

    /// Whether a byte is of a class.
    @inline(__always)
    func isClass(_ byte: UInt8, _ mask: UInt8) -> Bool { classes[Int(byte)] & mask != 0 }

    /// Goes to the next token; stays at the end.
    mutating func advance() {
        skipBlanks()
        start = position
        byte = 0
        let first = base[position]
        let bits = classes[Int(first)]
        if bits & ByteClass.nameStart != 0 {
            scanWord()
        } else if bits & ByteClass.digit != 0 {
            kind = scanNumber()
        } else {
            scanOther(first)
        }
    }

    private mutating func scanOther(_ first: UInt8) {
        let second = base[position + (first == 0 ? 0 : 1)]
        switch first {
        case 0: kind = .end
        case UInt8(ascii: "%") where isClass(second, ByteClass.nameStart): scanWord()
        case UInt8(ascii: ".") where isClass(second, ByteClass.digit): kind = scanNumber()
        case UInt8(ascii: "."): scanDirective()
        case UInt8(ascii: "\""): scanString()
        case 0x21...0x7E:
            position += 1
            byte = first
            kind = .punctuation
        default:
            position += 1
            kind = .malformed
        }
    }

    private mutating func scanWord() {
        var end = position + 1
        dot = 0
        while true {
            let next = base[end]
            if isClass(next, ByteClass.name) {
                end += 1
            } else if next == UInt8(ascii: "."), isClass(base[end + 1], ByteClass.name) {
                if dot == 0 { dot = end - start }
                end += 2
            } else if next == UInt8(ascii: ":"), base[end + 1] == UInt8(ascii: ":"),
                isClass(base[end + 2], ByteClass.name)
            {
                end += 3
            } else {
                break
            }
        }
        position = end
        kind = .word
    }

    private mutating func scanDirective() {
        var end = position + 1
        while true {
            if isClass(base[end], ByteClass.name) {
                end += 1
            } else if base[end] == UInt8(ascii: ":"), base[end + 1] == UInt8(ascii: ":"),
                isClass(base[end + 2], ByteClass.name)
            {
                end += 3
            } else {
                break
            }
        }
        kind = end - start > 1 ? .directive : .malformed
        position = end
    }

    private mutating func scanString() {
        var end = position + 1
        while base[end] != UInt8(ascii: "\"") {
            if base[end] == UInt8(ascii: "\\"), base[end + 1] > 10 { end += 1 }
            if base[end] == 0 || base[end] == 10 {
                position = end
                kind = .malformed
                return
            }
            end += 1
        }
        position = end + 1
        kind = .string
    }
}
