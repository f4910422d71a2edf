import SoftGPU
import Testing

/// `ldmatrix`, `stmatrix`, `movmatrix`, and `wmma` from memory to memory.
@Suite struct FragmentAccessTests {
    private func device() throws -> Device { try Device(threads: 1, megabytes: 64) }

    private func source(_ body: String) -> String {
        """
        .version 8.6
        .target sm_90
        .address_size 64
        .visible .entry probe(.param .u64 pa, .param .u64 pb, .param .u64 pc, .param .u64 pd,
                              .param .u32 stride) {
        .reg .b64 %x<9>, %d<9>;
        .reg .b32 %r<40>, %a<8>, %b<8>, %c<8>, %s;
        .reg .f32 %f<8>;
        .shared .align 16 .b8 tile[1024];
        ld.param.u64 %x0, [pa];
        ld.param.u64 %x1, [pb];
        ld.param.u64 %x2, [pc];
        ld.param.u64 %x3, [pd];
        ld.param.u32 %s, [stride];
        mov.u32 %r0, %laneid;
        \(body)
        ret;
        }
        """
    }

    /// Element (row, column) of matrix n is 1000 n + 10 row + column; rows lie in reverse order, so
    /// that each needs its address.
    private func rowText(_ count: Int, _ move: String) -> String {
        let results = (0..<count).map { "%a\($0)" }.joined(separator: ", ")
        var text = """
            mul.lo.u32 %r1, %r0, 16;
            mov.u32 %r2, tile;
            sub.u32 %r3, 496, %r1;
            add.u32 %r3, %r3, %r2;
            cvt.u64.u32 %x4, %r1;
            add.u64 %x4, %x4, %x0;
            ld.global.v4.b32 {%r4, %r5, %r6, %r7}, [%x4];
            st.shared.v4.b32 [%r3], {%r4, %r5, %r6, %r7};
            bar.warp.sync 0xffffffff;
            \(move) {\(results)}, [%r3];
            mul.lo.u32 %r1, %r0, \(4 * count);
            cvt.u64.u32 %x4, %r1;
            add.u64 %x4, %x4, %x3;

            """
        for k in 0..<count { text += "st.global.b32 [%x4+\(4 * k)], %a\(k);\n" }
        return text
    }

    @Test(arguments: [1, 2, 4], [false, true])
    func rows(_ count: Int, _ isTransposed: Bool) throws {
        let device = try device()
        let move = "ldmatrix.sync.aligned.m8n8.x\(count)\(isTransposed ? ".trans" : "").shared.b16"
        let module = try device.module(source(rowText(count, move)))
        let values = (0..<256).map { (k: Int) -> UInt16 in
            let (matrix, row, column) = (k / 64, k / 8 % 8, k % 8)
            return UInt16(matrix * 1000 + row * 10 + column)
        }
        let input = try device.upload(values)
        let output = try device.zeros(32 * count, UInt32.self)
        try device.run(module, "probe") {
            for p in [input, 0, 0, output] { $0.append(p) }
            $0.append(UInt32(0))
        }
        let found = device.download(output, 64 * count, UInt16.self)
        for lane in 0..<32 {
            for n in 0..<count {
                for e in 0..<2 {
                    let first = lane / 4
                    let second = lane % 4 * 2 + e
                    let (row, column) = isTransposed ? (second, first) : (first, second)
                    let wanted = UInt16(n * 1000 + row * 10 + column)
                    #expect(found[(lane * count + n) * 2 + e] == wanted)
                }
            }
        }
    }

    /// What `ldmatrix` loads, `stmatrix` puts back; `movmatrix` transposes.
    @Test func rowsBack() throws {
        let device = try device()
        let module = try device.module(
            source(
                """
                mul.lo.u32 %r1, %r0, 16;
                mov.u32 %r2, tile;
                add.u32 %r3, %r1, %r2;
                cvt.u64.u32 %x4, %r1;
                add.u64 %x5, %x4, %x0;
                ld.global.v4.b32 {%r4, %r5, %r6, %r7}, [%x5];
                st.shared.v4.b32 [%r3], {%r4, %r5, %r6, %r7};
                bar.warp.sync 0xffffffff;
                cvta.shared.u64 %x6, 0;
                cvt.u64.u32 %x7, %r3;
                add.u64 %x6, %x6, %x7;
                ldmatrix.sync.aligned.m8n8.x4.b16 {%a0, %a1, %a2, %a3}, [%x6];
                movmatrix.sync.aligned.m8n8.trans.b16 %a0, %a0;
                movmatrix.sync.aligned.m8n8.trans.b16 %a3, %a3;
                stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%r3+512], {%a0, %a1, %a2, %a3};
                bar.warp.sync 0xffffffff;
                ld.shared.v4.b32 {%r4, %r5, %r6, %r7}, [%r3+512];
                add.u64 %x5, %x4, %x3;
                st.global.v4.b32 [%x5], {%r4, %r5, %r6, %r7};
                """
            )
        )
        var random = Random(5)
        let values = (0..<256).map { _ in UInt16(truncatingIfNeeded: random.next()) }
        let input = try device.upload(values)
        let output = try device.zeros(256, UInt16.self)
        try device.run(module, "probe") {
            for p in [input, 0, 0, output] { $0.append(p) }
            $0.append(UInt32(0))
        }
        let found = device.download(output, 256, UInt16.self)
        for k in 0..<256 {
            let (matrix, row, column): (Int, Int, Int) = (k / 64, k / 8 % 8, k % 8)
            let transposed = matrix * 64 + column * 8 + row
            // Matrices 0 and 3 are transposed twice.
            let from = matrix == 0 || matrix == 3 ? k : transposed
            #expect(found[k] == values[from], "\(k)")
        }
    }

    @Test func rowsOutsideOfSharedMemory() throws {
        let device = try device()
        let module = try device.module(
            source("ldmatrix.sync.aligned.m8n8.x1.b16 {%a0}, [%x0];")
        )
        let input = try device.zeros(4096, UInt8.self)
        let fault = device.fault {
            try device.run(module, "probe") {
                for p in [input, 0, 0, 0] { $0.append(p) }
                $0.append(UInt32(0))
            }
        }
        #expect(fault?.code == 700)
    }

    // MARK: - wmma

    struct Form: Sendable, CustomTestStringConvertible {
        let shape: (Int, Int, Int)
        /// Types of A, C.
        let type, sum: String
        let bits, sumBits: Int
        /// Registers of A, B, C.
        let registers: (Int, Int, Int)

        var testDescription: String { "m\(shape.0)n\(shape.1)k\(shape.2).\(type).\(sum)" }
    }

    /// Registers as in the table of the ISA, "Matrix Fragments for WMMA".
    private static let forms = [
        Form(
            shape: (16, 16, 16),
            type: "f16",
            sum: "f32",
            bits: 16,
            sumBits: 32,
            registers: (8, 8, 8)
        ),
        Form(
            shape: (32, 8, 16),
            type: "f16",
            sum: "f32",
            bits: 16,
            sumBits: 32,
            registers: (8, 8, 8)
        ),
        Form(
            shape: (8, 32, 16),
            type: "f16",
            sum: "f16",
            bits: 16,
            sumBits: 16,
            registers: (8, 8, 4)
        ),
        Form(
            shape: (16, 16, 16),
            type: "f16",
            sum: "f16",
            bits: 16,
            sumBits: 16,
            registers: (8, 8, 4)
        ),
        Form(
            shape: (16, 16, 16),
            type: "bf16",
            sum: "f32",
            bits: 16,
            sumBits: 32,
            registers: (4, 4, 8)
        ),
        Form(
            shape: (32, 8, 16),
            type: "bf16",
            sum: "f32",
            bits: 16,
            sumBits: 32,
            registers: (8, 2, 8)
        ),
        Form(
            shape: (8, 32, 16),
            type: "bf16",
            sum: "f32",
            bits: 16,
            sumBits: 32,
            registers: (2, 8, 8)
        ),
        Form(
            shape: (16, 16, 16),
            type: "u8",
            sum: "s32",
            bits: 8,
            sumBits: 32,
            registers: (2, 2, 8)
        ),
        Form(
            shape: (32, 8, 16),
            type: "s8",
            sum: "s32",
            bits: 8,
            sumBits: 32,
            registers: (4, 1, 8)
        ),
        Form(
            shape: (8, 32, 16),
            type: "s8",
            sum: "s32",
            bits: 8,
            sumBits: 32,
            registers: (1, 4, 8)
        ),
        Form(
            shape: (16, 16, 8),
            type: "tf32",
            sum: "f32",
            bits: 32,
            sumBits: 32,
            registers: (4, 4, 8)
        ),
        Form(
            shape: (8, 8, 4),
            type: "f64",
            sum: "f64",
            bits: 64,
            sumBits: 64,
            registers: (1, 1, 2)
        ),
        Form(shape: (8, 8, 32), type: "s4", sum: "s32", bits: 4, sumBits: 32, registers: (1, 1, 2)),
        Form(
            shape: (8, 8, 128),
            type: "b1",
            sum: "s32",
            bits: 1,
            sumBits: 32,
            registers: (1, 1, 2)
        ),
    ]

    private func text(_ form: Form, _ a: String, _ b: String, _ c: String, _ stride: String)
        -> String
    {
        let (m, n, k) = form.shape
        let shape = "m\(m)n\(n)k\(k)"
        let wide = form.type == "f64"
        let sum = form.sum == "f32" ? "%f" : wide ? "%d" : "%c"
        func list(_ name: String, _ count: Int, _ start: Int = 0) -> String {
            "{" + (0..<count).map { "\(name)\($0 + start)" }.joined(separator: ", ") + "}"
        }
        let (ra, rb, rc) = form.registers
        let A = wide ? list("%d", ra, 4) : list("%a", ra)
        let B = wide ? list("%d", rb, 5) : list("%b", rb)
        let C = list(sum, rc)
        let types =
            form.type == "f16"
            ? "\(form.sum).\(form.sum)" : "\(form.sum).\(form.type).\(form.type).\(form.sum)"
        let operation = form.type == "b1" ? ".xor.popc" : ""
        return """
            wmma.load.a.sync.aligned.\(a).\(shape).global.\(form.type) \(A), [%x0]\(stride);
            wmma.load.b.sync.aligned.\(b).\(shape).\(form.type) \(B), [%x1]\(stride);
            wmma.load.c.sync.aligned.\(c).\(shape).global.\(form.sum) \(C), [%x2]\(stride);
            wmma.mma\(operation).sync.aligned.\(a).\(b).\(shape).\(types) \(C), \(A), \(B), \(C);
            wmma.store.d.sync.aligned.\(c).\(shape).global.\(form.sum) [%x3], \(C)\(stride);
            """
    }

    /// Small whole numbers, so that every order of summing is exact.
    @Test(arguments: forms)
    func products(_ form: Form) throws {
        let (m, n, k) = form.shape
        for layout in 0..<8 {
            if form.bits < 8, layout & 3 != 2 { continue }
            let rowA = layout & 1 == 0, rowB = layout & 2 == 0, rowC = layout & 4 == 0
            let stride = 128
            let device = try device()
            let module = try device.module(
                source(
                    text(
                        form,
                        rowA ? "row" : "col",
                        rowB ? "row" : "col",
                        rowC ? "row" : "col",
                        ", %s"
                    )
                )
            )
            var random = Random(UInt64(layout + 1))
            let signed = !["u8", "b1"].contains(form.type)
            func matrix(_ count: Int, _ isSmall: Bool) -> [Int] {
                (0..<count).map { _ in
                    let value = Int(random.next() % 7)
                    return form.type == "b1" && isSmall ? value & 1 : signed ? value - 3 : value
                }
            }
            let a = matrix(m * k, true), b = matrix(k * n, true), c = matrix(m * n, false)
            let pa = try device.upload(
                bytes(a, m, k, rowA, stride, form.bits, form.type)
            )
            let pb = try device.upload(
                bytes(b, k, n, rowB, stride, form.bits, form.type)
            )
            let pc = try device.upload(bytes(c, m, n, rowC, stride, form.sumBits, form.sum))
            let pd = try device.zeros(stride * 32 * 8, UInt8.self)
            try device.run(module, "probe") {
                for p in [pa, pb, pc, pd] { $0.append(p) }
                $0.append(UInt32(stride))
            }
            var d = [Int](repeating: 0, count: m * n)
            for row in 0..<m {
                for column in 0..<n {
                    d[row * n + column] = c[row * n + column]
                    for j in 0..<k {
                        let (x, y) = (a[row * k + j], b[j * n + column])
                        d[row * n + column] += form.type == "b1" ? x ^ y : x * y
                    }
                }
            }
            let wanted = bytes(d, m, n, rowC, stride, form.sumBits, form.sum)
            #expect(device.download(pd, wanted.count, UInt8.self) == wanted, "layout \(layout)")
        }
    }

    /// A matrix of numbers in memory, zero between its lines.
    private func bytes(
        _ matrix: [Int],
        _ rows: Int,
        _ columns: Int,
        _ isRowMajor: Bool,
        _ stride: Int,
        _ bits: Int,
        _ type: String
    ) -> [UInt8] {
        var result = [UInt8](
            repeating: 0,
            count: ((isRowMajor ? rows : columns) * stride * bits + 7) / 8
        )
        for row in 0..<rows {
            for column in 0..<columns {
                let number = matrix[row * columns + column]
                let index = isRowMajor ? row * stride + column : column * stride + row
                let value: UInt64
                switch type {
                case "f16": value = UInt64(Float16(number).bitPattern)
                case "bf16": value = UInt64(Float(number).bitPattern >> 16)
                case "tf32", "f32": value = UInt64(Float(number).bitPattern)
                case "f64": value = Double(number).bitPattern
                default: value = UInt64(bitPattern: Int64(number))
                }
                for bit in 0..<bits where value >> UInt64(bit) & 1 != 0 {
                    result[(index * bits + bit) / 8] |= 1 << UInt8((index * bits + bit) % 8)
                }
            }
        }
        return result
    }

    /// Without a stride lines follow each other without gaps.
    @Test func withoutStride() throws {
        let form = Self.forms[0]
        let device = try device()
        let module = try device.module(source(text(form, "row", "col", "row", "")))
        var random = Random(3)
        func matrix() -> [Int] { (0..<256).map { _ in Int(random.next() % 9) - 4 } }
        let (a, b, c) = (matrix(), matrix(), matrix())
        let pa = try device.upload(bytes(a, 16, 16, true, 16, 16, "f16"))
        let pb = try device.upload(bytes(b, 16, 16, false, 16, 16, "f16"))
        let pc = try device.upload(bytes(c, 16, 16, true, 16, 32, "f32"))
        let pd = try device.zeros(256, Float.self)
        try device.run(module, "probe") {
            for p in [pa, pb, pc, pd] { $0.append(p) }
            $0.append(UInt32(0))
        }
        let found = device.download(pd, 256, Float.self)
        for k in 0..<256 {
            let (row, column) = (k / 16, k % 16)
            var sum: Int = c[k]
            for j in 0..<16 { sum += a[row * 16 + j] * b[j * 16 + column] }
            #expect(found[k] == Float(sum))
        }
    }

    /// A matrix that reaches beyond its allocation is a fault.
    @Test func outside() throws {
        let device = try device()
        let module = try device.module(source(text(Self.forms[0], "row", "col", "row", "")))
        let short = try device.zeros(510, UInt8.self)
        let long = try device.zeros(1024, UInt8.self)
        let fault = device.fault {
            try device.run(module, "probe") {
                for p in [short, long, long, long] { $0.append(p) }
                $0.append(UInt32(0))
            }
        }
        #expect(fault?.code == 700)
    }
}
