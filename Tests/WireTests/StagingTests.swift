import Testing
import Wire

/// A credit that expectations can change.
private final class Book {
    private var credit = StagingCredit()

    func take(_ stream: UInt64, _ bytes: Int) -> Bool { credit.take(stream, bytes) }
    func question(_ stream: UInt64) -> StagingCredit.Question { credit.question(stream) }
    func answer(_ question: StagingCredit.Question, group: UInt64, shared: UInt64) -> Bool {
        credit.answer(question, group: group, shared: shared)
    }
}

@Suite struct StagingTests {
    @Test func aPieceTakesTheNextSize() {
        #expect(Staging.sizes[3] == WireFormat.maxData)
        for (bytes, taken) in [
            (1, 4096), (4096, 4096), (4097, 16_384), (16_385, 65_536), (65_537, 131_072),
            (131_072, 131_072), (131_073, 131_072 + 4096), (1 << 20, 1 << 20),
        ] {
            #expect(Staging.taken(by: bytes) == taken)
            #expect(Staging.taken(by: BoxExtent(width: bytes, height: 1, depth: 1)) == taken)
        }
        for (index, size) in Staging.sizes.enumerated() {
            #expect(Staging.sizeClass(of: size) == index)
            if index < 3 { #expect(Staging.sizeClass(of: size + 1) == index + 1) }
        }
        // Rows of 100,000 bytes come alone.
        #expect(Staging.taken(by: BoxExtent(width: 100_000, height: 3, depth: 2)) == 6 * 131_072)
    }

    @Test func streamsThatFollowEachOtherAreInDifferentGroups() {
        let groups = (0..<Staging.groups).map { Staging.group(of: 1 << 46 | UInt64($0) << 4) }
        #expect(Set(groups).count == Staging.groups)
        #expect(Staging.group(of: 0) == Staging.group(of: 1))
    }

    @Test func everyGroupGoesOnWhateverOthersHave() throws {
        let credit = Book()
        let busy = UInt64(16)
        var taken = 0
        while credit.take(busy, 1 << 20) { taken += 1 << 20 }
        #expect(taken == Staging.shared)
        // Another stream has what is its own, and no more.
        var other = 0
        while credit.take(32, 1 << 20) { other += 1 << 20 }
        #expect(other == Staging.perGroup)
        #expect(!credit.take(busy, 4096))
        // Half of what is shared has ended.
        let question = credit.question(busy)
        let answer = credit.answer(
            question,
            group: UInt64(Staging.shared / 2),
            shared: UInt64(Staging.shared / 2 + Staging.perGroup)
        )
        #expect(answer)
        #expect(credit.take(busy, Staging.shared / 2 - Staging.perGroup))
        #expect(!credit.take(busy, 4096))
    }

    @Test func whatCameAfterTheQuestionStaysInUse() {
        let credit = Book()
        #expect(credit.take(16, Staging.shared))
        let question = credit.question(16)
        #expect(credit.take(32, Staging.perGroup))
        #expect(credit.answer(question, group: 0, shared: 0))
        #expect(credit.take(16, Staging.shared - Staging.perGroup))
        #expect(!credit.take(16, 4096))
        // An older answer tells nothing new.
        #expect(credit.answer(question, group: 4096, shared: 4096))
        #expect(!credit.take(16, 4096))
    }

    @Test func noMoreCanBeInUseThanWasAskedFor() {
        let credit = Book()
        #expect(credit.take(16, 4096))
        let question = credit.question(16)
        #expect(!credit.answer(question, group: 4097, shared: 4096))
        #expect(!credit.answer(question, group: 0, shared: 4097))
        #expect(credit.answer(question, group: 4096, shared: 4096))
    }
}
