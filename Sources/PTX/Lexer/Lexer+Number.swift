extension Lexer {
    /// Reads a number at `position`: decimal, octal, hexadecimal or binary integers with or
    /// without `U`, the bits of singles and doubles, and decimal floating point.
    mutating func scanNumber() -> Kind {
        let second = base[position + 1] | 0x20
        isUnsigned = false
        value = 0
        var kind: Kind
        if base[position] == UInt8(ascii: "0"), second == UInt8(ascii: "x") {
            kind = scanDigits(from: position + 2, radix: 16, exactly: nil, .integer)
        } else if base[position] == UInt8(ascii: "0"), second == UInt8(ascii: "b") {
            kind = scanDigits(from: position + 2, radix: 2, exactly: nil, .integer)
        } else if base[position] == UInt8(ascii: "0"), second == UInt8(ascii: "f") {
            kind = scanDigits(from: position + 2, radix: 16, exactly: 8, .float32)
        } else if base[position] == UInt8(ascii: "0"), second == UInt8(ascii: "d") {
            kind = scanDigits(from: position + 2, radix: 16, exactly: 16, .float64)
        } else {
            kind = scanDecimal()
        }
        if kind == .integer {
            isUnsigned = value > UInt64(Int64.max)
            if base[position] == UInt8(ascii: "U") {
                isUnsigned = true
                position += 1
            }
        }
        if isClass(base[position], ByteClass.name) {
            kind = .malformed
            while isClass(base[position], ByteClass.name) { position += 1 }
        }
        return kind
    }

    private mutating func scanDigits(
        from first: Int,
        radix: UInt64,
        exactly count: Int?,
        _ kind: Kind
    ) -> Kind {
        var end = first
        var overflow = false
        while isClass(base[end], ByteClass.hexDigit) {
            let digit = Self.digit(base[end])
            if digit >= radix { break }
            let (product, carry) = value.multipliedReportingOverflow(by: radix)
            value = product &+ digit
            overflow = overflow || carry || value < digit
            end += 1
        }
        position = end
        if let count, end - first != count { return .malformed }
        return overflow || end == first ? .malformed : kind
    }

    private static func digit(_ byte: UInt8) -> UInt64 {
        byte <= UInt8(ascii: "9")
            ? UInt64(byte - UInt8(ascii: "0"))
            : UInt64((byte | 0x20) - UInt8(ascii: "a") + 10)
    }

    /// Digits that are an integer, octal after a leading 0, unless `.` or an exponent follows.
    private mutating func scanDecimal() -> Kind {
        var end = position
        while isClass(base[end], ByteClass.digit) { end += 1 }
        let integerEnd = end
        if base[end] == UInt8(ascii: "."), !isClass(base[end + 1], ByteClass.nameStart) {
            end += 1
            while isClass(base[end], ByteClass.digit) { end += 1 }
        }
        if base[end] | 0x20 == UInt8(ascii: "e") {
            let sign = base[end + 1] == UInt8(ascii: "+") || base[end + 1] == UInt8(ascii: "-")
            var exponent = end + (sign ? 2 : 1)
            if isClass(base[exponent], ByteClass.digit) {
                while isClass(base[exponent], ByteClass.digit) { exponent += 1 }
                end = exponent
            }
        }
        if end != integerEnd { return scanFloat(to: end) }
        let isOctal = base[position] == UInt8(ascii: "0") && end - position > 1
        return scanDigits(from: position, radix: isOctal ? 8 : 10, exactly: nil, .integer)
    }

    private mutating func scanFloat(to end: Int) -> Kind {
        let text = UnsafeBufferPointer(start: base + position, count: min(end - position, 400))
        position = end
        var spelling = String(decoding: text, as: UTF8.self)
        if spelling.utf8.first == UInt8(ascii: ".") { spelling = "0" + spelling }
        if spelling.utf8.last == UInt8(ascii: ".") { spelling += "0" }
        guard text.count == end - start, let number = Double(spelling) else { return .malformed }
        value = number.bitPattern
        return .float64
    }
}
