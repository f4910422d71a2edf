import Testing

/// `cvt` between pairs of the formats of 8 bits and halves or singles, against their definition.
@Suite struct EighthConversionTests {
    private static let formats: [(name: String, format: MatrixFormat)] = [
        ("e4m3x2", .e4m3), ("e5m2x2", .e5m2),
    ]

    /// The nearest of all numbers of a format, ties to the even one; beyond them the last, as
    /// `.satfinite` says. NaN is 0x7f.
    private static func nearest(_ x: Double, _ format: MatrixFormat) -> UInt64 {
        if x.isNaN { return 0x7f }
        let finite = (0..<UInt64(128)).filter { format.value($0).isFinite }
        let size = x.magnitude
        let sign: UInt64 = x.sign == .minus ? 0x80 : 0
        if let last = finite.last, size >= format.value(last) { return last | sign }
        var best: UInt64 = 0
        for bits in finite {
            let (new, old) = (abs(format.value(bits) - size), abs(format.value(best) - size))
            if new < old || (new == old && bits & 1 == 0) { best = bits }
        }
        return best | sign
    }

    @Test func toHalves() throws {
        for (name, format) in Self.formats {
            let pairs = (0..<UInt64(256)).map { $0 | ($0 * 37 + 11 & 0xff) << 8 }
            for relu in ["", ".relu"] {
                let text = "cvt.rn\(relu).f16x2.\(name) %d, %a;"
                let found = try Probe(text, .b32, [.b16]).run(pairs)
                func half(_ bits: UInt64) -> UInt64 {
                    let value = format.value(bits)
                    if value.isNaN { return 0x7fff }
                    let kept = relu.isEmpty || value > 0 ? value : 0
                    return UInt64(Float16(kept).bitPattern)
                }
                let wanted = pairs.map { half($0 & 0xff) | half($0 >> 8) << 16 }
                #expect(difference(found, wanted, [pairs]) == nil, "\(text)")
            }
        }
    }

    /// Edges of both formats, what lies between their numbers, and any single.
    private static let singles: [UInt64] = {
        var values: [Double] = [0, -0.0, .infinity, -.infinity, .nan, 1e30, -1e30, 57_344, 61_440]
        values += [
            448, 449, 464, 480, 500, -465, 61_439, 65_504, 0x1p-9, 0x1p-10, 0x1p-17, 0x1p-16,
        ]
        for (_, format) in formats {
            let finite = (0..<UInt64(127)).map(format.value).filter(\.isFinite)
            for (low, high) in zip(finite, finite.dropFirst()) {
                values += [low, -(low + high) / 2, (low + high) / 2, low + (high - low) * 0.51]
            }
        }
        return values.map { UInt64(Float($0).bitPattern) } + Operands.singles(3)
    }()

    @Test func fromSingles() throws {
        let a = Self.singles
        let b = Array(a.reversed())
        for (name, format) in Self.formats {
            for relu in ["", ".relu"] {
                let text = "cvt.rn.satfinite\(relu).\(name).f32 %d, %a, %b;"
                let found = try Probe(text, .b16, [.f32, .f32]).run(a, b)
                func small(_ bits: UInt64) -> UInt64 {
                    let value = Double(Float(bitPattern: UInt32(bits)))
                    let isCut = !relu.isEmpty && value.sign == .minus && !value.isNaN
                    return Self.nearest(isCut ? 0 : value, format)
                }
                let wanted = zip(a, b).map { small($0) << 8 | small($1) }
                #expect(difference(found, wanted, [a, b]) == nil, "\(text)")
            }
        }
    }

    @Test func fromHalves() throws {
        let halves = Self.singles.map { UInt64(Float16(Float(bitPattern: UInt32($0))).bitPattern) }
        let a = zip(halves, halves.reversed()).map { $0 | $1 << 16 }
        for (name, format) in Self.formats {
            let text = "cvt.rn.satfinite.\(name).f16x2 %d, %a;"
            let found = try Probe(text, .b16, [.b32]).run(a)
            func small(_ bits: UInt64) -> UInt64 {
                Self.nearest(Double(Float16(bitPattern: UInt16(bits & 0xffff))), format)
            }
            let wanted = a.map { small($0) | small($0 >> 16) << 8 }
            #expect(difference(found, wanted, [a]) == nil, "\(text)")
        }
    }
}
