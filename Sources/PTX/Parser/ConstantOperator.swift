/// The binary operators of constant expressions.
enum ConstantOperator {
    case or, and, bitOr, bitXor, bitAnd, equal, notEqual, less, greater, lessEqual, greaterEqual
    case shiftLeft, shiftRight, plus, minus, times, divide, remainder
}

extension Lexer {
    /// The operator at the current token, C's precedence (1 for `||` … 10 for `*`), its bytes.
    var binaryOperator: (kind: ConstantOperator, precedence: Int, length: Int)? {
        let isDoubled = byte != 0 && base[start + 1] == byte
        let isWithEquals = byte != 0 && base[start + 1] == UInt8(ascii: "=")
        switch byte {
        case UInt8(ascii: "|"): return isDoubled ? (.or, 1, 2) : (.bitOr, 3, 1)
        case UInt8(ascii: "&"): return isDoubled ? (.and, 2, 2) : (.bitAnd, 5, 1)
        case UInt8(ascii: "^"): return (.bitXor, 4, 1)
        case UInt8(ascii: "="): return isDoubled ? (.equal, 6, 2) : nil
        case UInt8(ascii: "!"): return isWithEquals ? (.notEqual, 6, 2) : nil
        case UInt8(ascii: "<"):
            if isDoubled { return (.shiftLeft, 8, 2) }
            return isWithEquals ? (.lessEqual, 7, 2) : (.less, 7, 1)
        case UInt8(ascii: ">"):
            if isDoubled { return (.shiftRight, 8, 2) }
            return isWithEquals ? (.greaterEqual, 7, 2) : (.greater, 7, 1)
        case UInt8(ascii: "+"): return (.plus, 9, 1)
        case UInt8(ascii: "-"): return (.minus, 9, 1)
        case UInt8(ascii: "*"): return (.times, 10, 1)
        case UInt8(ascii: "/"): return (.divide, 10, 1)
        case UInt8(ascii: "%"): return (.remainder, 10, 1)
        default: return nil
        }
    }

    /// The value of `a op b` by C's rules for 64-bit integers, or in double precision.
    func combine(_ a: Constant, _ op: ConstantOperator, _ b: Constant) throws(PTXError) -> Constant
    {
        guard case .integer(let x, let xUnsigned) = a, case .integer(let y, let yUnsigned) = b
        else { return try combine(a.double, op, b.double) }
        let isUnsigned = xUnsigned || yUnsigned
        switch op {
        case .or: return .integer(x != 0 || y != 0 ? 1 : 0, isUnsigned: false)
        case .and: return .integer(x != 0 && y != 0 ? 1 : 0, isUnsigned: false)
        case .bitOr: return .integer(x | y, isUnsigned: isUnsigned)
        case .bitXor: return .integer(x ^ y, isUnsigned: isUnsigned)
        case .bitAnd: return .integer(x & y, isUnsigned: isUnsigned)
        case .shiftLeft: return .integer(y > 63 ? 0 : x << y, isUnsigned: xUnsigned)
        case .shiftRight:
            let signed = UInt64(bitPattern: Int64(bitPattern: x) >> Int64(min(y, 63)))
            return .integer(xUnsigned ? (y > 63 ? 0 : x >> y) : signed, isUnsigned: xUnsigned)
        case .plus: return .integer(x &+ y, isUnsigned: isUnsigned)
        case .minus: return .integer(x &- y, isUnsigned: isUnsigned)
        case .times: return .integer(x &* y, isUnsigned: isUnsigned)
        case .divide, .remainder:
            guard y != 0 else { throw error("division by zero in a constant expression") }
            return Self.divide(x, y, isUnsigned: isUnsigned, remainder: op == .remainder)
        case .equal, .notEqual, .less, .greater, .lessEqual, .greaterEqual:
            let result =
                isUnsigned
                ? Self.compare(x, op, y)
                : Self.compare(Int64(bitPattern: x), op, Int64(bitPattern: y))
            return .integer(result ? 1 : 0, isUnsigned: false)
        }
    }

    private static func divide(
        _ x: UInt64,
        _ y: UInt64,
        isUnsigned: Bool,
        remainder: Bool
    ) -> Constant {
        if isUnsigned { return .integer(remainder ? x % y : x / y, isUnsigned: true) }
        let (a, b) = (Int64(bitPattern: x), Int64(bitPattern: y))
        let result =
            remainder
            ? a.remainderReportingOverflow(dividingBy: b).partialValue
            : a.dividedReportingOverflow(by: b).partialValue
        return .integer(UInt64(bitPattern: result), isUnsigned: false)
    }

    private static func compare<Number: Comparable>(
        _ x: Number,
        _ op: ConstantOperator,
        _ y: Number
    ) -> Bool {
        switch op {
        case .equal: x == y
        case .notEqual: x != y
        case .less: x < y
        case .greater: x > y
        case .lessEqual: x <= y
        default: x >= y
        }
    }

    private func combine(_ x: Double, _ op: ConstantOperator, _ y: Double) throws(PTXError)
        -> Constant
    {
        switch op {
        case .plus: return .float64((x + y).bitPattern)
        case .minus: return .float64((x - y).bitPattern)
        case .times: return .float64((x * y).bitPattern)
        case .divide: return .float64((x / y).bitPattern)
        case .or: return .integer(x != 0 || y != 0 ? 1 : 0, isUnsigned: false)
        case .and: return .integer(x != 0 && y != 0 ? 1 : 0, isUnsigned: false)
        case .equal, .notEqual, .less, .greater, .lessEqual, .greaterEqual:
            return .integer(Self.compare(x, op, y) ? 1 : 0, isUnsigned: false)
        default: throw error("integer operator on a floating-point constant")
        }
    }
}
