import PTX
import Testing

@Suite struct ConstantTests {
    static let values: [(String, Int64)] = [
        ("0", 0), ("42", 42), ("-42", -42), ("0x1F", 31), ("0X1fU", 31), ("017", 15),
        ("0b101", 5), ("0B11U", 3), ("4294967295U", 4_294_967_295),
        ("0xFFFFFFFFFFFFFFFF", -1), ("18446744073709551615", -1),
        ("9223372036854775808", .min), ("-9223372036854775808", .min),
        ("WARP_SZ", 32), ("WARP_SZ-1", 31), ("1+2*3", 7), ("(1+2)*3", 9), ("10-3-2", 5),
        ("7/2", 3), ("-7/2", -3), ("-7 % 3", -1), ("0xFFFFFFFFFFFFFFFFU / 2", .max),
        ("1<<4|1", 17), ("256>>4", 16), ("-16>>2", -4), ("1<<64", 0), ("6&3", 2), ("6^3", 5),
        ("~0", -1), ("!0", 1), ("!5", 0), ("!!7", 1), ("- - 3", 3), ("+3", 3),
        ("1<2", 1), ("2<=1", 0), ("3>2", 1), ("2>=3", 0), ("2==2", 1), ("2!=2", 0),
        ("-1 < 1U", 0), ("-1 < 1", 1), ("(.u64)-1 > 5", 1), ("(.s64) 0xFFFFFFFFFFFFFFFF < 0", 1),
        ("1&&0", 0), ("1||0", 1), ("2>1?7:8", 7), ("0?7:0?8:9", 9),
        ("-9223372036854775808 / -1", .min),
    ]

    @Test(arguments: values)
    func integerExpression(source: String, expected: Int64) throws {
        let printed = try printed(".reg .b64 x; mov.b64 x, \(source);")
        #expect(printed == ["mov.b64 x#0, \(expected)"])
    }

    @Test(arguments: [
        ("0f40490FDB", "3.1415927f"), ("0F00000001", "1e-45f"), ("-0f3F800000", "-1.0f"),
        ("0d400921FB54442D18", "3.141592653589793d"), ("1.0", "1.0d"), (".5", "0.5d"),
        ("2.", "2.0d"), ("1e3", "1000.0d"), ("1.5E-1", "0.15d"), ("1.5+0.25", "1.75d"),
    ])
    func floatingPoint(source: String, expected: String) throws {
        let printed = try printed(".reg .b64 x; mov.b64 x, \(source);")
        #expect(printed == ["mov.b64 x#0, \(expected)"])
    }

    @Test(arguments: [
        "0x", "0b2", "08", "0f3F8000", "0f3F8000000", "0d3FF", "12abc", "18446744073709551616",
        "0x10000000000000000", "1/0", "5 % 0", "1+", "(1", "~1.0", "1.5<<2", "1 2", "3?4",
    ])
    func malformed(source: String) {
        #expect(failure(".reg .b64 x; mov.b64 x, \(source);")?.hasPrefix("line 1: ") == true)
    }

    @Test func nestingIsLimited() {
        let deep = String(repeating: "(", count: 100_000)
        #expect(failure(".reg .b64 x; mov.b64 x, \(deep)")?.contains("nested too deep") == true)
        let minus = String(repeating: "-", count: 100_000)
        #expect(failure(".reg .b64 x; mov.b64 x, \(minus)1;")?.contains("too deep") == true)
        let choice = String(repeating: "1?", count: 100_000)
        #expect(failure(".reg .b64 x; mov.b64 x, \(choice)1;")?.contains("too deep") == true)
    }
}
