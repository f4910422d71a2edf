extension BodyParser {
    /// Reads `%v.x`, `%tid.y`, `%r1.b0`, `%r1.h10`.
    mutating func parsePart() throws(PTXError) -> Syntax.Operand {
        let name = scopes.intern(lexer.start, lexer.dot)
        let entity = scopes.resolve(name)
        let suffix = UnsafeBufferPointer(
            start: lexer.base + lexer.start + lexer.dot + 1,
            count: lexer.length - lexer.dot - 1
        )
        switch entity {
        case .special(let kind, _) where SpecialRegisters.isVector(kind):
            guard suffix.count == 1, let component = Self.component(suffix[0]) else { break }
            lexer.advance()
            return .special(Syntax.SpecialRegister(kind: kind, index: component))
        case .register(let register):
            guard let part = Self.part(suffix) else { break }
            lexer.advance()
            return .part(register, part)
        case .undeclared, .unbound:
            throw lexer.error("undeclared name '\(lexer.text(limit: 64))' in \(place)")
        default: break
        }
        throw lexer.unexpected(in: place)
    }

    private static func component(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "x"), UInt8(ascii: "r"): 0
        case UInt8(ascii: "y"), UInt8(ascii: "g"): 1
        case UInt8(ascii: "z"), UInt8(ascii: "b"): 2
        case UInt8(ascii: "w"), UInt8(ascii: "a"): 3
        default: nil
        }
    }

    private static func part(_ suffix: UnsafeBufferPointer<UInt8>) -> Syntax.RegisterPart? {
        if suffix.count == 1 {
            let parts: [Syntax.RegisterPart] = [.x, .y, .z, .w]
            return component(suffix[0]).map { parts[Int($0)] }
        }
        var selectors: UInt16 = 0
        let isBytes = suffix[0] == UInt8(ascii: "b")
        guard isBytes || suffix[0] == UInt8(ascii: "h"), suffix.count <= (isBytes ? 5 : 3) else {
            return nil
        }
        for byte in suffix.dropFirst() {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < (isBytes ? 8 : 4) else { return nil }
            selectors = selectors << 4 | UInt16(digit)
        }
        switch (isBytes, suffix.count, selectors) {
        case (true, 2, 0): return .b0
        case (true, 2, 1): return .b1
        case (true, 2, 2): return .b2
        case (true, 2, 3): return .b3
        case (false, 2, 0): return .h0
        case (false, 2, 1): return .h1
        case (false, 3, _): return .halves(selectors: UInt8(selectors))
        case (true, 3..., _): return .bytes(count: UInt8(suffix.count - 1), selectors: selectors)
        default: return nil
        }
    }
}
