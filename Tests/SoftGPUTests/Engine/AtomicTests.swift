import SoftGPU
import Testing

/// Atomics of every type: all threads of several blocks at once on a few places.
@Suite struct AtomicTests {
    /// Runs `operation` with each operand on place k % 4 and returns the places.
    private func run<T>(
        _ operation: String,
        _ type: String,
        _ initial: [T],
        _ operands: [T],
        shared: Bool = false
    ) throws -> [T] {
        let device = try Device()
        let size = MemoryLayout<T>.size
        let source = """
            .version 8.0
            .target sm_90
            .address_size 64
            .visible .entry k(.param .u64 places, .param .u64 operands) {
                .reg .b\(size * 8) %v, %o;
                .reg .b64 %d<6>;
                .reg .b32 %r<6>;
                mov.u32 %r1, %ctaid.x;
                mov.u32 %r2, %ntid.x;
                mov.u32 %r3, %tid.x;
                mad.lo.u32 %r4, %r1, %r2, %r3;
                ld.param.u64 %d1, [operands];
                mul.wide.u32 %d2, %r4, \(size);
                add.u64 %d1, %d1, %d2;
                ld.global.b\(size * 8) %v, [%d1];
                and.b32 %r5, %r4, 3;
                mul.wide.u32 %d3, %r5, \(size);
                ld.param.u64 %d4, [places];
                add.u64 %d4, %d4, %d3;
                \(shared ? "red" : "atom").global.\(operation).\(type) \
            \(shared ? "" : "%o, ")[%d4], %v;
                ret;
            }
            """
        let places = try device.upload(initial)
        let values = try device.upload(operands)
        let blocks = Dimensions(UInt32(operands.count / 128))
        try device.run(device.module(source), "k", grid: blocks, block: Dimensions(128)) {
            $0.append(places)
            $0.append(values)
        }
        return device.download(places, 4, T.self)
    }

    private func folded<T>(
        _ initial: [T],
        _ operands: [T],
        _ f: (T, T) -> T
    ) -> [T] {
        (0..<4).map { place in
            stride(from: place, to: operands.count, by: 4).reduce(initial[place]) {
                f($0, operands[$1])
            }
        }
    }

    private func integers<T: FixedWidthInteger>(_: T.Type) -> [T] {
        Operands.integers(21).prefix(1024).map { T(truncatingIfNeeded: $0) }
    }

    private func check<T: FixedWidthInteger>(
        _ operation: String,
        _ type: String,
        _ f: (T, T) -> T
    ) throws {
        let initial: [T] = [1, 2, 3, 4]
        let operands = integers(T.self)
        for isReduction in [false, true] {
            let found = try run(operation, type, initial, operands, shared: isReduction)
            #expect(found == folded(initial, operands, f), "\(operation).\(type)")
        }
    }

    @Test func integers() throws {
        try check("add", "u32") { (a: UInt32, b) in a &+ b }
        try check("add", "u64") { (a: UInt64, b) in a &+ b }
        try check("and", "b32") { (a: UInt32, b) in a & b }
        try check("or", "b64") { (a: UInt64, b) in a | b }
        try check("xor", "b32") { (a: UInt32, b) in a ^ b }
        try check("xor", "b64") { (a: UInt64, b) in a ^ b }
        try check("min", "u32") { (a: UInt32, b) in min(a, b) }
        try check("max", "u32") { (a: UInt32, b) in max(a, b) }
        try check("min", "s32") { (a: Int32, b) in min(a, b) }
        try check("max", "s32") { (a: Int32, b) in max(a, b) }
        try check("min", "u64") { (a: UInt64, b) in min(a, b) }
        try check("max", "u64") { (a: UInt64, b) in max(a, b) }
        try check("min", "s64") { (a: Int64, b) in min(a, b) }
        try check("max", "s64") { (a: Int64, b) in max(a, b) }
    }

    @Test func counters() throws {
        let wrap = [UInt32](repeating: 9, count: 1024)
        #expect(try run("inc", "u32", [0, 1, 2, 3], wrap) == [6, 7, 8, 9])
        #expect(try run("dec", "u32", [0, 1, 2, 3], wrap) == [4, 5, 6, 7])
    }

    @Test func floats() throws {
        let ones = (0..<1024).map { Float($0 % 8) * 0.5 }
        let sum = folded([Float](repeating: 0, count: 4), ones) { $0 + $1 }
        #expect(try run("add", "f32", [Float](repeating: 0, count: 4), ones) == sum)
        let doubles = ones.map { Double($0) }
        let expected = sum.map { Double($0) }
        #expect(try run("add", "f64", [Double](repeating: 0, count: 4), doubles) == expected)
        let halves = (0..<1024).map { Float16($0 % 3) }
        let few = folded([Float16](repeating: 0, count: 4), halves) { $0 + $1 }
        #expect(try run("add.noftz", "f16", [Float16](repeating: 0, count: 4), halves) == few)
    }

    @Test func subnormalsAreFlushedInGlobalMemory() throws {
        let tiny = [Float](repeating: .leastNonzeroMagnitude, count: 1024)
        #expect(try run("add", "f32", [Float](repeating: 0, count: 4), tiny) == [0, 0, 0, 0])
    }

    @Test(arguments: ["b16", "b32", "b64"]) func compareAndSwap(_ type: String) throws {
        let device = try Device()
        let bits = Int(type.dropFirst()) ?? 32
        let source = """
            .version 8.0
            .target sm_90
            .address_size 64
            .visible .entry k(.param .u64 place) {
                .reg .b\(bits) %v, %o, %n;
                .reg .b64 %d;
                .reg .pred %p;
                ld.param.u64 %d, [place];
                ld.volatile.global.b\(bits) %v, [%d];
            AGAIN:
                add.u\(bits) %n, %v, 1;
                atom.global.cas.\(type) %o, [%d], %v, %n;
                setp.ne.u\(bits) %p, %o, %v;
                mov.b\(bits) %v, %o;
                @%p bra AGAIN;
                ret;
            }
            """
        let place = try device.zeros(8, UInt8.self)
        let grid = Dimensions(5)
        try device.run(device.module(source), "k", grid: grid, block: Dimensions(96)) {
            $0.append(place)
        }
        #expect(device.download(place, 1, UInt64.self) == [480])
    }
}
