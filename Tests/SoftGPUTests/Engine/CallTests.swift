import SoftGPU
import Testing

/// Calls, function pointers, local and constant memory, the device's heap and its printing.
@Suite struct CallTests {
    @Test(arguments: KernelTests.files) func recursion(_ file: String) throws {
        let device = try Device()
        let out = try device.zeros(64, Int32.self)
        try device.run(device.module(file: file), "recursion", block: Dimensions(64)) {
            $0.append(out)
        }
        let fib: [Int32] = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
        #expect(device.download(out, 64, Int32.self) == (0..<64).map { fib[$0 % 12] })
    }

    @Test(arguments: KernelTests.files) func structuresByValue(_ file: String) throws {
        let device = try Device()
        let out = try device.zeros(32, Double.self)
        try device.run(device.module(file: file), "structs") {
            for k in 0..<5 { $0.append(Int32(k * 10)) }
            $0.append(Int32(0))
            $0.append(2.5)
            $0.append(out)
        }
        let expected = (0..<32).map { 2.5 * Double($0) + 100 + Double($0 * 10) }
        #expect(device.download(out, 32, Double.self) == expected)
    }

    @Test(arguments: KernelTests.files) func functionPointers(_ file: String) throws {
        let device = try Device()
        let out = try device.zeros(32, Int32.self)
        try device.run(device.module(file: file), "pointers") { $0.append(out) }
        let expected = (0..<32).map { t -> Int32 in
            let (a, b) = (Int32(t), Int32(t + 1))
            return t % 3 == 0 ? a + b : t % 3 == 1 ? a * b : a - b
        }
        #expect(device.download(out, 32, Int32.self) == expected)
    }

    @Test(arguments: KernelTests.files) func globalsAndConstants(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let out = try device.zeros(32, Int32.self)
        for round in 0..<3 {
            try device.run(module, "globals") { $0.append(out) }
            let factors: [Int32] = [2, 3, 5, 7]
            let expected = (0..<32).map { factors[$0 % 4] * Int32(7 + round) }
            #expect(device.download(out, 32, Int32.self) == expected)
        }
        let counter = try #require(module.global(named: "counter"))
        #expect(counter.size == 4)
        #expect(device.download(counter.address, 1, Int32.self) == [10])
    }

    @Test(arguments: KernelTests.files) func localArrays(_ file: String) throws {
        let device = try Device()
        let values = (0..<32).map { Int32($0 * 37 % 64) }
        let a = try device.upload(values)
        let out = try device.zeros(32, Int32.self)
        try device.run(device.module(file: file), "locals") {
            $0.append(a)
            $0.append(out)
            $0.append(Int32(13))
        }
        let expected = (0..<32).map { t -> Int32 in
            var local = (0..<32).map { values[(t + $0) % 32] }
            var sum: Int32 = 0
            for i in 0..<32 {
                let j = Int((local[i] ^ 13) & 31)
                local[j] &+= Int32(i)
                sum = sum &* 31 &+ local[j]
            }
            return sum
        }
        #expect(device.download(out, 32, Int32.self) == expected)
    }

    @Test(arguments: KernelTests.files) func printing(_ file: String) throws {
        let device = try Device()
        let word = try device.upload(Array("hey\0".utf8))
        try device.run(device.module(file: file), "printer") {
            $0.append(Int32(3))
            $0.append(word)
        }
        let expected = """
            t=0  0.00|hey   |ff a 0 %
            t=1  1.50|hey   |100 b 1000000007 %
            t=2  3.00|hey   |101 c 2000000014 %

            """
        #expect(device.printed.text == expected)
    }

    @Test(arguments: KernelTests.files) func assertion(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        try device.run(module, "asserts") { $0.append(Int32(32)) }
        #expect(device.printed.text.isEmpty)
        let fault = device.fault {
            try device.run(module, "asserts") { $0.append(Int32(20)) }
        }
        #expect(fault?.code == 710)
        let text = device.printed.text
        #expect(text.contains("thread: [20,0,0]"))
        #expect(text.contains("too many"))
    }

    @Test(arguments: KernelTests.files) func heap(_ file: String) throws {
        let device = try Device()
        let module = try device.module(file: file)
        let pieces = try device.zeros(32, UInt64.self)
        let out = try device.zeros(32, Int32.self)
        let before = device.memory.used
        try device.run(module, "mallocs") {
            $0.append(pieces)
            $0.append(Int32(100))
        }
        #expect(device.memory.used == before + 32 * 400)
        try device.run(module, "frees") {
            $0.append(pieces)
            $0.append(out)
            $0.append(Int32(100))
        }
        #expect(device.memory.used == before)
        let expected = (0..<32).map { Int32($0 * 4950) }
        #expect(device.download(out, 32, Int32.self) == expected)
        device.machine.heapBytes = 1000
        try device.run(module, "mallocs") {
            $0.append(pieces)
            $0.append(Int32(100))
        }
        #expect(device.download(pieces, 32, UInt64.self).filter { $0 != 0 }.count == 2)
    }

    @Test(arguments: KernelTests.files) func deepRecursion(_ file: String) throws {
        let device = try Device()
        let out = try device.zeros(1, Int32.self)
        try device.run(device.module(file: file), "deepRecursion", block: Dimensions(1)) {
            $0.append(out)
            $0.append(Int32(16))
        }
        #expect(device.download(out, 1, Int32.self) == [987 + 1597])
    }
}
