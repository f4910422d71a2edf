import CLinux

/// A conversion of a format string: what stands between `%` and the letter, and the letter.
private struct Conversion {
    var flags: [UInt8] = []
    /// Size letters: none, h, hh, l, ll, z, t, j.
    var isLong = false
    var isShort = 0
    var letter: UInt8 = 0
}

/// Formats like C's `printf`; the values lie in a buffer as `vprintf` finds them, 4-byte ones at
/// multiples of 4, 8-byte ones (all floating-point numbers among them) at multiples of 8.
///
/// - Returns: the text, and the number of values printed (−1 when the format is null), as the
///   device function returns it.
func formatted(
    _ reader: LaneReader,
    _ lane: Int,
    format address: UInt64,
    values: UInt64
) -> (bytes: [UInt8], items: Int) {
    guard address != 0 else { return ([], -1) }
    guard let format = reader.string(address, lane) else { return ([], -1) }
    var printer = Printer(reader: reader, lane: lane, next: values)
    var k = 0
    while k < format.count {
        let c = format[k]
        k += 1
        guard c == UInt8(ascii: "%") else {
            printer.text.append(c)
            continue
        }
        if k < format.count, format[k] == UInt8(ascii: "%") {
            printer.text.append(c)
            k += 1
            continue
        }
        let start = k
        guard let conversion = printer.parse(format, &k), printer.write(conversion) else {
            printer.text.append(c)
            printer.text += format[start..<min(k, format.count)]
            continue
        }
        printer.items += 1
    }
    return (printer.text, printer.items)
}

private struct Printer {
    let reader: LaneReader
    let lane: Int
    var next: UInt64
    var text: [UInt8] = []
    var items = 0

    /// Reads flags, width, precision, size and letter; nil when the format ends before.
    mutating func parse(_ format: [UInt8], _ k: inout Int) -> Conversion? {
        var result = Conversion()
        while k < format.count {
            let c = format[k]
            k += 1
            switch c {
            case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: " "), UInt8(ascii: "#"),
                UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"):
                result.flags.append(c)
            case UInt8(ascii: "*"):
                let value = Int32(bitPattern: word())
                result.flags += Array(String(max(-4096, min(4096, value))).utf8)
            case UInt8(ascii: "h"): result.isShort += 1
            case UInt8(ascii: "l"), UInt8(ascii: "j"), UInt8(ascii: "z"), UInt8(ascii: "t"),
                UInt8(ascii: "L"):
                result.isLong = true
            default:
                result.letter = c
                return result
            }
        }
        return nil
    }

    /// False when the letter is none of C's.
    mutating func write(_ conversion: Conversion) -> Bool {
        let letter = conversion.letter
        switch letter {
        case UInt8(ascii: "d"), UInt8(ascii: "i"):
            let value =
                conversion.isLong
                ? Int64(bitPattern: doubleWord()) : Int64(Int32(bitPattern: word()))
            let cut =
                conversion.isShort == 0
                ? value
                : conversion.isShort == 1
                    ? Int64(Int16(truncatingIfNeeded: value))
                    : Int64(Int8(truncatingIfNeeded: value))
            emit(conversion, size: "ll", cut)
        case UInt8(ascii: "u"), UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "o"):
            let value = conversion.isLong ? doubleWord() : UInt64(word())
            let cut =
                conversion.isShort == 0
                ? value : conversion.isShort == 1 ? value & 0xffff : value & 0xff
            emit(conversion, size: "ll", cut)
        case UInt8(ascii: "c"):
            let value = Int32(bitPattern: word())
            emit(conversion, size: "", value)
        case UInt8(ascii: "f"), UInt8(ascii: "F"), UInt8(ascii: "e"), UInt8(ascii: "E"),
            UInt8(ascii: "g"), UInt8(ascii: "G"), UInt8(ascii: "a"), UInt8(ascii: "A"):
            let value = Double(bitPattern: doubleWord())
            emit(conversion, size: "", value)
        case UInt8(ascii: "p"):
            let value = UInt(doubleWord())
            emit(conversion, size: "", value)
        case UInt8(ascii: "s"): writeString(conversion)
        default: return false
        }
        return true
    }

    private mutating func writeString(_ conversion: Conversion) {
        let address = doubleWord()
        var string = Array("(null)".utf8)
        if address != 0 {
            guard let found = reader.string(address, lane) else { return }
            string = found
        }
        string.append(0)
        string.withUnsafeBufferPointer { bytes in
            if let from = bytes.baseAddress {
                emit(conversion, size: "", UnsafePointer<UInt8>(from))
            }
        }
    }

    private mutating func emit(
        _ conversion: Conversion,
        size: String,
        _ value: any CVarArg
    ) {
        guard isBounded(conversion.flags) else { return }
        let flags = String(decoding: conversion.flags, as: UTF8.self)
        let letter = String(UnicodeScalar(conversion.letter))
        let format = "%" + flags + size + letter
        let length = Int(withVaList([value]) { vsnprintf(nil, 0, format, $0) })
        guard length > 0 else { return }
        var buffer = [CChar](repeating: 0, count: length + 1)
        _ = withVaList([value]) { vsnprintf(&buffer, length + 1, format, $0) }
        text += buffer.dropLast().map { UInt8(bitPattern: $0) }
    }

    /// Widths and precisions of a few thousand are enough.
    private func isBounded(_ flags: [UInt8]) -> Bool {
        var digits = 0
        for c in flags {
            digits = c >= UInt8(ascii: "0") && c <= UInt8(ascii: "9") ? digits + 1 : 0
            if digits > 4 { return false }
        }
        return true
    }

    private mutating func word() -> UInt32 {
        next = (next &+ 3) & ~3
        let value = reader.word(next, lane) ?? 0
        next &+= 4
        return value
    }

    private mutating func doubleWord() -> UInt64 {
        next = (next &+ 7) & ~7
        let value = reader.doubleWord(next, lane) ?? 0
        next &+= 8
        return value
    }
}
