/// The value of a constant expression.
enum Constant {
    case integer(UInt64, isUnsigned: Bool)
    case float32(UInt32)
    case float64(UInt64)

    /// The value as a double, of either floating-point kind or an integer.
    var double: Double {
        switch self {
        case .integer(let bits, let isUnsigned):
            isUnsigned ? Double(bits) : Double(Int64(bitPattern: bits))
        case .float32(let bits): Double(Float(bitPattern: bits))
        case .float64(let bits): Double(bitPattern: bits)
        }
    }

    /// Whether the value is not zero, as C's conditions ask.
    var isTrue: Bool {
        if case .integer(let bits, _) = self { return bits != 0 }
        return double != 0
    }
}

extension Lexer {
    /// What follows an integer that is a whole operand or element.
    @inline(__always)
    private var endsExpression: Bool {
        switch base[position] {
        case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "]"), UInt8(ascii: "}"),
            UInt8(ascii: ")"):
            true
        default: false
        }
    }

    /// Reads an integer that is not part of a longer expression; nil when there is none.
    @inline(__always)
    mutating func takeInteger() -> UInt64? {
        guard kind == .integer, endsExpression else { return nil }
        let bits = value
        advance()
        return bits
    }

    /// Reads a constant expression with C's operators, without symbols.
    ///
    /// - Parameter lowest: the precedence below which operators are left alone; 0 for all.
    mutating func parseConstant(
        lowest: Int = 0,
        depth: Int = 0,
        in place: @autoclosure () -> String
    ) throws(PTXError) -> Constant {
        if kind == .integer, endsExpression {
            let constant = Constant.integer(value, isUnsigned: isUnsigned)
            advance()
            return constant
        }
        guard depth < 64 else { throw error("constant expression nested too deep in \(place())") }
        var left = try parseUnary(depth: depth, in: place())
        while let found = binaryOperator, found.precedence >= lowest {
            position = start + found.length
            advance()
            let right = try parseConstant(
                lowest: found.precedence + 1,
                depth: depth + 1,
                in: place()
            )
            left = try combine(left, found.kind, right)
        }
        if lowest == 0, take("?") {
            let whenTrue = try parseConstant(depth: depth + 1, in: place())
            try expect(":", in: place())
            let whenFalse = try parseConstant(depth: depth + 1, in: place())
            return left.isTrue ? whenTrue : whenFalse
        }
        return left
    }

    private mutating func parseUnary(
        depth: Int,
        in place: @autoclosure () -> String
    ) throws(PTXError) -> Constant {
        guard depth < 64 else { throw error("constant expression nested too deep in \(place())") }
        let found: Constant
        switch kind {
        case .integer: found = .integer(value, isUnsigned: isUnsigned)
        case .float32: found = .float32(UInt32(truncatingIfNeeded: value))
        case .float64: found = .float64(value)
        case .word where isSpelled("WARP_SZ"): found = .integer(32, isUnsigned: false)
        case .punctuation: return try parsePrefix(depth: depth, in: place())
        default: throw unexpected(in: place())
        }
        advance()
        return found
    }

    private mutating func parsePrefix(
        depth: Int,
        in place: @autoclosure () -> String
    ) throws(PTXError) -> Constant {
        if take("(") {
            if kind == .directive {
                let isUnsigned = isSpelled(".u64")
                guard isUnsigned || isSpelled(".s64") else { throw unexpected(in: place()) }
                advance()
                try expect(")", in: place())
                let inner = try parseUnary(depth: depth + 1, in: place())
                guard case .integer(let bits, _) = inner else {
                    throw error("cast of a floating-point constant in \(place())")
                }
                return .integer(bits, isUnsigned: isUnsigned)
            }
            let inner = try parseConstant(depth: depth + 1, in: place())
            try expect(")", in: place())
            return inner
        }
        let sign = byte
        guard at("-") || at("+") || at("~") || at("!") else { throw unexpected(in: place()) }
        advance()
        let inner = try parseUnary(depth: depth + 1, in: place())
        switch (sign, inner) {
        case (UInt8(ascii: "+"), _): return inner
        case (UInt8(ascii: "!"), _): return .integer(inner.isTrue ? 0 : 1, isUnsigned: false)
        case (UInt8(ascii: "-"), .integer(let bits, let isUnsigned)):
            return .integer(0 &- bits, isUnsigned: isUnsigned && bits != 1 << 63)
        case (UInt8(ascii: "-"), .float32(let bits)): return .float32(bits ^ 1 << 31)
        case (UInt8(ascii: "-"), .float64(let bits)): return .float64(bits ^ 1 << 63)
        case (_, .integer(let bits, let isUnsigned)):
            return .integer(~bits, isUnsigned: isUnsigned)
        default: throw error("operator '~' on a floating-point constant in \(place())")
        }
    }
}
