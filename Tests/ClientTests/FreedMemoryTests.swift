import Client
import Testing

/// What is kept of memory that a program has given back.
@Suite struct FreedMemoryTests {
    private func block(
        _ address: UInt64,
        _ bytes: Int,
        pool: UInt64 = 1,
        stream: UInt64 = 1,
        context: UInt32 = 1
    ) -> FreedMemory.Block {
        FreedMemory.Block(
            address: address,
            bytes: bytes,
            pool: pool,
            stream: stream,
            context: context
        )
    }

    @Test func theNewestOfTheSameSizeIsTakenFirst() {
        var freed = FreedMemory()
        for (address, bytes) in [(10, 64), (20, 64), (30, 65)] {
            freed.add(block(UInt64(address), bytes))
        }
        let first = freed.take(bytes: 64, pool: 1, stream: 1, context: 1)
        let second = freed.take(bytes: 64, pool: 1, stream: 1, context: 1)
        let third = freed.take(bytes: 64, pool: 1, stream: 1, context: 1)
        #expect(first == 20 && second == 10 && third == nil)
        let count = freed.count
        #expect(count == 1)
    }

    @Test func nobodyElseGetsIt() {
        var freed = FreedMemory()
        freed.add(block(10, 64))
        let found = [
            freed.take(bytes: 64, pool: 2, stream: 1, context: 1),
            freed.take(bytes: 64, pool: 1, stream: 2, context: 1),
            freed.take(bytes: 64, pool: 1, stream: 1, context: 2),
            freed.take(bytes: 63, pool: 1, stream: 1, context: 1),
        ]
        let count = freed.count
        #expect(found == [nil, nil, nil, nil] && count == 1)
    }

    @Test func poolsGiveUpAllWhenTheyHaveTooMuch() {
        var freed = FreedMemory()
        freed.add(block(10, 50, pool: 1))
        freed.add(block(20, 50, pool: 2))
        freed.add(block(30, 51, pool: 1))
        freed.add(block(40, 50, pool: 2))
        var gone: [UInt64] = []
        freed.trim(to: { _ in 100 }) { gone.append($0.address) }
        #expect(gone == [10, 30])
        freed.trim(to: { _ in 99 }) { gone.append($0.address) }
        let count = freed.count
        #expect(gone == [10, 30, 20, 40] && count == 0)
    }

    @Test func whatIsLeftStaysInOrder() {
        var freed = FreedMemory()
        for address in UInt64(1)...UInt64(FreedMemory.most) { freed.add(block(address, 8)) }
        let wasFull = freed.isFull
        var gone: [UInt64] = []
        freed.removeAll(where: { $0.address % 2 == 0 }) { gone.append($0.address) }
        #expect(gone == (1...UInt64(FreedMemory.most / 2)).map { $0 * 2 })
        let isFull = freed.isFull
        #expect(wasFull && !isFull)
        let newest = freed.take(bytes: 8, pool: 1, stream: 1, context: 1)
        #expect(newest == UInt64(FreedMemory.most - 1))
    }
}
