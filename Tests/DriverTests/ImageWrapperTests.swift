import Driver
import Testing

@Suite("Wrappers of fatbins")
struct ImageWrapperTests {
    /// Calls `body` with a wrapper of these words behind the magic and version.
    private func wrapper(
        _ version: UInt32,
        _ data: UnsafeRawPointer?,
        _ second: UnsafeRawPointer?,
        _ body: (UnsafeRawPointer) throws -> Void
    ) rethrows {
        let words: [UInt64] = [
            UInt64(0x4662_43B1) | UInt64(version) << 32,
            UInt64(UInt(bitPattern: data)), UInt64(UInt(bitPattern: second)),
        ]
        try words.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { try body(start) }
        }
    }

    @Test func leadsToItsFatbin() throws {
        let fatbin = ImageBuilder.fatbin([.init()])
        try fatbin.withUnsafeBytes { bytes in
            try wrapper(1, bytes.baseAddress, nil) {
                let image = try ImageLayout.find(at: $0)
                #expect(image.start == bytes.baseAddress)
                #expect(image.size == fatbin.count)
                #expect(try ImageLayout.prelinked(at: $0).isEmpty)
            }
        }
    }

    @Test func ofVersionTwoNamesWhatWasLinked() throws {
        let (linked, part) = (ImageBuilder.fatbin([]), ImageBuilder.fatbin([.init()]))
        try linked.withUnsafeBytes { linkedBytes in
            try part.withUnsafeBytes { partBytes in
                let list: [UInt] = [
                    UInt(bitPattern: partBytes.baseAddress),
                    UInt(bitPattern: partBytes.baseAddress), 0,
                ]
                try list.withUnsafeBytes { list in
                    try wrapper(2, linkedBytes.baseAddress, list.baseAddress) {
                        let parts = try ImageLayout.prelinked(at: $0)
                        #expect(parts.map(\.size) == [part.count, part.count])
                    }
                }
            }
        }
    }

    @Test func ofUnknownVersionsAreRefused() {
        wrapper(3, nil, nil) { pointer in
            #expect(throws: ImageError.unknownVersion) { try ImageLayout.find(at: pointer) }
        }
    }

    @Test func withoutAFatbinAreRefused() {
        wrapper(1, nil, nil) { pointer in
            #expect(throws: ImageError.notAnImage) { try ImageLayout.find(at: pointer) }
        }
    }
}
