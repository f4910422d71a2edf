import SoftGPU
import Testing

/// Whole kernels, compiled from suite.cu for two generations of PTX and without
/// optimisation, against the CPU.
@Suite struct KernelTests {
    static let files = ["suite75.ptx", "suite120.ptx", "suiteDebug75.ptx"]

    @Test(arguments: files) func vectorAdd(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let n = 100_003
        let x = (0..<n).map { Float($0 % 991) * 0.25 }
        let y = (0..<n).map { Float($0 % 77) - 30 }
        let a = try device.upload(x)
        let b = try device.upload(y)
        let c = try device.zeros(n, Float.self)
        let grid = Dimensions(UInt32((n + 255) / 256))
        try device.run(module, "vecAdd", grid: grid, block: Dimensions(256)) {
            $0.append(a)
            $0.append(b)
            $0.append(c)
            $0.append(Int32(n))
        }
        #expect(device.download(c, n, Float.self) == zip(x, y).map { $0 + $1 })
    }

    @Test(arguments: files) func saxpy(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let n = 10_001
        let x = (0..<n).map { Float($0) * 0.125 }
        let y = (0..<n).map { Float($0 % 13) }
        let a = try device.upload(x)
        let b = try device.upload(y)
        try device.run(module, "saxpy", grid: Dimensions(5), block: Dimensions(96)) {
            $0.append(Int32(n))
            $0.append(Float(0.3))
            $0.append(a)
            $0.append(b)
        }
        let isFused = !file.contains("Debug")
        let expected = zip(x, y).map { isFused ? $1.addingProduct(0.3, $0) : 0.3 * $0 + $1 }
        #expect(device.download(b, n, Float.self) == expected)
    }

    @Test(arguments: files) func tiledProduct(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let n = 64
        var random = Random(1)
        let x = (0..<n * n).map { _ in Float.random(in: -1...1, using: &random) }
        let y = (0..<n * n).map { _ in Float.random(in: -1...1, using: &random) }
        let a = try device.upload(x)
        let b = try device.upload(y)
        let c = try device.zeros(n * n, Float.self)
        let extent = Dimensions(UInt32(n / 16), UInt32(n / 16))
        try device.run(module, "matmulTiled", grid: extent, block: Dimensions(16, 16)) {
            $0.append(a)
            $0.append(b)
            $0.append(c)
            $0.append(Int32(n))
        }
        let isFused = !file.contains("Debug")
        var expected = [Float](repeating: 0, count: n * n)
        for r in 0..<n {
            for col in 0..<n {
                var sum: Float = 0
                for k in 0..<n {
                    let (p, q) = (x[r * n + k], y[k * n + col])
                    sum = isFused ? sum.addingProduct(p, q) : sum + p * q
                }
                expected[r * n + col] = sum
            }
        }
        #expect(device.download(c, n * n, Float.self) == expected)
    }

    @Test(arguments: files) func shuffleReduction(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let values = (0..<5000).map { Int32($0 &* 7919 % 1000) }
        let a = try device.upload(values)
        let out = try device.zeros(1, Int32.self)
        try device.run(module, "warpSum", grid: Dimensions(20), block: Dimensions(256)) {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(values.count))
        }
        #expect(device.download(out, 1, Int32.self) == [values.reduce(0, +)])
    }

    @Test(arguments: files) func histogram(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        var random = Random(2)
        let values = (0..<50_000).map { _ in UInt8.random(in: 0...255, using: &random) & 0x3f }
        let a = try device.upload(values)
        let out = try device.zeros(256, UInt32.self)
        try device.run(module, "histogram", grid: Dimensions(7), block: Dimensions(192)) {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(values.count))
        }
        var expected = [UInt32](repeating: 0, count: 256)
        for value in values { expected[Int(value)] += 1 }
        #expect(device.download(out, 256, UInt32.self) == expected)
    }

    @Test(arguments: files) func transpose(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let (w, h) = (100, 70)
        let values = (0..<w * h).map { Float($0) }
        let a = try device.upload(values)
        let out = try device.zeros(w * h, Float.self)
        try device.run(module, "transpose", grid: Dimensions(4, 4), block: Dimensions(32, 8)) {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(w))
            $0.append(Int32(h))
        }
        let result = device.download(out, w * h, Float.self)
        var wrong = 0
        for k in 0..<w * h where result[(k % w) * h + k / w] != values[k] { wrong += 1 }
        #expect(wrong == 0)
    }

    @Test(arguments: files) func prefixSum(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let values = (0..<500).map { Int32($0 % 17 - 5) }
        let a = try device.upload(values)
        let out = try device.zeros(500, Int32.self)
        try device.run(module, "prefixSum", block: Dimensions(512), shared: 2048) {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(500))
        }
        var sum: Int32 = 0
        let expected = values.map { value -> Int32 in
            sum += value
            return sum
        }
        #expect(device.download(out, 500, Int32.self) == expected)
    }

    @Test(arguments: files) func divergentLoops(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let values = (1...3000).map { UInt32($0) }
        let a = try device.upload(values)
        let out = try device.zeros(3000, UInt32.self)
        try device.run(module, "collatz", grid: Dimensions(12), block: Dimensions(256)) {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(3000))
        }
        let expected = values.map { start -> UInt32 in
            var v = UInt64(start)
            var steps: UInt32 = 0
            while v != 1 {
                v = v & 1 != 0 ? 3 * v + 1 : v >> 1
                steps += 1
            }
            return steps
        }
        #expect(device.download(out, 3000, UInt32.self) == expected)
    }

    @Test(arguments: files) func switches(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let values = (0..<100).map { Int32($0 % 12 - 1) }
        let a = try device.upload(values)
        let out = try device.zeros(100, Int32.self)
        try device.run(module, "switches", grid: Dimensions(2), block: Dimensions(64)) {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(100))
        }
        let table: [Int32: Int32] = [0: 10, 1: 21, 2: 32, 3: 43, 4: 54, 5: 65, 9: 1]
        #expect(device.download(out, 100, Int32.self) == values.map { table[$0] ?? -1 })
    }

    @Test(arguments: files) func vectors(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let values = (0..<400).map { Float($0) }
        let a = try device.upload(values)
        let out = try device.zeros(400, Float.self)
        try device.run(module, "vectors4", grid: Dimensions(1), block: Dimensions(128)) {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(100))
        }
        let expected = (0..<400).map { (k: Int) -> Float in Float((k / 4) * 4 + 3 - k % 4) }
        #expect(device.download(out, 400, Float.self) == expected)
    }

    @Test(arguments: files) func doubles(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let values = (0..<300).map { Double($0) * 0.37 }
        let a = try device.upload(values)
        let out = try device.zeros(300, Double.self)
        try device.run(module, "doubles", grid: Dimensions(3), block: Dimensions(128)) {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(300))
        }
        let expected = values.map { (x: Double) -> Double in
            let quotient: Double = x.squareRoot() / (1.0 + x)
            return quotient + Double(-1).addingProduct(x, x)
        }
        #expect(device.download(out, 300, Double.self) == expected)
    }

    @Test(arguments: files) func integers(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        var random = Random(3)
        let x = (0..<256).map { _ in Int64.random(in: .min ... .max, using: &random) }
        let y = (0..<256).map { (k: Int) -> Int64 in
            let value = Int64.random(in: .min ... .max, using: &random)
            return (value >> Int64(k % 60)) | 1
        }
        let a = try device.upload(x)
        let b = try device.upload(y)
        let out = try device.zeros(256, Int64.self)
        try device.run(module, "integers", block: Dimensions(256)) {
            $0.append(a)
            $0.append(b)
            $0.append(out)
            $0.append(Int32(256))
        }
        let expected = zip(x, y).map { p, q -> Int64 in
            let ffs = p == 0 ? 0 : p.trailingZeroBitCount + 1
            let unsigned = UInt64(bitPattern: p).multipliedFullWidth(by: UInt64(bitPattern: q))
            var sum = p.dividedReportingOverflow(by: q).partialValue
            sum &+= p.remainderReportingOverflow(dividingBy: q).partialValue &* 3
            sum &+= p.multipliedFullWidth(by: q).high
            sum &+= Int64(bitPattern: unsigned.high)
            return sum &+ Int64(p.nonzeroBitCount + q.leadingZeroBitCount + ffs)
        }
        #expect(device.download(out, 256, Int64.self) == expected)
    }

    @Test(arguments: files) func bytes(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let values = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        let a = try device.upload(values)
        let b = try device.zeros(300, Int8.self)
        let c = try device.zeros(300, Int16.self)
        try device.run(module, "bytes", grid: Dimensions(3), block: Dimensions(128)) {
            $0.append(a)
            $0.append(b)
            $0.append(c)
            $0.append(Int32(300))
        }
        let narrow = values.map { Int8(truncatingIfNeeded: Int($0) * 3) }
        let wide = values.map { Int16(truncatingIfNeeded: Int($0) * 257 - 1000) }
        #expect(device.download(b, 300, Int8.self) == narrow)
        #expect(device.download(c, 300, Int16.self) == wide)
    }
}
