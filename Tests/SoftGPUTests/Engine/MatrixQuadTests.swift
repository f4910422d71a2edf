import SoftGPU
import Testing

/// `mma.m8n8k4` of f16: four products in a warp, in the layouts of the ISA, "Matrix Fragments for
/// mma.m8n8k4 with .f16 floating point type". Lane l is in the product l / 4 % 4.
@Suite struct MatrixQuadTests {
    private typealias Matrix = [[Float]]

    /// Small multiples of 1/4: products and sums are exact in a half.
    private static func matrix(_ rows: Int, _ columns: Int, _ random: inout Random) -> Matrix {
        (0..<rows).map { _ in
            (0..<columns).map { _ in Float(Int64(bitPattern: random.next()) >> 60) / 4 }
        }
    }

    private static func halves(_ values: [Float]) -> [UInt32] {
        stride(from: 0, to: values.count, by: 2).map {
            UInt32(Float16(values[$0]).bitPattern) | UInt32(Float16(values[$0 + 1]).bitPattern)
                << 16
        }
    }

    private static func registersOfA(_ a: Matrix, _ lane: Int, isRow: Bool) -> [UInt32] {
        let more = lane < 16 ? 0 : 4
        return halves(
            (0..<4).map { i in isRow ? a[lane % 4 + more][i] : a[i % 4 + more][lane % 4] }
        )
    }

    private static func registersOfB(_ b: Matrix, _ lane: Int, isRow: Bool) -> [UInt32] {
        let more = lane < 16 ? 0 : 4
        return halves(
            (0..<4).map { i in isRow ? b[lane % 4][i + more] : b[i][lane % 4 + more] }
        )
    }

    /// Registers of C or D.
    private static func registersOfC(_ c: Matrix, _ lane: Int, isHalf: Bool) -> [UInt32] {
        let more = lane < 16 ? 0 : 4
        if isHalf { return halves((0..<8).map { c[lane % 4 + more][$0] }) }
        return (0..<8).map { i in
            let row = (lane & 1) + (i & 2) + more
            return c[row][(i & 4) + (lane & 2) + (i & 1)].bitPattern
        }
    }

    @Test(arguments: [("row", "row"), ("row", "col"), ("col", "row"), ("col", "col")])
    func products(_ ofA: String, _ ofB: String) throws {
        for types in [("f32", "f32"), ("f16", "f16"), ("f32", "f16")] {
            try check(ofA, ofB, d: types.0, c: types.1)
        }
    }

    private func check(_ ofA: String, _ ofB: String, d: String, c: String) throws {
        var random = Random(UInt64(ofA.utf8.count + 7 * c.utf8.count))
        let quads = (0..<4).map { _ in
            (
                a: Self.matrix(8, 4, &random), b: Self.matrix(4, 8, &random),
                c: Self.matrix(8, 8, &random)
            )
        }
        var input: [UInt32] = []
        var wanted: [UInt32] = []
        for lane in 0..<32 {
            let quad = quads[lane / 4 % 4]
            input += Self.registersOfA(quad.a, lane, isRow: ofA == "row")
            input += Self.registersOfB(quad.b, lane, isRow: ofB == "row")
            let registers = Self.registersOfC(quad.c, lane, isHalf: c == "f16")
            input += registers + Array(repeating: 0, count: 8 - registers.count)
            let product = (0..<8).map { row in
                (0..<8).map { column in
                    (0..<4).reduce(quad.c[row][column]) {
                        $0 + quad.a[row][$1] * quad.b[$1][column]
                    }
                }
            }
            let result = Self.registersOfC(product, lane, isHalf: d == "f16")
            wanted += result + Array(repeating: 0, count: 8 - result.count)
        }
        let name = "mma.sync.aligned.m8n8k4.\(ofA).\(ofB).\(d).f16.f16.\(c)"
        #expect(try run(name, d: d, c: c, input) == wanted, "\(name)")
    }

    /// Runs it with 12 registers of each lane: 2 of A, 2 of B, 8 of C; gives 8 of D.
    private func run(_ name: String, d: String, c: String, _ input: [UInt32]) throws -> [UInt32] {
        func vector(_ letter: String, _ count: Int) -> String {
            "{" + (0..<count).map { "%\(letter)\($0)" }.joined(separator: ", ") + "}"
        }
        let loads = (0..<12).map { k in
            let place = k < 2 ? "%a\(k)" : k < 4 ? "%b\(k - 2)" : "%c\(k - 4)"
            return "ld.global.b32 \(place), [%x+\(k * 4)];"
        }
        let stores = (0..<8).map { "st.global.b32 [%y+\($0 * 4)], %d\($0);" }
        let operands = [
            vector("d", d == "f16" ? 4 : 8), vector("a", 2), vector("b", 2),
            vector("c", c == "f16" ? 4 : 8),
        ]
        let zeros = (0..<8).map { "mov.b32 %d\($0), 0;" }
        let device = try Device(threads: 1, megabytes: 64)
        let module = try device.module(
            """
            .version 8.6
            .target sm_90
            .address_size 64
            .visible .entry probe(.param .u64 from, .param .u64 to) {
            .reg .b64 %x, %y, %z;
            .reg .b32 %l, %a<2>, %b<2>, %c<8>, %d<8>;
            mov.u32 %l, %laneid;
            ld.param.u64 %x, [from];
            ld.param.u64 %y, [to];
            mul.wide.u32 %z, %l, 48;
            add.u64 %x, %x, %z;
            mul.wide.u32 %z, %l, 32;
            add.u64 %y, %y, %z;
            \((loads + zeros).joined(separator: "\n"))
            \(name) \(operands.joined(separator: ", "));
            \(stores.joined(separator: "\n"))
            ret;
            }
            """
        )
        let from = try device.upload(input)
        let to = try device.zeros(256, UInt32.self)
        try device.run(module, "probe") {
            $0.append(from)
            $0.append(to)
        }
        return device.download(to, 256, UInt32.self)
    }
}
