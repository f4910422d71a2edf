import Driver
import Testing

@Suite("Which entries of a fatbin are for a GPU")
struct FatbinSelectionTests {
    typealias Entry = ImageBuilder.Entry

    private static let specific: UInt64 = 0x10_0011
    private static let family: UInt64 = 0x20_0011

    private static func elf(_ target: UInt32, flags: UInt64 = 0x11) -> Entry {
        Entry(kind: 2, target: target, flags: flags, payload: [UInt8](repeating: 7, count: 40))
    }
    private static func ptx(_ target: UInt32, flags: UInt64 = 0x11) -> Entry {
        Entry(kind: 1, target: target, flags: flags)
    }

    /// Entries, GPUs (negative for software GPUs) and the entries that are chosen; `nil` for all.
    struct Case: Sendable {
        var name: String
        var entries: [Entry]
        var gpus: [Int]
        var chosen: [Int]?
        var isUsable = true
    }

    static let cases: [Case] = [
        Case(
            name: "exact code",
            entries: [elf(80), elf(86), elf(90), ptx(90)],
            gpus: [86],
            chosen: [1]
        ),
        Case(
            name: "older code of the same major",
            entries: [elf(70), elf(80), elf(90)],
            gpus: [86],
            chosen: [1]
        ),
        Case(
            name: "newer PTX goes along",
            entries: [elf(80), ptx(80), ptx(86)],
            gpus: [89],
            chosen: [0, 2]
        ),
        Case(name: "older PTX does not", entries: [elf(86), ptx(80)], gpus: [89], chosen: [0]),
        Case(
            name: "PTX for an older GPU",
            entries: [elf(70), ptx(70), ptx(80)],
            gpus: [90],
            chosen: [2]
        ),
        Case(name: "nothing newer", entries: [elf(90), ptx(75), ptx(90)], gpus: [86], chosen: [1]),
        Case(
            name: "with and without its features",
            entries: [elf(80), elf(90), elf(90, flags: specific)],
            gpus: [90],
            chosen: [1, 2]
        ),
        Case(
            name: "features of another GPU",
            entries: [elf(90, flags: specific), ptx(80)],
            gpus: [91],
            chosen: [1]
        ),
        Case(
            name: "a family",
            entries: [elf(100, flags: family), ptx(90), ptx(100, flags: family)],
            gpus: [103],
            chosen: [0]
        ),
        Case(
            name: "another family",
            entries: [elf(100, flags: family), ptx(90), ptx(100, flags: family)],
            gpus: [120],
            chosen: [1]
        ),
        Case(
            name: "software",
            entries: [elf(120), ptx(90), ptx(100), ptx(121)],
            gpus: [-120],
            chosen: [2]
        ),
        Case(
            name: "two GPUs",
            entries: [elf(80), elf(90), elf(100), ptx(75)],
            gpus: [80, 90],
            chosen: [0, 1]
        ),
        Case(
            name: "two GPUs, one without code",
            entries: [elf(80), elf(100)],
            gpus: [80, 90],
            chosen: [0]
        ),
        Case(
            name: "code for none",
            entries: [elf(80), ptx(90), elf(100)],
            gpus: [75],
            chosen: [1],
            isUsable: false
        ),
        Case(name: "all of it", entries: [elf(90)], gpus: [90], chosen: nil),
        Case(name: "no entries", entries: [], gpus: [90], chosen: nil),
        Case(name: "no GPU", entries: [elf(80), ptx(80)], gpus: [], chosen: [1], isUsable: false),
        Case(
            name: "an unknown kind",
            entries: [elf(80), elf(90), Entry(kind: 0x100)],
            gpus: [90],
            chosen: nil
        ),
        Case(
            name: "input of a link",
            entries: [elf(80), Entry(kind: 8), elf(90)],
            gpus: [90],
            chosen: nil
        ),
        Case(
            name: "linked by the software GPU",
            entries: [
                ptx(80, flags: 0x11 | FatbinEntry.linkedPart),
                ptx(90, flags: 0x11 | FatbinEntry.linkedPart),
            ],
            gpus: [-120],
            chosen: nil
        ),
    ]

    private func select(_ bytes: [UInt8], _ gpus: [Int]) throws -> FatbinSelection? {
        try GuardedBytes(bytes).use { start in
            let layout = ImageLayout(kind: .fatbin, start: start, size: bytes.count)
            return FatbinSelection(
                layout,
                for: gpus.map { FatbinSelection.GPU(capability: abs($0), isSoftware: $0 < 0) }
            )
        }
    }

    @Test(arguments: 0..<cases.count)
    func isChosen(_ index: Int) throws {
        let it = Self.cases[index]
        let bytes = ImageBuilder.fatbin(it.entries)
        let selection = try select(bytes, it.gpus)
        let pieces = it.entries.map(ImageBuilder.entry)
        let wanted = it.chosen?.flatMap { pieces[$0] }
        #expect(selection?.ranges.flatMap { Array(bytes[$0]) } == wanted, "\(it.name)")
        #expect(selection?.size == wanted?.count)
        #expect((selection?.isUsable ?? true) == it.isUsable, "\(it.name)")
    }

    @Test func neighboursAreOneRange() throws {
        let bytes = ImageBuilder.fatbin([
            Self.elf(80), Self.elf(90), Self.elf(90, flags: Self.specific),
        ])
        #expect(try select(bytes, [90])?.ranges.count == 1)
        #expect(try select(bytes, [90])?.ranges.first?.upperBound == bytes.count)
    }

    @Test func damagedFatbinsAreSentWhole() throws {
        #expect(
            try select(ImageBuilder.fatbin([Self.elf(80), .init(headerSize: 16)]), [90]) == nil
        )
        var random = SplitMix(state: 17)
        let original = ImageBuilder.fatbin([Self.elf(80), Self.ptx(80), Self.elf(90)])
        for _ in 0..<4000 {
            var bytes = original
            for _ in 0..<3 {
                bytes[16 + Int(random.next() % UInt64(bytes.count - 16))] = UInt8(
                    truncatingIfNeeded: random.next()
                )
            }
            let ranges = try select(bytes, [90, -120])?.ranges ?? []
            #expect(ranges.allSatisfy { $0.lowerBound >= 16 && $0.upperBound <= bytes.count })
        }
    }

    @Test func ofNothingElse() throws {
        let text = Array(".version 8.0".utf8)
        try text.withUnsafeBytes { bytes in
            let start = try #require(bytes.baseAddress)
            let layout = ImageLayout(kind: .text, start: start, size: bytes.count)
            #expect(FatbinSelection(layout, for: [.init(capability: 90, isSoftware: false)]) == nil)
        }
    }
}
