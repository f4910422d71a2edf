import Driver
import Testing

@Suite("The entries of a fatbin")
struct FatbinEntriesTests {
    /// All entries, read from bytes behind which nothing can be read.
    private func entries(_ bytes: [UInt8]) throws -> [FatbinEntry] {
        try GuardedBytes(bytes).use { pointer in
            var walk = FatbinEntries(try ImageLayout.measure(pointer, limit: bytes.count))
            var found: [FatbinEntry] = []
            while let entry = try walk.next() { found.append(entry) }
            return found
        }
    }

    @Test func comeInOrder() throws {
        let bytes = ImageBuilder.fatbin([
            .init(kind: 2, target: 80), .init(target: 90, flags: 0x10_0011), .init(kind: 8),
        ])
        let found = try entries(bytes)
        #expect(found.map(\.kind) == [.elf, .ptx, .other(8)])
        #expect(found.map(\.target) == [80, 90, 75])
        #expect(found.map(\.isArchitectureSpecific) == [false, true, false])
        #expect(found.map(\.version.major) == [8, 8, 8])
    }

    @Test func sayHowTheyAreCompressed() throws {
        let bytes = ImageBuilder.fatbin([
            .init(flags: 0x2011, compressedSize: 5, uncompressedSize: 99),
            .init(flags: 0x8011, compressedSize: 7, uncompressedSize: 100), .init(flags: 0x1011),
            .init(),
        ])
        let found = try entries(bytes)
        #expect(found.map(\.compression) == [.lz4, .zstd, .unknown, .none])
        #expect(found.map(\.payload.count) == [5, 7, 16, 16])
        #expect(found.map(\.uncompressedSize) == [99, 100, 0, 16])
    }

    @Test func mustLieInTheFatbin() {
        #expect(throws: ImageError.outOfBounds) {
            try entries(ImageBuilder.fatbin([.init(headerSize: 200)]))
        }
        #expect(throws: ImageError.unknownVersion) {
            try entries(ImageBuilder.fatbin([.init(headerSize: 16)]))
        }
        #expect(throws: ImageError.outOfBounds) {
            try entries(ImageBuilder.fatbin([.init(flags: 0x2011, compressedSize: 17)]))
        }
    }

    @Test func cannotPromiseGigabytes() {
        #expect(throws: ImageError.tooLarge) {
            try entries(ImageBuilder.fatbin([.init(flags: 0x8011, uncompressedSize: 1 << 31)]))
        }
    }

    @Test func damagedEntriesNeverReadBeyondTheEnd() {
        var random = SplitMix(state: 5)
        let original = ImageBuilder.fatbin([.init(), .init(kind: 2), .init(flags: 0x2011)])
        for _ in 0..<4000 {
            var bytes = original
            for _ in 0..<3 {
                let position = 16 + Int(random.next() % UInt64(bytes.count - 16))
                bytes[position] = UInt8(truncatingIfNeeded: random.next())
            }
            let found = (try? entries(bytes)) ?? []
            #expect(found.allSatisfy { $0.payload.count <= bytes.count })
        }
    }
}
