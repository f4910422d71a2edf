import CUDAABI
import Driver
import Testing
import Wire
import Worker

/// The books of memory that is made without an address.
@Suite struct PhysicalMemoryTableTests {
    private final class Freed {
        var list: [UInt64] = []
    }

    @Test func memoryCountsUntilNothingUsesIt() {
        let table = PhysicalMemoryTable()
        let freed = Freed()
        let free = { (charge: UInt64, _: Int32) in freed.list.append(charge) }
        table.insert(7, charge: 100, device: 0)
        table.map(7, at: 1000, bytes: 50)
        table.map(7, at: 2000, bytes: 50)
        table.release(7, free: free)
        #expect(!table.contains(7) && freed.list.isEmpty)
        table.unmap(1000, bytes: 50, free: free)
        #expect(freed.list.isEmpty && !table.isMapped(1000) && table.isMapped(2000))
        table.unmap(2000, bytes: 50, free: free)
        #expect(freed.list == [100])
        table.release(7, free: free)
        #expect(freed.list == [100])
    }

    @Test func aSecondHandleIsReleasedByItself() {
        let table = PhysicalMemoryTable()
        let freed = Freed()
        let free = { (charge: UInt64, _: Int32) in freed.list.append(charge) }
        table.insert(7, charge: 100, device: 0)
        table.map(7, at: 1000, bytes: 50)
        table.retain(7, at: 1049)  // the same value
        table.retain(9, at: 1000)  // another one
        table.unmap(1000, bytes: 50, free: free)
        table.release(7, free: free)
        #expect(table.contains(7))
        table.release(7, free: free)
        #expect(!table.contains(7) && freed.list.isEmpty)
        table.release(9, free: free)
        #expect(freed.list == [100])
    }

    @Test func memoryOfAnotherProcessIsKnownOnce() {
        let table = PhysicalMemoryTable()
        let freed = Freed()
        let gone = Freed()
        table.gone = { gone.list.append($0) }
        #expect(!table.useAgain(7))
        table.insert(7, charge: 0, device: 1, bytes: 100)
        #expect(table.extent(of: 7)?.bytes == 100 && table.extent(of: 7)?.device == 1)
        #expect(table.useAgain(7))
        table.release(7) { charge, _ in freed.list.append(charge) }
        #expect(table.contains(7) && gone.list.isEmpty)
        table.release(7) { charge, _ in freed.list.append(charge) }
        #expect(!table.contains(7) && freed.list == [0] && gone.list == [7])
        #expect(table.extent(of: 7) == nil)
    }

    @Test func aRangeOfMappingsIsUnmappedAtOnce() {
        let table = PhysicalMemoryTable()
        let freed = Freed()
        for number in UInt64(1)...3 {
            table.insert(number, charge: number, device: 0)
            table.map(number, at: number * 100, bytes: 100)
            table.release(number) { charge, _ in freed.list.append(charge) }
        }
        table.unmap(100, bytes: 200) { charge, _ in freed.list.append(charge) }
        #expect(freed.list.sorted() == [1, 2])
        #expect(table.isMapped(300))
    }
}

extension WorkerTests {
    @Suite struct VirtualMemoryTests {
        private func properties(kind: Int32 = 1, device: Int32 = 0, handles: UInt32 = 0) -> [UInt8]
        {
            bytes(UInt32(1), handles) + bytes(kind, device) + bytes(UInt64(0))
        }

        private func create(
            _ client: TestClient,
            _ size: UInt64,
            _ properties: [UInt8]
        ) throws -> TestClient.Received {
            try client.call(.cuMemCreate, bytes(size, UInt64(0)) + properties)
        }

        @Test func madeMemoryCountsAgainstTheSlice() throws {
            let client = try TestClient(slices: [10_240, 2048])
            let first = try create(client, 8192, properties())
            #expect(first.status == 0)
            #expect(try create(client, 4096, properties()).status == Status.outOfMemory)
            #expect(
                try client.call(.cuMemAlloc_v2, bytes(UInt64(4096))).status == Status.outOfMemory
            )
            let handle = first.load(8, as: UInt64.self)
            #expect(try client.call(.cuMemRelease, bytes(handle)).status == 0)
            #expect(try client.call(.cuMemRelease, bytes(handle)).status == Status.invalidValue)
            #expect(try create(client, 8192, properties()).status == 0)
            client.close()
        }

        @Test func whatIsNotTheClientsIsRefused() throws {
            let client = try TestClient(slices: [10_240, 2048])
            #expect(try create(client, 4096, properties(device: 5)).status == Status.notSupported)
            #expect(try create(client, 4096, properties(kind: 2)).status == Status.notSupported)
            #expect(try create(client, 4096, properties(handles: 2)).status == Status.invalidValue)
            #expect(try create(client, .max, properties()).status == Status.outOfMemory)
            let map = bytes(UInt64(0x1000), UInt64(4096), UInt64(0), UInt64(77), UInt64(0))
            #expect(try client.call(.cuMemMap, map).status == Status.invalidValue)
            let unmap = bytes(UInt64(0x1000), UInt64(4096))
            #expect(try client.call(.cuMemUnmap, unmap).status == Status.invalidValue)
            let none = try client.call(.cuMemGetAllocationPropertiesFromHandle, bytes(UInt64(77)))
            #expect(none.status == Status.invalidValue)
            client.close()
        }
    }
}
