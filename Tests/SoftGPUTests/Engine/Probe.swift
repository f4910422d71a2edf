import SoftGPU

/// Runs one PTX instruction on many operands at once: a kernel that loads a, b, c, executes the
/// text, and stores d.
struct Probe {
    /// A lane's type as PTX and memory see it.
    enum Kind: String {
        case b16, b32, b64, f32, f64, pred

        var bytes: Int {
            switch self {
            case .b16: 2
            case .b32, .f32, .pred: 4
            case .b64, .f64: 8
            }
        }
    }

    let device: Device
    let module: PTXModule
    let result: Kind
    let operands: [Kind]

    /// `text` uses %d, %a, %b, %c and may use %t0…%t3 (32 bits), %u0…%u3 (64 bits), %h0…%h3 (16
    /// bits), %p0…%p3; a predicate result is stored as 0 or 1.
    init(_ text: String, _ result: Kind, _ operands: [Kind]) throws {
        device = try Device(threads: 1, megabytes: 64)
        self.result = result
        self.operands = operands
        var body = ""
        for (k, kind) in operands.enumerated() {
            let name = ["a", "b", "c"][k]
            body += "ld.param.u64 %x, [p\(name)];\n"
            body += "mul.wide.u32 %y, %i, \(kind.bytes);\nadd.u64 %x, %x, %y;\n"
            if kind == .pred {
                body += "ld.global.u32 %t0, [%x];\nsetp.ne.u32 %\(name), %t0, 0;\n"
            } else {
                body += "ld.global.\(kind) %\(name), [%x];\n"
            }
        }
        body += text + "\n"
        body += "ld.param.u64 %x, [pd];\nmul.wide.u32 %y, %i, \(result.bytes);\n"
        body += "add.u64 %x, %x, %y;\n"
        if result == .pred {
            body += "selp.u32 %t0, 1, 0, %d;\nst.global.u32 [%x], %t0;\n"
        } else {
            body += "st.global.\(result) [%x], %d;\n"
        }
        var registers = ".reg .\(result) %d;\n"
        for (k, kind) in operands.enumerated() {
            registers += ".reg .\(kind) %\(["a", "b", "c"][k]);\n"
        }
        module = try device.module(
            """
            .version 8.6
            .target sm_100
            .address_size 64
            .visible .entry probe(.param .u64 pa, .param .u64 pb, .param .u64 pc,
                                  .param .u64 pd, .param .u32 n) {
            \(registers)
            .reg .b64 %x, %y, %u<4>;
            .reg .b32 %i, %j, %t<4>;
            .reg .b16 %h<4>;
            .reg .pred %p<4>, %q;
            mov.u32 %i, %ctaid.x;
            mov.u32 %j, %ntid.x;
            mov.u32 %t0, %tid.x;
            mad.lo.u32 %i, %i, %j, %t0;
            ld.param.u32 %j, [n];
            setp.ge.u32 %q, %i, %j;
            @%q bra DONE;
            \(body)
            DONE:
            ret;
            }
            """
        )
    }

    /// The results as bits.
    func run(_ a: [UInt64], _ b: [UInt64] = [], _ c: [UInt64] = []) throws -> [UInt64] {
        let n = a.count
        var addresses: [UInt64] = []
        for (k, kind) in operands.enumerated() {
            addresses.append(try upload([a, b, c][k], kind))
        }
        while addresses.count < 3 { addresses.append(0) }
        let d = try device.zeros(n * 8, UInt8.self)
        let grid = Dimensions(UInt32((n + 127) / 128))
        try device.run(module, "probe", grid: grid, block: Dimensions(128)) {
            for address in addresses { $0.append(address) }
            $0.append(d)
            $0.append(UInt32(n))
        }
        let bits = download(d, n)
        for address in addresses + [d] where address != 0 { _ = device.memory.free(address) }
        return bits
    }

    private func upload(_ values: [UInt64], _ kind: Kind) throws -> UInt64 {
        switch kind.bytes {
        case 2: try device.upload(values.map { UInt16(truncatingIfNeeded: $0) })
        case 4: try device.upload(values.map { UInt32(truncatingIfNeeded: $0) })
        default: try device.upload(values)
        }
    }

    private func download(_ address: UInt64, _ n: Int) -> [UInt64] {
        switch result.bytes {
        case 2: device.download(address, n, UInt16.self).map { UInt64($0) }
        case 4: device.download(address, n, UInt32.self).map { UInt64($0) }
        default: device.download(address, n, UInt64.self)
        }
    }
}

/// Operands: edges, and random bits of random lengths.
enum Operands {
    static let count = 3000

    static func integers(_ seed: UInt64) -> [UInt64] {
        var random = Random(seed)
        var values: [UInt64] = []
        let edges: [UInt64] = [
            0, 1, 2, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff,
            0x8000_0000, 0xffff_ffff, 0xffff_fffe, 1 << 32, .max, .max - 1, 1 << 63, (1 << 63) - 1,
        ]
        while values.count < count {
            if random.next() % 3 == 0 {
                values.append(edges[Int(random.next() % UInt64(edges.count))])
            } else {
                let value = random.next() >> (random.next() % 64)
                values.append(random.next() % 2 == 0 ? value : 0 &- value)
            }
        }
        return values
    }

    /// Small shift amounts and lengths, with a few large ones.
    static func amounts(_ seed: UInt64) -> [UInt64] {
        var random = Random(seed)
        return (0..<count).map { _ in
            random.next() % 8 == 0 ? random.next() & 0xffff_ffff : random.next() % 70
        }
    }

    static func singles(_ seed: UInt64) -> [UInt64] {
        var random = Random(seed)
        let edges: [UInt32] = [
            0, 0x8000_0000, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x8080_0000, 0x3f80_0000,
            0xbf80_0000, 0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000,
            0xffc1_2345, 0x7f80_0001, 0x4b00_0000, 0x4b00_0001, 0x3f00_0000, 0x3fc0_0000,
            0x4f00_0000, 0xcf00_0000, 0x4f7f_ffff, 0x5f00_0000,
        ]
        return (0..<count).map { _ in
            switch random.next() % 4 {
            case 0: UInt64(edges[Int(random.next() % UInt64(edges.count))])
            case 1: random.next() & 0xffff_ffff
            default:
                UInt64(Float(Double(Int64(bitPattern: random.next()) >> 40) / 1024).bitPattern)
            }
        }
    }

    static func doubles(_ seed: UInt64) -> [UInt64] {
        var random = Random(seed)
        let edges: [UInt64] = [
            0, 1 << 63, 1, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x3ff0_0000_0000_0000,
            0xbff0_0000_0000_0000, 0x7fef_ffff_ffff_ffff, 0x7ff0_0000_0000_0000,
            0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0000, 0xfff8_0000_0000_1234,
            0x3fe0_0000_0000_0000, 0x41df_ffff_ffc0_0000, 0xc1e0_0000_0000_0000,
            0x43e0_0000_0000_0000, 0x36a0_0000_0000_0000, 0x47ef_ffff_f000_0000,
        ]
        return (0..<count).map { _ in
            switch random.next() % 4 {
            case 0: edges[Int(random.next() % UInt64(edges.count))]
            case 1: random.next()
            default: (Double(Int64(bitPattern: random.next()) >> 30) / 4096).bitPattern
            }
        }
    }

    static func halves(_ seed: UInt64) -> [UInt64] {
        var random = Random(seed)
        return (0..<count).map { _ in random.next() & 0xffff }
    }
}

/// The first lane in which two results differ, in words; nil when there is none.
func difference(
    _ found: [UInt64],
    _ expected: [UInt64],
    _ operands: [[UInt64]]
) -> String? {
    for k in 0..<max(found.count, expected.count) {
        guard k < found.count, k < expected.count else { return "lengths differ" }
        if found[k] != expected[k] {
            let inputs = operands.map { "0x" + String($0[k], radix: 16) }
            return "lane \(k): 0x\(String(found[k], radix: 16)) instead of "
                + "0x\(String(expected[k], radix: 16)) of \(inputs)"
        }
    }
    return nil
}
