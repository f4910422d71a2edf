import SoftGPU
import Testing

/// `mma.sp` of every shape and type against a product of dense matrices. Fragments are those of the
/// ISA, "Matrix fragments for multiply-accumulate operation with sparse matrix A".
@Suite struct MatrixSparseTests {
    /// A shape, with where B's elements lie and the dense shape whose A is like the half of this A.
    struct Shape: Sendable, CustomStringConvertible {
        let k: Int
        let half: FragmentLayout
        let elementsOfRegister: Int
        let types: [String]

        var description: String { "k\(k) \(types[0])" }

        /// B of n = 8 in the ISA's pictures: registers go along k, four lanes take successive ones.
        var layout: FragmentLayout {
            let size = elementsOfRegister
            return FragmentLayout(
                m: 16,
                n: 8,
                k: k,
                aCount: half.aCount,
                bCount: k / 4,
                cCount: 4,
                a: half.a,
                b: { g, t, i in (i / size * size * 4 + t * size + i % size, g) },
                c: FragmentLayout.tall
            )
        }
    }

    static let shapes: [Shape] = [
        Shape(
            k: 16,
            half: .m16n8k8Half,
            elementsOfRegister: 2,
            types: ["f32.f16.f16.f32", "f16.f16.f16.f16", "f32.bf16.bf16.f32"]
        ),
        Shape(
            k: 32,
            half: .m16n8k16Half,
            elementsOfRegister: 2,
            types: ["f32.f16.f16.f32", "f16.f16.f16.f16", "f32.bf16.bf16.f32"]
        ),
        Shape(k: 8, half: .m16n8k4, elementsOfRegister: 1, types: ["f32.tf32.tf32.f32"]),
        Shape(k: 16, half: .m16n8k8Single, elementsOfRegister: 1, types: ["f32.tf32.tf32.f32"]),
        Shape(
            k: 32,
            half: .m16n8k16Byte,
            elementsOfRegister: 4,
            types: ["s32.s8.s8.s32", "s32.u8.s8.s32"]
        ),
        Shape(
            k: 64,
            half: .m16n8k32Byte,
            elementsOfRegister: 4,
            types: [
                "s32.s8.u8.s32", "s32.u8.u8.s32", "f32.e4m3.e4m3.f32", "f32.e5m2.e4m3.f32",
            ]
        ),
        Shape(
            k: 64,
            half: .m16n8k32Nibble,
            elementsOfRegister: 8,
            types: ["s32.s4.s4.s32", "s32.u4.s4.s32"]
        ),
        Shape(
            k: 128,
            half: .m16n8k64,
            elementsOfRegister: 8,
            types: ["s32.s4.u4.s32", "s32.u4.u4.s32"]
        ),
    ]

    private static let formats: [String: MatrixFormat] = [
        "f16": .f16, "bf16": .bf16, "tf32": .tf32, "f32": .f32, "s8": .s8, "u8": .u8, "s4": .s4,
        "u4": .u4, "s32": .s32, "e4m3": .e4m3, "e5m2": .e5m2,
    ]

    /// Numbers whose sums are exact, in any format: small, half of them fractions of floats.
    private static func element(_ name: String, _ random: inout Random) -> UInt64 {
        let small = Float(Int64(bitPattern: random.next()) >> 60) / 2
        switch name {
        case "f16": return UInt64(Float16(small).bitPattern)
        case "bf16": return UInt64(small.bitPattern >> 16)
        case "tf32", "f32": return UInt64(small.bitPattern)
        case "e4m3", "e5m2": return random.next() & 0xbf
        case "s32": return random.next() & 0xffff_ffff
        default: return random.next() & (name.hasSuffix("8") ? 0xff : 0xf)
        }
    }

    /// A sparse A: the half that is there, all of it, and each chunk's four bits of metadata.
    private static func sparse(
        _ k: Int,
        _ name: String,
        isOrdered: Bool,
        _ random: inout Random
    ) -> (half: [UInt64], dense: [UInt64], bits: [UInt32]) {
        let unit = name.hasSuffix("4") ? 2 : 1
        let chunk = name == "tf32" ? 2 : 4 * unit
        var (half, bits) = ([UInt64](), [UInt32]())
        var dense = [UInt64](repeating: 0, count: 16 * k)
        for first in stride(from: 0, to: 16 * k, by: chunk) {
            let values = (0..<chunk / 2).map { _ in element(name, &random) }
            half += values
            if name == "tf32" {
                let place = Int(random.next() % 2)
                dense[first + place] = values[0]
                bits.append(place == 0 ? 0b0100 : 0b1110)
                continue
            }
            let one = Int(random.next() % 4)
            let other = (one + 1 + Int(random.next() % 3)) % 4
            let places = isOrdered ? [min(one, other), max(one, other)] : [one, other]
            for (n, value) in values.enumerated() {
                dense[first + places[n / unit] * unit + n % unit] = value
            }
            bits.append(UInt32(places[0] | places[1] << 2))
        }
        return (half, dense, bits)
    }

    /// The metadata register of each lane.
    ///
    /// The rows' words (16 bits of elements of 16 or 32, else 32 bits) go through CUTLASS's order
    /// (`reorder_meta` to column-major, two columns interleaved) and lanes take 32 bits each of the
    /// rows of 16 bytes that `ldmatrix` gives to four. A tile of 32 rows there is two instructions:
    /// that with selector 0 and that with 1.
    private static func registers(
        _ bits: [UInt32],
        chunks: Int,
        isSmall: Bool,
        selector: Int
    ) -> [UInt32] {
        let inWord = isSmall ? 8 : 4
        let columns = chunks / inWord
        func word(_ row: Int, _ column: Int) -> UInt32 {
            (0..<inWord).reduce(0) {
                $0 | bits[row * chunks + column * inWord + $1] << UInt32($1 * 4)
            }
        }
        var memory = [UInt32](repeating: 0xffff_ffff, count: 64)
        let rows = isSmall ? 16 : 32
        guard columns == 2 else {
            // Fewer bits than CUTLASS's instructions take: the first half of what it has.
            for row in 0..<8 {
                for (n, place) in [row, row + 8].enumerated() {
                    let value = word(place, 0)
                    if isSmall {
                        memory[row * 4 + selector * 2 + n] = value
                    } else {
                        let lane = row * 4 + selector
                        memory[lane] = n == 0 ? value : memory[lane] | value << 16
                    }
                }
            }
            return Array(memory.prefix(32))
        }
        var halves = [UInt32](repeating: 0, count: 64)
        for row in 0..<16 {
            for column in 0..<2 {
                let from = row + (isSmall ? 0 : selector * 16)
                var to = (from % 8) * (rows / 8) + from / 8
                var toColumn = column
                if to % 2 == 0, column == 1 {
                    (to, toColumn) = (to + 1, 0)
                } else if to % 2 == 1, column == 0 {
                    (to, toColumn) = (to - 1, 1)
                }
                halves[to * 2 + toColumn] = word(row, column)
            }
        }
        if isSmall { return Array(halves.prefix(32)) }
        return (0..<32).map { halves[2 * $0] | halves[2 * $0 + 1] << 16 }
    }

    @Test(arguments: shapes)
    func likeDense(_ shape: Shape) throws {
        for types in shape.types {
            let names = types.split(separator: ".").map(String.init)
            let isSmall = !["f16", "bf16", "tf32"].contains(names[1])
            let chunk = names[1] == "tf32" ? 2 : names[1].hasSuffix("4") ? 8 : 4
            let chunks = shape.k / chunk
            for selector in 0..<16 / chunks {
                try compare(shape, names, chunks, isSmall, selector)
            }
        }
    }

    private func compare(
        _ shape: Shape,
        _ names: [String],
        _ chunks: Int,
        _ isSmall: Bool,
        _ selector: Int
    ) throws {
        let used = try names.map { try #require(Self.formats[$0]) }
        var random = Random(UInt64(shape.k * 4 + selector))
        for variant in [".sp", ".sp::ordered_metadata"] {
            let instruction =
                "mma\(variant).sync.aligned.m16n8k\(shape.k).row.col.\(names.joined(separator: "."))"
            let probe = try MatrixProbe(
                instruction,
                shape.layout,
                used[1],
                used[2],
                used[3],
                used[0],
                selector: selector
            )
            let a = Self.sparse(shape.k, names[1], isOrdered: variant != ".sp", &random)
            let b = (0..<shape.k * 8).map { _ in Self.element(names[2], &random) }
            let c = (0..<128).map { _ in Self.element(names[3], &random) }
            let metadata = Self.registers(
                a.bits,
                chunks: chunks,
                isSmall: isSmall,
                selector: selector
            )
            let found = try probe.run(a.half, b, c, metadata: metadata)
            let wanted = probe.expected(a.dense, b, c) { $0 + $1 * $2 }.map(used[0].rounded)
            #expect(found == wanted, "\(instruction), selector \(selector)")
        }
    }

    /// What is multiplied by a zero of A that is not there does not count.
    @Test func infinitiesBesideZeros() throws {
        let shape = try #require(Self.shapes.first)
        let probe = try MatrixProbe(
            "mma.sp.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32",
            shape.layout,
            .f16,
            .f16,
            .f32,
            .f32,
            selector: 0
        )
        // The elements are those of columns 0 and 1 of each chunk; B is infinite in the others.
        let infinity = UInt64(Float16.infinity.bitPattern)
        let b = (0..<128).map { $0 / 8 % 4 < 2 ? 0x3c00 : infinity }
        let found = try probe.run(
            Array(repeating: 0x3c00, count: 128),
            b,
            Array(repeating: 0, count: 128),
            metadata: Array(repeating: 0x4444_4444, count: 32)
        )
        #expect(found.allSatisfy { $0 == UInt64(Float(8).bitPattern) })
    }
}
