import SoftGPU
import Testing

/// Which parts of a GPU's memory are taken.
@Suite struct DeviceMemoryTests {
    /// Thousands of takings and returns in any order, against a plain list.
    @Test func likeAList() throws {
        let memory = try DeviceMemory(ordinal: 0, capacity: 64 << 20)
        var random = Random(5)
        var model: [(base: UInt64, size: Int)] = []
        for round in 0..<6000 {
            // Grows, then shrinks, again and again.
            if random.next() % 100 < (round / 1000 % 2 == 0 ? 70 : 30) {
                let size = Int(random.next() % 5000) + 1
                let base = try #require(memory.allocate(size))
                let end = base + UInt64(size)
                #expect(!model.contains { base < $0.base + UInt64($0.size) && $0.base < end })
                model.append((base, size))
            } else if !model.isEmpty {
                let piece = model.remove(at: Int(random.next() % UInt64(model.count)))
                #expect(memory.free(piece.base))
                #expect(!memory.free(piece.base))
                #expect(memory.allocation(containing: piece.base) == nil)
            }
            guard let piece = model.randomElement(using: &random) else { continue }
            let inside = piece.base + random.next() % UInt64(piece.size)
            let found = try #require(memory.allocation(containing: inside))
            #expect(found.base == piece.base && found.size == piece.size)
            #expect(memory.allocation(containing: piece.base + UInt64(piece.size)) == nil)
            let nearest = memory.nearestAllocation(to: piece.base + UInt64(piece.size))
            #expect(nearest?.base == piece.base)
        }
        #expect(memory.used == model.reduce(0) { $0 + $1.size })
        let last = model.max { $0.base < $1.base }
        #expect(memory.nearestAllocation(to: .max)?.base == last?.base)
        for piece in model { #expect(memory.free(piece.base)) }
        #expect(memory.nearestAllocation(to: .max) == nil)
        #expect(memory.used == 0)
    }

    /// What the variables of some hundred modules of CUB's are: given back oldest first, they took
    /// minutes when each moved all that came after it.
    @Test func manyAreGivenBackFast() throws {
        let memory = try DeviceMemory(ordinal: 0, capacity: 64 << 20)
        let pieces = try (0..<200_000).map { _ in try #require(memory.allocate(1)) }
        var areFreed = false
        let duration = ContinuousClock().measure { areFreed = pieces.allSatisfy(memory.free) }
        #expect(areFreed)
        #expect(duration < .seconds(5))
        #expect(memory.used == 0)
    }
}
