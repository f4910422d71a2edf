import Testing
import Wire

@Suite struct LinkOfferTests {
    private func bytes(_ offer: LinkOffer) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xFF, count: LinkOffer.size)
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { offer.write(to: base) } }
        return bytes
    }

    private func read(_ bytes: [UInt8]) -> LinkOffer? {
        bytes.withUnsafeBytes { $0.baseAddress.flatMap { LinkOffer(reading: $0) } }
    }

    private var offer: LinkOffer {
        var offer = LinkOffer()
        offer.ringSize = 1 << 20
        offer.link = LinkShape(delay: 125_000, megabits: 10_000)
        for index in 0..<16 { offer.host[index] = UInt8(index + 1) }
        offer.now = 0x0102_0304_0506_0708
        return offer
    }

    @Test func `an offer byte by byte`() {
        let found = bytes(offer)
        #expect(String(decoding: found[0..<8], as: UTF8.self) == "FERRYLNK")
        #expect(Array(found[8..<16]) == [0, 0, 0x10, 0, 0, 0, 0, 0])
        #expect(Array(found[16..<24]) == [0x48, 0xE8, 1, 0, 0, 0, 0, 0])
        #expect(Array(found[24..<32]) == [0x10, 0x27, 0, 0, 0, 0, 0, 0])
        #expect(Array(found[32..<48]) == (1...16).map { UInt8($0) })
        #expect(Array(found[48..<56]) == [8, 7, 6, 5, 4, 3, 2, 1])
        #expect(found[56...].allSatisfy { $0 == 0 })
        #expect(read(found) == offer)
    }

    @Test func `offers out of bounds are refused`() {
        for change in [
            { $0[0] = 0 }, { $0[8] = 1 }, { $0[10] = 0x18 }, { $0[11] = 0x80 }, { $0[23] = 1 },
            { $0[30] = 1 },
        ] as [(inout [UInt8]) -> Void] {
            var changed = bytes(offer)
            change(&changed)
            #expect(read(changed) == nil, "\(changed)")
        }
    }

    @Test(arguments: [LinkOffer.Answer.accepted, .noMemory, .otherHost, .malformed])
    func `answers`(_ answer: LinkOffer.Answer) {
        var bytes = [UInt8](repeating: 0xFF, count: LinkOffer.answerSize)
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { answer.write(to: base) } }
        let found = bytes.withUnsafeBytes { raw in
            raw.baseAddress.flatMap { LinkOffer.Answer(reading: $0) }
        }
        #expect(found == answer)
        bytes[8] = 4
        #expect(
            bytes.withUnsafeBytes { $0.baseAddress.flatMap { LinkOffer.Answer(reading: $0) } }
                == nil
        )
    }

    @Test func `a line is busy as long as its rate says`() {
        #expect(LinkShape(megabits: 10_000).duration(of: 1250) == 1000)
        #expect(LinkShape(delay: 5).duration(of: 1 << 30) == 0)
        #expect(!LinkShape().isPlayed)
        #expect(LinkShape(megabits: 1).isPlayed)
    }
}
