import SoftGPU

/// How the elements of a matrix look in registers, and what they are worth.
struct MatrixFormat: Sendable {
    let bits: Int
    /// The exact value.
    let value: @Sendable (UInt64) -> Double
    /// Rounds a sum to it, as bits.
    let rounded: @Sendable (Double) -> UInt64

    /// Bits of a register.
    var registerBits: Int { bits == 64 ? 64 : 32 }

    private static func whole(_ bits: Int, signed: Bool) -> MatrixFormat {
        MatrixFormat(
            bits: bits,
            value: { raw in
                let isNegative = signed && raw >> UInt64(bits - 1) & 1 != 0
                return Double(raw) - (isNegative ? Double(UInt64(1) << UInt64(bits)) : 0)
            },
            rounded: { UInt64(truncatingIfNeeded: Int64($0)) & 0xffff_ffff }
        )
    }

    static let s8 = whole(8, signed: true)
    static let u8 = whole(8, signed: false)
    static let s4 = whole(4, signed: true)
    static let u4 = whole(4, signed: false)
    static let b1 = whole(1, signed: false)
    static let s32 = whole(32, signed: true)
    static let f16 = MatrixFormat(
        bits: 16,
        value: { Double(Float16(bitPattern: UInt16($0))) },
        rounded: { halfOf($0) }
    )
    static let bf16 = MatrixFormat(
        bits: 16,
        value: { Double(Float(bitPattern: UInt32($0) << 16)) },
        rounded: { _ in 0 }
    )
    static let tf32 = MatrixFormat(
        bits: 32,
        value: { Double(Float(bitPattern: UInt32($0) & 0xffff_e000)) },
        rounded: { _ in 0 }
    )
    static let f32 = MatrixFormat(
        bits: 32,
        value: { Double(Float(bitPattern: UInt32($0))) },
        rounded: { $0.isNaN ? 0x7fff_ffff : UInt64(Float($0).bitPattern) }
    )
    static let f64 = MatrixFormat(
        bits: 64,
        value: { Double(bitPattern: $0) },
        rounded: { $0.bitPattern }
    )

    static let e4m3 = MatrixFormat(
        bits: 8,
        value: { $0 & 0x7f == 0x7f ? .nan : small($0, fraction: 3, bias: 7) },
        rounded: { _ in 0 }
    )
    static let e5m2 = MatrixFormat(
        bits: 8,
        value: { bits in
            guard bits & 0x7c == 0x7c else { return small(bits, fraction: 2, bias: 15) }
            return bits & 3 != 0 ? .nan : bits & 0x80 != 0 ? -.infinity : .infinity
        },
        rounded: { _ in 0 }
    )

    /// A finite number of 8 bits, by the definition: OCP 8-bit Floating Point Specification, 5.
    private static func small(_ bits: UInt64, fraction: Int, bias: Int) -> Double {
        let exponent = Int(bits & 0x7f) >> fraction
        let part = Double(bits & ((1 << UInt64(fraction)) - 1)) / Double(1 << fraction)
        var value = exponent == 0 ? part : 1 + part
        for _ in 0..<abs(max(exponent, 1) - bias) { value *= exponent < bias ? 0.5 : 2 }
        return bits & 0x80 != 0 ? -value : value
    }

    /// The nearest half by search among neighbours, ties to even.
    private static func halfOf(_ x: Double) -> UInt64 {
        if x.isNaN { return 0x7fff }
        let sign: UInt64 = x.sign == .minus ? 0x8000 : 0
        // Halves above the largest finite one, had they no bound, go on at 65536.
        func value(_ bits: Int) -> Double {
            bits == 0x7c00 ? 65536 : Double(Float16(bitPattern: UInt16(bits)))
        }
        let size = x.magnitude
        if size >= 65520 { return sign | 0x7c00 }
        var low = 0
        var high = 0x7c00
        while high - low > 1 {
            let middle = (low + high) / 2
            if value(middle) <= size { low = middle } else { high = middle }
        }
        let below = size - value(low)
        let above = value(high) - size
        let isUp = above < below || (above == below && low & 1 != 0)
        return sign | UInt64(isUp ? high : low)
    }
}

/// Runs one matrix instruction on one warp: A, B and C are given and D taken as matrices.
struct MatrixProbe {
    let layout: FragmentLayout
    let formats: (a: MatrixFormat, b: MatrixFormat, c: MatrixFormat, d: MatrixFormat)
    let device: Device
    let module: PTXModule
    /// Whether a metadata register of each lane comes with A, B and C.
    private let isSparse: Bool

    /// - Parameter selector: the sparsity selector of `mma.sp`; its `layout.a` is that of the half
    ///   of A that is there.
    init(
        _ instruction: String,
        _ layout: FragmentLayout,
        _ a: MatrixFormat,
        _ b: MatrixFormat,
        _ c: MatrixFormat,
        _ d: MatrixFormat,
        selector: Int? = nil
    ) throws {
        self.layout = layout
        isSparse = selector != nil
        formats = (a, b, c, d)
        device = try Device(threads: 1, megabytes: 64)
        func count(_ elements: Int, _ format: MatrixFormat) -> Int {
            elements * format.bits / format.registerBits
        }
        let parts = [
            ("a", count(layout.aCount, a), a), ("b", count(layout.bCount, b), b),
            ("c", count(layout.cCount, c), c), ("d", count(layout.cCount, d), d),
        ]
        var text = """
            .version 8.6
            .target sm_90
            .address_size 64
            .visible .entry probe(.param .u64 pa, .param .u64 pb, .param .u64 pc, .param .u64 pd,
                .param .u64 pe) {
            .reg .b64 %x, %y;
            .reg .b32 %l, %e;
            mov.u32 %l, %laneid;
            ld.param.u64 %x, [pe];
            mul.wide.u32 %y, %l, 4;
            add.u64 %x, %x, %y;
            ld.global.b32 %e, [%x];

            """
        for (name, count, format) in parts {
            text += ".reg .b\(format.registerBits) %\(name)<\(count)>;\n"
        }
        func vector(_ name: String, _ count: Int) -> String {
            "{" + (0..<count).map { "%\(name)\($0)" }.joined(separator: ", ") + "}"
        }
        func access(_ part: (String, Int, MatrixFormat), isStore: Bool) -> String {
            let (name, count, format) = part
            let bytes = format.registerBits / 8
            var text = "ld.param.u64 %x, [p\(name)];\nmul.wide.u32 %y, %l, \(count * bytes);\n"
            text += "add.u64 %x, %x, %y;\n"
            for k in 0..<count {
                let place = "[%x+\(k * bytes)]"
                text +=
                    isStore
                    ? "st.global.b\(bytes * 8) \(place), %\(name)\(k);\n"
                    : "ld.global.b\(bytes * 8) %\(name)\(k), \(place);\n"
            }
            return text
        }
        for part in parts.prefix(3) { text += access(part, isStore: false) }
        let vectors = [3, 0, 1, 2].map { vector(parts[$0].0, parts[$0].1) }
        let metadata = selector.map { ", %e, \($0)" } ?? ""
        text += "\(instruction) \(vectors.joined(separator: ", "))\(metadata);\n"
        text += access(parts[3], isStore: true) + "ret;\n}\n"
        module = try device.module(text)
    }

    /// D as a matrix of bits, row after row.
    func run(
        _ a: [UInt64],
        _ b: [UInt64],
        _ c: [UInt64],
        metadata: [UInt32] = Array(repeating: 0, count: 32)
    ) throws -> [UInt64] {
        let (m, n, k) = (layout.m, layout.n, layout.k)
        let pa = try upload(a, isSparse ? k / 2 : k, layout.aCount, layout.a, formats.a)
        let pb = try upload(b, n, layout.bCount, layout.b, formats.b)
        let pc = try upload(c, n, layout.cCount, layout.c, formats.c)
        let pd = try device.zeros(32 * layout.cCount * 8, UInt8.self)
        let pe = try device.upload(metadata)
        try device.run(module, "probe") { for p in [pa, pb, pc, pd, pe] { $0.append(p) } }
        let bytes = device.download(pd, 32 * layout.cCount * formats.d.bits / 8, UInt8.self)
        var result = [UInt64](repeating: 0xdead, count: m * n)
        for lane in 0..<32 {
            for i in 0..<layout.cCount {
                let (row, column) = layout.c(lane >> 2, lane % 4, i)
                let first = (lane * layout.cCount + i) * formats.d.bits / 8
                var value: UInt64 = 0
                for byte in (0..<formats.d.bits / 8).reversed() {
                    value = value << 8 | UInt64(bytes[first + byte])
                }
                result[row * n + column] = value
            }
        }
        for p in [pa, pb, pc, pd, pe] { _ = device.memory.free(p) }
        return result
    }

    /// Puts a matrix into the registers of 32 lanes, lane after lane.
    private func upload(
        _ matrix: [UInt64],
        _ width: Int,
        _ count: Int,
        _ place: FragmentLayout.Place,
        _ format: MatrixFormat
    ) throws -> UInt64 {
        var bytes = [UInt8](repeating: 0, count: 32 * count * format.bits / 8)
        for lane in 0..<32 {
            for i in 0..<count {
                let (row, column) = place(lane >> 2, lane % 4, i)
                let value = matrix[row * width + column]
                for bit in 0..<format.bits where value >> UInt64(bit) & 1 != 0 {
                    let position = (lane * count + i) * format.bits + bit
                    bytes[position / 8] |= 1 << UInt8(position % 8)
                }
            }
        }
        return try device.upload(bytes)
    }

    /// A · B + C in ascending order of k; `combine` takes the sum so far and two elements.
    func expected(
        _ a: [UInt64],
        _ b: [UInt64],
        _ c: [UInt64],
        _ combine: (Double, Double, Double) -> Double
    ) -> [Double] {
        let (m, n, k) = (layout.m, layout.n, layout.k)
        return (0..<m * n).map { index in
            var sum = formats.c.value(c[index])
            for j in 0..<k {
                let x = formats.a.value(a[index / n * k + j])
                let y = formats.b.value(b[j * n + index % n])
                sum = combine(sum, x, y)
            }
            return sum
        }
    }
}
