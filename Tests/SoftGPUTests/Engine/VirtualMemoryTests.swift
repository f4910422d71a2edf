import SoftGPU
import Testing

/// Reserved addresses and what is mapped there.
@Suite("Virtual memory of the software GPU")
struct VirtualMemoryTests {
    private static let page = DeviceMemory.pageSize

    private func memory() throws -> DeviceMemory {
        try DeviceMemory(ordinal: 3, capacity: 64 << 20)
    }

    @Test func mappingsBecomeOneRangeWhenTheyMayBeUsed() throws {
        let (memory, page) = (try memory(), Self.page)
        let base = try #require(memory.reserve(4 * page, alignment: 0))
        #expect(base % page == 0)
        #expect(memory.allocation(containing: base) == nil)
        let first = try #require(PhysicalMemory(Int(page), of: memory))
        let second = try #require(PhysicalMemory(Int(page), of: memory))
        #expect(memory.map(first, at: base, bytes: page, offset: 0))
        #expect(memory.map(second, at: base + page, bytes: page, offset: 0))
        #expect(memory.allocation(containing: base) == nil)
        #expect(memory.setAccess(base, page, 3))
        #expect(memory.allocation(containing: base + 5)?.size == Int(page))
        #expect(memory.setAccess(base + page, page, 3))
        #expect(memory.allocation(containing: base + page)?.base == base)
        #expect(memory.allocation(containing: base)?.size == Int(2 * page))
        #expect(memory.allocation(containing: base + 2 * page) == nil)
        #expect(memory.mapping(containing: base + page + 7)?.address == base + page)
        #expect(memory.setAccess(base, page, 0))
        #expect(memory.allocation(containing: base) == nil)
    }

    /// Who reserves very much does not take the addresses of what is allocated later.
    @Test func addressesAreLeftForMemory() throws {
        let memory = try memory()
        for _ in 0..<2 { #expect(memory.reserve(64 << 30, alignment: 0) != nil) }
        #expect(memory.reserve(64 << 30, alignment: 0) == nil)
        #expect(memory.allocate(32 << 20) != nil)
    }

    @Test func onlyWholeMappingsAreTakenAway() throws {
        let (memory, page) = (try memory(), Self.page)
        let base = try #require(memory.reserve(8 * page, alignment: page))
        let physical = try #require(PhysicalMemory(Int(2 * page), of: memory))
        #expect(memory.map(physical, at: base + page, bytes: 2 * page, offset: 0))
        #expect(!memory.map(physical, at: base + 2 * page, bytes: page, offset: 0))
        #expect(!memory.map(physical, at: base + 7 * page, bytes: 2 * page, offset: 0))
        #expect(!memory.map(physical, at: base - page, bytes: 2 * page, offset: 0))
        #expect(!memory.unmap(base + page, page))
        #expect(!memory.unmap(base, 3 * page))
        #expect(!memory.setAccess(base + page, 3 * page, 3))
        #expect(!memory.releaseReserved(base, 8 * page))
        #expect(memory.unmap(base + page, 2 * page))
        #expect(!memory.releaseReserved(base, 7 * page))
        #expect(memory.releaseReserved(base, 8 * page))
        #expect(!memory.releaseReserved(base, 8 * page))
    }

    @Test func memoryIsUsedAsLongAsItIsMapped() throws {
        let (memory, page) = (try memory(), Self.page)
        let base = try #require(memory.reserve(2 * page, alignment: 0))
        var physical = PhysicalMemory(Int(page), of: memory)
        #expect(memory.used == Int(page))
        #expect(memory.map(try #require(physical), at: base, bytes: page, offset: 0))
        physical = nil
        #expect(memory.used == Int(page))
        #expect(memory.unmap(base, page))
        #expect(memory.used == 0)
        #expect(PhysicalMemory((64 << 20) + 1, of: memory) == nil)
        #expect(memory.used == 0)
    }

    @Test func theSameBytesAtTwoAddresses() throws {
        let (memory, page) = (try memory(), Self.page)
        let base = try #require(memory.reserve(2 * page, alignment: 0))
        let physical = try #require(PhysicalMemory(Int(page), of: memory))
        #expect(memory.map(physical, at: base, bytes: page, offset: 0))
        #expect(memory.map(physical, at: base + page, bytes: page, offset: 0))
        let one = try #require(UnsafeMutablePointer<UInt64>(bitPattern: UInt(base + 8)))
        let other = try #require(UnsafeMutablePointer<UInt64>(bitPattern: UInt(base + page + 8)))
        one.pointee = 0x1234
        #expect(other.pointee == 0x1234)
        #expect(memory.unmap(base + page, page))
        #expect(other.pointee == 0)
        #expect(one.pointee == 0x1234)
    }
}
