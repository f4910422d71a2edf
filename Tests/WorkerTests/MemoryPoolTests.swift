import Testing
import Wire
import Worker

/// The books of memory pools.
@Suite struct MemoryPoolTableTests {
    private func handle(_ index: UInt64) -> UInt64 {
        1 << 46 | HandleKind.memoryPool << 40 | index << 4
    }

    @Test func onlyHandlesOfPoolsAreTaken() {
        let table = MemoryPoolTable()
        let kind = HandleKind.memoryPool
        #expect(table.accepts(handle(1), kind: kind))
        #expect(!table.accepts(handle(1) | 1, kind: kind))
        #expect(!table.accepts(1 << 46 | 3 << 40 | 16, kind: kind))
        #expect(!table.accepts(0, kind: kind))
        table.insert(handle(1), MemoryPool(pool: nil, device: 0, isStandard: false))
        #expect(!table.accepts(handle(1), kind: kind))
        for index in 2...UInt64(MemoryPoolTable.most) {
            table.insert(handle(index), MemoryPool(pool: nil, device: 0, isStandard: false))
        }
        #expect(!table.accepts(handle(5000), kind: kind))
    }

    @Test func aDestroyedPoolIsKeptUntilTheDriverHasNone() {
        let table = MemoryPoolTable()
        table.insert(handle(1), MemoryPool(pool: nil, device: 0, isStandard: false))
        table.update(handle(1)) { $0.allocations += 1 }
        table.destroy(handle(1))
        #expect(table.find(handle(1)) == nil && table.waiting == [handle(1)])
        #expect(!table.accepts(handle(1), kind: HandleKind.memoryPool))
        table.update(handle(1)) { $0.allocations -= 1 }
        #expect(table.pools[handle(1)]?.allocations == 0)
        table.remove(handle(1))
        #expect(table.isEmpty && table.waiting.isEmpty)
    }

    @Test func aDeviceHasOneStandardPool() {
        let table = MemoryPoolTable()
        #expect(!table.hasStandard(of: 1))
        table.insert(handle(1), MemoryPool(pool: nil, device: 1, isStandard: true))
        table.insert(handle(2), MemoryPool(pool: nil, device: 0, isStandard: false))
        #expect(table.hasStandard(of: 1) && !table.hasStandard(of: 0))
    }
}
