import Testing
import Wire

@Suite struct PackingChoiceTests {
    private let second: UInt64 = 1_000_000_000

    /// A link of so many bytes a second.
    private func link(_ rate: Int) -> PackingChoice {
        var choice = PackingChoice()
        choice.note(bytes: rate, nanoseconds: second)
        return choice
    }

    @Test func nothingIsPackedBeforeTheLinkIsKnown() {
        var choice = PackingChoice()
        for _ in 0..<100 {
            let isTried = choice.beginCopy()
            #expect(!isTried)
        }
        // What fits into the buffers of sockets says nothing.
        choice.note(bytes: PackingChoice.enough - 1, nanoseconds: second)
        choice.note(bytes: PackingChoice.enough, nanoseconds: 0)
        #expect(choice.rate == 0)
        let isTried = choice.beginCopy()
        #expect(!isTried)
    }

    @Test func aSlowLinkIsTriedAndAFastOneIsLeftAlone() {
        for (rate, isTried) in [
            (125_000_000, true), (599_000_000, true), (600_000_000, false), (5_000_000_000, false),
        ] {
            var choice = link(rate)
            #expect(choice.rate == UInt64(rate))
            let begins = choice.beginCopy()
            #expect(begins == isTried)
        }
    }

    @Test func theRateIsMeasuredAgainFromTimeToTime() {
        var choice = link(125_000_000)
        let tried = (1...PackingChoice.period).map { _ in choice.beginCopy() }
        #expect(tried.filter { !$0 }.count == 1)
    }

    @Test func packingPaysByAnEighthOrNotAtAll() {
        let choice = link(100_000_000)
        // A million bytes take 10 ms.
        #expect(choice.pays(bytes: 1_000_000, packed: 500_000, nanoseconds: 3_000_000))
        #expect(!choice.pays(bytes: 1_000_000, packed: 500_000, nanoseconds: 4_000_000))
        #expect(choice.pays(bytes: 1_000_000, packed: 870_000, nanoseconds: 0))
        #expect(!choice.pays(bytes: 1_000_000, packed: 875_000, nanoseconds: 0))
        #expect(!choice.pays(bytes: 1_000_000, packed: 1, nanoseconds: .max / 2))
    }

    @Test func noFiguresAreTooLarge() {
        var choice = PackingChoice()
        choice.note(bytes: .max, nanoseconds: 1)
        #expect(choice.rate == 0)
        choice.note(bytes: .max, nanoseconds: .max)
        #expect(choice.rate > 0)
        choice.note(bytes: PackingChoice.enough, nanoseconds: .max)
        #expect(choice.rate == 1)
    }
}
