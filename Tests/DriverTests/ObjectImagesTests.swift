import Driver
import Testing

@Suite("Device code in objects and static libraries")
struct ObjectImagesTests {
    private let one = ImageBuilder.fatbin([.init(target: 75)])
    private let two = ImageBuilder.fatbin([.init(target: 80), .init(kind: 2, target: 90)])

    /// The targets of the entries of each fatbin, read from bytes behind which nothing can be read.
    private func targets(_ file: [UInt8]) throws -> [[Int]] {
        try GuardedBytes(file).use { pointer in
            let memory = UnsafeRawBufferPointer(start: pointer, count: file.count)
            return try ObjectImages.fatbins(in: memory).map { image in
                var entries = FatbinEntries(image)
                var found: [Int] = []
                while let entry = try entries.next() { found.append(entry.target) }
                return found
            }
        }
    }

    @Test(arguments: ["__nv_relfatbin", ".nv_fatbin"])
    func isFoundByTheNameOfItsSection(name: String) throws {
        #expect(try targets(ImageBuilder.object(section: name, one + two)) == [[75], [80, 90]])
    }

    @Test(arguments: [".text", "__nv_relfatbin2", ".nv"])
    func isNotLookedForInOtherSections(name: String) throws {
        #expect(try targets(ImageBuilder.object(section: name, one)).isEmpty)
    }

    @Test func isFoundInEachMemberOfALibrary() throws {
        let members = [
            Array("symbols".utf8), ImageBuilder.object(section: "__nv_relfatbin", one),
            ImageBuilder.object(section: ".text", two),
            ImageBuilder.object(section: "__nv_relfatbin", two),
        ]
        #expect(try targets(ImageBuilder.archive(members)) == [[75], [80, 90]])
    }

    @Test func mustHoldTogether() {
        let object = ImageBuilder.object(section: "__nv_relfatbin", one)
        let library = ImageBuilder.archive([object])
        #expect(throws: ImageError.truncated) { try targets(Array(library.dropLast(8))) }
        #expect(throws: ImageError.truncated) { try targets(Array(object.dropLast(8))) }
        #expect(throws: ImageError.notAnImage) { try targets(Array("no object".utf8)) }
        #expect(throws: ImageError.notAnImage) {
            try targets(ImageBuilder.object(section: "__nv_relfatbin", Array("no fatbin".utf8)))
        }
        var damaged = library
        damaged[8 + 48] = 0x41
        #expect(throws: ImageError.unknownVersion) { try targets(damaged) }
    }

    /// No damage of a single byte may lead outside the file, where a read ends the test.
    @Test func damageIsNoWayOut() {
        let library = ImageBuilder.archive([ImageBuilder.object(section: "__nv_relfatbin", one)])
        for index in library.indices {
            for value: UInt8 in [0, 1, 0x7F, 0xFF] {
                var damaged = library
                damaged[index] = value
                _ = try? targets(damaged)
            }
        }
    }
}
