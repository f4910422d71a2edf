/// What a byte can be part of, as bits of a table.
enum ByteClass {
    /// A letter, digit, `_` or `$`.
    static let name: UInt8 = 1
    /// A letter, `_` or `$`.
    static let nameStart: UInt8 = 2
    /// `0`…`9`
    static let digit: UInt8 = 4
    /// Blank, but for newline.
    static let blank: UInt8 = 8
    /// `0`…`9`, `a`…`f`, `A`…`F`
    static let hexDigit: UInt8 = 16
    /// What the search for a body's end has to look at.
    static let structure: UInt8 = 32

    /// 256 entries. Never freed: one for the process.
    nonisolated(unsafe) static let table: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        for byte in UInt8.min...UInt8.max { table[Int(byte)] = classify(byte) }
        return UnsafePointer(table)
    }()

    private static func classify(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
            name | nameStart | hexDigit
        case UInt8(ascii: "g")...UInt8(ascii: "z"), UInt8(ascii: "G")...UInt8(ascii: "Z"),
            UInt8(ascii: "_"), UInt8(ascii: "$"):
            name | nameStart
        case UInt8(ascii: "0")...UInt8(ascii: "9"): name | digit | hexDigit
        case UInt8(ascii: " "), 9, 11, 12, 13: blank
        case 0, 10, UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\""), UInt8(ascii: "/"),
            UInt8(ascii: "#"), UInt8(ascii: "@"):
            structure
        default: 0
        }
    }
}
