import Driver
import Testing

@Suite("The extent of an image of device code")
struct ImageLayoutTests {
    /// Measures bytes that lie at the end of a page whose successor cannot be read.
    private func measure(_ bytes: [UInt8]) throws -> ImageLayout {
        try GuardedBytes(bytes).use { try ImageLayout.measure($0, limit: bytes.count) }
    }

    @Test func textEndsAtItsNUL() throws {
        let image = try measure(Array(".version 8.0\0rest".utf8))
        #expect(image.kind == .text)
        #expect(image.size == 12)
    }

    @Test func textMayEndAtTheLimit() throws {
        #expect(try measure(Array(".version 8.0".utf8)).size == 12)
        #expect(try measure(Array(".".utf8)).size == 1)
    }

    @Test func nothingIsNoImage() {
        #expect(throws: ImageError.notAnImage) { try measure([]) }
        #expect(throws: ImageError.notAnImage) { try measure([0]) }
        #expect(throws: ImageError.notAnImage) { try measure([1, 2, 3, 4]) }
    }

    @Test func fatbinIsAsLongAsItsHeaderSays() throws {
        let bytes = ImageBuilder.fatbin([.init(), .init()])
        let image = try measure(bytes + [1, 2, 3])
        #expect(image.kind == .fatbin)
        #expect(image.size == bytes.count)
    }

    @Test func everyTruncationOfAFatbinIsRefused() {
        let bytes = ImageBuilder.fatbin([.init()])
        for length in 4..<bytes.count {
            #expect(throws: ImageError.self) { try measure(Array(bytes[..<length])) }
        }
    }

    @Test func fatbinOfFutureVersionsIsRefused() {
        var bytes = ImageBuilder.fatbin([.init()])
        bytes[4] = 2
        #expect(throws: ImageError.unknownVersion) { try measure(bytes) }
    }

    @Test func fatbinCannotPromiseMoreThanTheLargestImage() {
        var bytes = ImageBuilder.fatbin([.init()])
        for index in 8..<16 { bytes[index] = 0xFF }
        #expect(throws: ImageError.tooLarge) { try measure(bytes) }
    }

    @Test func elfEndsAfterItsLastSection() throws {
        let bytes = ImageBuilder.elf(sectionSize: 100)
        #expect(try measure(bytes + [9, 9]).size == 228)
        #expect(try measure(ImageBuilder.elf(sectionSize: 1 << 20, type: 8)).size == 128)
    }

    @Test func everyTruncationOfAnELFFileIsRefused() {
        let bytes = ImageBuilder.elf(sectionSize: 100)
        for length in 4..<bytes.count {
            #expect(throws: ImageError.self) { try measure(Array(bytes[..<length])) }
        }
    }

    @Test func sectionCountsBeyondTheFileAreRefused() {
        var bytes = ImageBuilder.elf(sectionSize: 8)
        bytes[60] = 0xFF
        bytes[61] = 0xFE
        #expect(throws: ImageError.truncated) { try measure(bytes) }
    }

    @Test func tileBytecodeHasNoKnownLength() {
        #expect(throws: ImageError.unknownLength) {
            try measure([0x7F, 0x54, 0x69, 0x6C, 0x65, 0x49, 0x52])
        }
    }

    @Test func damagedHeadersNeverReadBeyondTheEnd() {
        var random = SplitMix(state: 11)
        let images = [ImageBuilder.fatbin([.init(), .init()]), ImageBuilder.elf(sectionSize: 64)]
        for original in images {
            for _ in 0..<2000 {
                var bytes = original
                for _ in 0..<4 {
                    let position = 4 + Int(random.next() % UInt64(bytes.count - 4))
                    bytes[position] = UInt8(truncatingIfNeeded: random.next())
                }
                // Either answer is right; what counts is that no byte beyond the end is read.
                let size = (try? measure(bytes))?.size ?? 0
                #expect(size <= bytes.count)
            }
        }
    }
}
