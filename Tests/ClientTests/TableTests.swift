import CUDAABI
import Client
import Testing
import Wire

/// `HandleTable` cannot be copied, which the expectation macros want to do.
private final class Table {
    private var values = HandleTable<Int>(.stream)

    func insert(_ value: Int) -> UInt64? { values.insert(value) }
    func remove(_ handle: UInt64) -> Int? { values.remove(handle) }
    func find(_ handle: UInt64) -> Int? { values.find(handle)?.pointee }
    var all: [Int] {
        var found: [Int] = []
        values.forEach { _, value in found.append(value.pointee) }
        return found
    }
}

@Suite struct HandleTableTests {
    @Test func `objects by handle`() throws {
        let table = Table()
        let handles = try (0..<3000).map { try #require(table.insert($0)) }
        #expect(Set(handles).count == 3000)
        for (index, handle) in handles.enumerated() {
            #expect(table.find(handle) == index)
            #expect(handle & 0xF == 0, "programs keep marks there")
            #expect(handle < 1 << 47, "it looks like an address")
        }
        #expect(table.all == Array(0..<3000))
    }

    @Test func `a removed object's place is used again, its handle is not`() throws {
        let table = Table()
        let first = try #require(table.insert(1))
        #expect(table.remove(first) == 1)
        #expect(table.remove(first) == nil)
        #expect(table.find(first) == nil)
        let second = try #require(table.insert(2))
        #expect(second != first)
        #expect(Handle.index(second, .stream) == Handle.index(first, .stream))
        #expect(table.find(first) == nil)
        #expect(table.find(second) == 2)
        #expect(table.all == [2])
    }

    @Test func `handles of other kinds, and no handles`() throws {
        let table = Table()
        let handle = try #require(table.insert(7))
        let event = Handle.make(.event, index: 0, generation: 0)
        for foreign in [event, 0, 1, 2, handle + 1, handle + 16, handle | 1 << 47, .max] {
            #expect(table.find(foreign) == nil, "\(foreign)")
            #expect(table.remove(foreign) == nil)
        }
        #expect(table.find(handle) == 7)
    }

    @Test func `kinds do not overlap`() {
        let kinds: [Handle.Kind] = [.stream, .event, .image, .link, .context, .function]
        let handles = kinds.map { Handle.make($0, index: 5, generation: 9) }
        #expect(Set(handles).count == kinds.count)
        for (kind, handle) in zip(kinds, handles) {
            for other in kinds { #expect(Handle.index(handle, other) == (other == kind ? 5 : nil)) }
        }
    }

    @Test func `it is bounded`() throws {
        let table = Table()
        var last: UInt64?
        // The first index is never used.
        for index in 1..<Handle.maxIndex { last = table.insert(index) }
        #expect(table.insert(0) == nil)
        #expect(table.remove(try #require(last)) == Handle.maxIndex - 1)
        #expect(table.insert(0) != nil)
    }
}

@Suite struct AllocationsTests {
    /// `Allocations` cannot be copied either.
    private final class Memory {
        private let values = Allocations()

        func insert(_ address: UInt64, _ size: Int, context: UInt64 = 1, image: UInt64 = 0) {
            values.insert(Allocation(address: address, size: size, context: context, image: image))
        }
        func map(_ address: UInt64, _ size: Int) {
            values.insert(Allocation(address: address, size: size, context: 1, isMapping: true))
        }
        func unmap(_ address: UInt64, _ size: Int) { values.removeMappings(address, size) }
        func remove(_ address: UInt64) -> Allocation? { values.remove(address) }
        func removeAll(context: UInt64) { values.removeAll(context: context) }
        func removeAll(image: UInt64) { values.removeAll(image: image) }
        func base(_ address: UInt64) -> UInt64? { values.find(address)?.address }
        func contains(_ address: UInt64, _ bytes: Int) -> Bool { values.contains(address, bytes) }
    }

    @Test func `mappings are used in one piece`() {
        let memory = Memory()
        memory.map(1000, 100)
        memory.map(1100, 50)
        memory.insert(1150, 10)
        #expect(memory.contains(1000, 150))
        #expect(memory.contains(1099, 51))
        #expect(!memory.contains(1099, 52), "what was allocated behind them is another piece")
        #expect(memory.base(1120) == 1100)
        #expect(memory.remove(1100) == nil, "a mapping is not freed")
        memory.removeAll(context: 1)
        #expect(memory.contains(1000, 150), "no context has it")
        memory.unmap(1100, 50)
        #expect(memory.contains(1000, 100) && !memory.contains(1000, 101))
    }

    @Test func `edges of ranges`() {
        let memory = Memory()
        memory.insert(1000, 100)
        memory.insert(1100, 50)
        #expect(memory.base(999) == nil)
        #expect(memory.base(1000) == 1000)
        #expect(memory.base(1099) == 1000)
        #expect(memory.base(1100) == 1100)
        #expect(memory.base(1150) == nil)
        #expect(memory.contains(1000, 100))
        #expect(!memory.contains(1000, 101), "two allocations are not one")
        #expect(memory.contains(1099, 1))
        #expect(!memory.contains(1099, 2))
        #expect(!memory.contains(1000, -1))
        #expect(!memory.contains(1000, .max))
        #expect(!memory.contains(.max, 1))
    }

    @Test func `only what starts there can be freed`() {
        let memory = Memory()
        memory.insert(1000, 100)
        memory.insert(2000, 4, image: 9)
        #expect(memory.remove(1001) == nil)
        #expect(memory.remove(2000) == nil, "a variable")
        #expect(memory.remove(1000)?.size == 100)
        #expect(memory.remove(1000) == nil)
        #expect(memory.base(1000) == nil)
    }

    @Test func `new memory replaces what lay there`() {
        let memory = Memory()
        memory.insert(1000, 16, image: 9)
        memory.insert(1064, 16, image: 9)
        memory.insert(900, 110)
        #expect(memory.base(1005) == 900)
        #expect(memory.base(1064) == 1064)
        memory.insert(960, 200)
        for address: UInt64 in [960, 1000, 1064, 1100] { #expect(memory.base(address) == 960) }
        #expect(memory.base(900) == nil)
        memory.insert(960, 8)
        #expect(memory.base(968) == nil)
    }

    @Test func `the end of a context and of a module`() {
        let memory = Memory()
        for index: UInt64 in 0..<100 {
            memory.insert(index * 100, 10, context: index % 3, image: index % 5 == 4 ? 77 : 0)
        }
        memory.removeAll(context: 1)
        memory.removeAll(image: 77)
        for index: UInt64 in 0..<100 {
            let isThere = index % 3 != 1 && index % 5 != 4
            #expect((memory.base(index * 100) != nil) == isThere)
        }
    }

    @Test func `many, in any order`() {
        var numbers: [UInt64] = []
        var next: UInt64 = 12345
        for _ in 0..<3000 {
            next = next &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            numbers.append((next >> 40) * 64)
        }
        let memory = Memory()
        for number in numbers { memory.insert(number, 64) }
        for number in numbers { #expect(memory.base(number + 63) == number) }
        for number in Set(numbers) { #expect(memory.remove(number) != nil) }
        for number in numbers { #expect(memory.base(number) == nil) }
    }
}

@Suite struct VisibleDevicesTests {
    /// The server's ordinals of what the variable leaves; `nil` when it leaves none.
    private func visible(_ text: String?) throws -> [Int32]? {
        let body = Snapshot(devices: 4).body
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count, alignment: 8)
        defer { copy.deallocate() }
        copy.copyBytes(from: body)
        guard let devices = Devices.read(UnsafeRawBufferPointer(copy)) else {
            Issue.record("the snapshot cannot be read")
            return nil
        }
        do throws(Connector.Refusal) {
            let left = try filter(devices, text)
            var ordinals: [Int32] = []
            for device in 0..<left.count {
                let ordinal = left.serverOrdinal(device)
                #expect(left.attribute(device, 1) == ordinal * 1000 + 1)
                ordinals.append(ordinal)
            }
            return ordinals
        } catch {
            #expect(error.status == 100)
            return nil
        }
    }

    private func filter(
        _ devices: consuming Devices,
        _ text: String?
    ) throws(Connector.Refusal) -> Devices {
        guard let text else { return try VisibleDevices.filter(devices, nil) }
        var characters = text.utf8CString
        characters.append(0)
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: characters.count)
        defer { copy.deallocate() }
        for (index, character) in characters.enumerated() { copy[index] = character }
        return try VisibleDevices.filter(devices, copy)
    }

    static let lists: [(String?, [Int32]?)] = [
        (nil, [0, 1, 2, 3]), ("", nil), (" ", nil), ("0", [0]), ("3", [3]), ("2,0", [2, 0]),
        ("0,1,2,3", [0, 1, 2, 3]), (" 1 , 3 ", [1, 3]), ("1,", [1]), (",1", nil), ("4", nil),
        ("1,4,2", [1]), ("1,-1,2", [1]), ("-1", nil), ("1,1", nil), ("0,1,0", nil), ("x", nil),
        ("1,x", [1]), ("1x", [1]), ("99999999999", nil), ("NoDevFiles", nil),
        // UUIDs of the fake: device n has bytes 16n, 16n+1, …
        ("GPU-20212223-2425-2627-2829-2a2b2c2d2e2f", [2]), ("GPU-2", [2]), ("GPU-1,0", [1, 0]),
        ("GPU-00,GPU-30", [0, 3]), ("GPU-20212223-2425-2627-2829-2A2B2C2D2E2F", [2]),
        ("GPU-", nil), ("GPU-5", nil), ("GPU-2g", nil), ("GP", nil), ("MIG-2", nil),
        ("GPU-20212223-2425-2627-2829-2a2b2c2d2e2f00", nil),
    ]

    @Test(arguments: lists)
    func `the list that is left`(_ row: (text: String?, ordinals: [Int32]?)) throws {
        #expect(try visible(row.text) == row.ordinals)
    }
}

extension ClientTests {
    @Suite struct VisibleDevicesInUse {
        @Test func `contexts name the server's devices`() async throws {
            let server = try FakeServer(snapshot: Snapshot(devices: 3))
            try await onNewThread {
                defer { Session.end() }
                try #require(start(server, visibleDevices: "2,0") == 0)
                var count: Int32 = 0
                #expect(ClientCalls.cuDeviceGetCount(&count) == 0)
                #expect(count == 2)
                for (device, expected) in [(CUdevice(0), UInt32(3)), (1, 1)] {
                    var context: CUcontext?
                    #expect(ClientCalls.cuDevicePrimaryCtxRetain(&context, device) == 0)
                    #expect(ClientCalls.cuCtxSetCurrent(context) == 0)
                    #expect(ClientCalls.cuCtxSynchronize() == 0)
                    #expect(server.requests.last?.context == expected)
                }
            }
        }
    }
}

@Suite struct AnswerTests {
    @Test func `limits are remembered until one changes`() {
        let limits = LimitCache()
        #expect(limits.value(of: 7, in: 1) == nil)
        limits.note(4096, of: 7, in: 1)
        #expect(limits.value(of: 7, in: 1) == 4096)
        #expect(limits.value(of: 8, in: 1) == nil)
        #expect(limits.value(of: 7, in: 2) == nil)
        #expect(limits.value(of: 7, in: 5) == nil, "the same place")
        limits.note(1024, of: 0, in: 1)
        #expect(limits.value(of: 0, in: 1) == nil, "the driver changes the stack by itself")
        limits.clear()
        #expect(limits.value(of: 7, in: 1) == nil)
    }

    @Test func `a tensor map is known by all that was asked`() {
        let maps = TensorMapCache()
        var question = [UInt8](repeating: 3, count: TensorMapLayout.size)
        let answer = [UInt8](repeating: 9, count: TensorMapLayout.descriptorSize)
        var found = [UInt8](repeating: 0, count: TensorMapLayout.descriptorSize)
        #expect(!maps.answer(1, .cuTensorMapEncodeTiled, question, &found))
        maps.note(1, .cuTensorMapEncodeTiled, question, answer)
        #expect(maps.answer(1, .cuTensorMapEncodeTiled, question, &found))
        #expect(found == answer)
        #expect(!maps.answer(2, .cuTensorMapEncodeTiled, question, &found))
        #expect(!maps.answer(1, .cuTensorMapEncodeIm2col, question, &found))
        question[TensorMapLayout.size - 1] = 4
        #expect(!maps.answer(1, .cuTensorMapEncodeTiled, question, &found))
    }
}
