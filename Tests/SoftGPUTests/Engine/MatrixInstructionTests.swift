import SoftGPU
import Testing

/// `mma.sync` of every shape and type against a matrix product, with the fragments of the ISA.
@Suite struct MatrixInstructionTests {
    private static let rounds = 24

    /// Elements: random bits, edges, and small numbers, in equal parts by matrix.
    private func elements(
        _ count: Int,
        _ format: MatrixFormat,
        _ edges: [UInt64],
        _ round: Int,
        _ random: inout Random
    ) -> [UInt64] {
        let mask = format.bits == 64 ? UInt64.max : (1 << UInt64(format.bits)) - 1
        return (0..<count).map { _ in
            switch round % 3 {
            case 0: return random.next() & mask
            case 1: return edges[Int(random.next() % UInt64(edges.count))] & mask
            default:
                let small = Double(Int64(bitPattern: random.next()) >> 57) / 8
                switch format.bits {
                case 64: return small.bitPattern
                case 32 where edges[0] == 1: return UInt64(Float(small).bitPattern)
                case 16 where edges[0] == 1:
                    return edges[1] == 0x3f80
                        ? UInt64(Float(small).bitPattern >> 16) : UInt64(Float16(small).bitPattern)
                default: return random.next() & mask
                }
            }
        }
    }

    /// Edges of a floating-point format start with its smallest number, then 1.
    private let halfEdges: [UInt64] = [
        1, 0x3c00, 0, 0x8000, 0x03ff, 0x0400, 0x7bff, 0xfbff, 0x3bff, 0xbc00, 0x5640,
    ]
    private let brainEdges: [UInt64] = [
        1, 0x3f80, 0, 0x8000, 0x007f, 0x0080, 0x7f7f, 0xff7f, 0xbf80, 0x3e99,
    ]
    private let singleEdges: [UInt64] = [
        1, 0x3f80_0000, 0, 0x8000_0000, 0x007f_ffff, 0x7f7f_ffff, 0xff7f_ffff, 0x3f80_2000,
        0x3f80_1fff, 0x4b80_0001,
    ]
    private let doubleEdges: [UInt64] = [
        1, 0x3ff0_0000_0000_0000, 0, 1 << 63, 0x7fef_ffff_ffff_ffff, 0xffef_ffff_ffff_ffff,
        0x3ff0_0000_0000_0001, 0x4330_0000_0000_0001,
    ]
    private let integerEdges: [UInt64] = [
        0, .max, 0x7f, 0x80, 0x7fff_ffff, 0x8000_0000, 0x7fff_0000, 0x8000_ffff, 7, 8,
    ]

    private func edges(_ format: MatrixFormat, _ name: String) -> [UInt64] {
        switch name {
        case "f16": halfEdges
        case "bf16": brainEdges
        case "tf32", "f32": singleEdges
        case "f64": doubleEdges
        default: integerEdges
        }
    }

    private let formats: [String: MatrixFormat] = [
        "f16": .f16, "bf16": .bf16, "tf32": .tf32, "f32": .f32, "f64": .f64, "s8": .s8,
        "u8": .u8, "s4": .s4, "u4": .u4, "b1": .b1, "s32": .s32, "e4m3": .e4m3, "e5m2": .e5m2,
    ]

    /// Runs `name.types`, the types being those of D, A, B, C, and compares with `result`.
    private func check(
        _ shape: String,
        _ types: String,
        _ layout: FragmentLayout,
        prefix: String = "",
        suffix: String = "",
        combine: (Double, Double, Double) -> Double = { $0 + $1 * $2 },
        result: (MatrixFormat, Double) -> UInt64 = { $0.rounded($1) }
    ) throws {
        let names = types.split(separator: ".").map(String.init)
        let used = try names.map { try #require(formats[$0]) }
        let instruction = "mma.sync.aligned.\(shape).row.col\(prefix).\(types)\(suffix)"
        let probe = try MatrixProbe(instruction, layout, used[1], used[2], used[3], used[0])
        var random = Random(UInt64(shape.utf8.count * 131 + types.utf8.count))
        for round in 0..<Self.rounds {
            func make(_ count: Int, _ k: Int) -> [UInt64] {
                elements(count, used[k], edges(used[k], names[k]), round, &random)
            }
            let a = make(layout.m * layout.k, 1)
            let b = make(layout.k * layout.n, 2)
            let c = make(layout.m * layout.n, 3)
            let found = try probe.run(a, b, c)
            let sums = probe.expected(a, b, c, combine)
            let wanted = sums.map { result(used[0], $0) }
            let wrong = found.indices.first {
                // A NaN of f64 may be any.
                found[$0] != wanted[$0]
                    && !(names[0] == "f64" && sums[$0].isNaN
                        && Double(bitPattern: found[$0]).isNaN)
            }
            #expect(wrong == nil, "\(instruction) round \(round): element \(wrong ?? 0)")
            if wrong != nil { return }
        }
    }

    @Test(arguments: ["f32.f16.f16.f32", "f16.f16.f16.f16", "f32.f16.f16.f16", "f16.f16.f16.f32"])
    func halves(_ types: String) throws {
        try check("m16n8k8", types, .m16n8k8Half)
        try check("m16n8k16", types, .m16n8k16Half)
    }

    @Test func brains() throws {
        try check("m16n8k8", "f32.bf16.bf16.f32", .m16n8k8Half)
        try check("m16n8k16", "f32.bf16.bf16.f32", .m16n8k16Half)
    }

    @Test func shortSingles() throws {
        try check("m16n8k4", "f32.tf32.tf32.f32", .m16n8k4)
        try check("m16n8k8", "f32.tf32.tf32.f32", .m16n8k8Single)
    }

    @Test(arguments: ["e4m3.e4m3", "e5m2.e5m2", "e4m3.e5m2", "e5m2.e4m3"])
    func eighths(_ pair: String) throws {
        for types in ["f32.\(pair).f32", "f16.\(pair).f16"] {
            try check("m16n8k16", types, .m16n8k16Byte)
            try check("m16n8k32", types, .m16n8k32Byte)
        }
    }

    @Test func doublePrecision() throws {
        let types = "f64.f64.f64.f64"
        let fused: (Double, Double, Double) -> Double = { $0.addingProduct($1, $2) }
        try check("m8n8k4", types, .m8n8k4, combine: fused)
        try check("m16n8k4", types, .m16n8k4, combine: fused)
        try check("m16n8k8", types, .m16n8k8Single, combine: fused)
        try check("m16n8k16", types, .m16n8k16Double, combine: fused)
    }

    /// Sums are exact in a double; wrapped or clamped at the end.
    @Test(arguments: ["s8.s8", "u8.u8", "s8.u8", "u8.s8"])
    func bytes(_ pair: String) throws {
        for (shape, layout) in [
            ("m8n8k16", FragmentLayout.m8n8k16), ("m16n8k16", .m16n8k16Byte),
            ("m16n8k32", .m16n8k32Byte),
        ] {
            try integerForms(shape, "s32.\(pair).s32", layout)
        }
    }

    @Test(arguments: ["s4.s4", "u4.u4", "s4.u4", "u4.s4"])
    func nibbles(_ pair: String) throws {
        for (shape, layout) in [
            ("m8n8k32", FragmentLayout.m8n8k32), ("m16n8k32", .m16n8k32Nibble),
            ("m16n8k64", .m16n8k64),
        ] {
            try integerForms(shape, "s32.\(pair).s32", layout)
        }
    }

    private func integerForms(
        _ shape: String,
        _ types: String,
        _ layout: FragmentLayout
    ) throws {
        try check(shape, types, layout)
        try check(
            shape,
            types,
            layout,
            prefix: ".satfinite",
            result: { _, sum in
                let clamped = min(max(sum, -2_147_483_648), 2_147_483_647)
                return UInt64(truncatingIfNeeded: Int64(clamped)) & 0xffff_ffff
            }
        )
    }

    @Test func bits() throws {
        for (shape, layout) in [
            ("m8n8k128", FragmentLayout.m8n8k128), ("m16n8k128", .m16n8k128),
            ("m16n8k256", .m16n8k256),
        ] {
            try check(shape, "s32.b1.b1.s32", layout, suffix: ".and.popc")
            try check(
                shape,
                "s32.b1.b1.s32",
                layout,
                suffix: ".xor.popc",
                combine: { sum, a, b in
                    sum + (a != b ? 1 : 0)
                }
            )
        }
    }

    // MARK: - Refusals

    private func failure(_ instruction: String, _ registers: String) -> String? {
        do {
            let module = try Device(threads: 1, megabytes: 64).module(
                """
                .version 8.6
                .target sm_90
                .address_size 64
                .visible .entry probe() {
                .reg .b32 %r<9>;
                .reg .b64 %d<9>;
                \(instruction) \(registers);
                ret;
                }
                """
            )
            let device = try Device(threads: 1, megabytes: 64)
            try device.run(module, "probe")
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        "mma.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32",
        "mma.sync.aligned.m16n8k16.col.row.f32.f16.f16.f32",
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32",
        "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.f16.f32",
        "mma.sync.aligned.m16n8k32.row.col.s32.e4m3.e4m3.s32",
        "mma.sync.aligned.m16n8k8.row.col.f32.e5m2.e5m2.f32",
        "mma.sync.aligned.m16n8k8.row.col.satfinite.f32.f16.f16.f32",
        "mma.sync.aligned.m8n8k4.row.col.f16.f16.f16.f32",
        "mma.sync.aligned.m8n8k4.row.col.f32.bf16.bf16.f32",
        "mma.sp.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32",
        "mma.sp.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32",
        "wmma.mma.sp.sync.aligned.row.col.m16n16k16.f32.f16.f16.f32",
        "wmma.mma.sync.aligned.row.col.m16n16k8.f32.f16.f16.f32",
        "wmma.load.a.sync.aligned.col.m8n8k32.s4",
        "ldmatrix.sync.aligned.m16n16.x1.trans.shared.b8",
    ])
    func refused(_ instruction: String) throws {
        let vector = "{%r0, %r1, %r2, %r3}"
        let operands =
            instruction.hasPrefix("ld") || instruction.hasPrefix("wmma.load")
            ? "{%r0}, [%r1]" : "\(vector), \(vector), \(vector), \(vector)"
        let found = try #require(failure(instruction, operands))
        #expect(found.contains(instruction), "\(found)")
    }

    @Test func fragmentsOfWrongSize() throws {
        let found = try #require(
            failure(
                "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32",
                "{%r0, %r1, %r2, %r3}, {%r0, %r1}, {%r0, %r1}, {%r0, %r1, %r2, %r3}"
            )
        )
        #expect(found.contains("a fragment of 2 registers where it has 4"), "\(found)")
    }

    /// A warp of which lanes are missing gives no result but an error.
    @Test func partialWarp() throws {
        let device = try Device(threads: 1, megabytes: 64)
        let module = try device.module(
            """
            .version 8.6
            .target sm_90
            .address_size 64
            .visible .entry probe() {
            .reg .b32 %r<5>;
            movmatrix.sync.aligned.m8n8.trans.b16 %r0, %r1;
            ret;
            }
            """
        )
        let fault = device.fault {
            try device.run(module, "probe", block: Dimensions(16))
        }
        #expect(fault?.code == 715)
        #expect(fault?.message.contains("needs all 32") == true)
    }
}
