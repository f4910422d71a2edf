import DriverFrontend
import Testing

/// What the destructors below were called with.
nonisolated(unsafe) private var destroyed: [[UInt]] = []

private let destructor:
    @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) ->
        Void = { context, key, value in
            destroyed.append([context, key, value].map { UInt(bitPattern: $0) })
        }

/// `ContextStorage` cannot be copied, which the expectation macros want to do.
private final class Storage {
    private let values = ContextStorage()

    func get(context: UInt64, key: UInt) -> UInt? { values.get(context: context, key: key) }
    func put(context: UInt64, key: UInt, value: UInt, destructor: UInt) -> Int32 {
        values.put(context: context, key: key, value: value, destructor: destructor)
    }
    func remove(context: UInt64, key: UInt) -> Bool { values.remove(context: context, key: key) }
    func removeAll(context: UInt64) { values.removeAll(context: context) }
}

@Suite(.serialized) struct ContextStorageTests {
    private let function = UInt(bitPattern: unsafeBitCast(destructor, to: UnsafeRawPointer.self))

    @Test func `values by context and key`() {
        let storage = Storage()
        #expect(storage.get(context: 1, key: 2) == nil)
        #expect(storage.put(context: 1, key: 2, value: 3, destructor: 0) == 0)
        #expect(storage.put(context: 1, key: 4, value: 5, destructor: 0) == 0)
        #expect(storage.put(context: 2, key: 2, value: 6, destructor: 0) == 0)
        #expect(storage.get(context: 1, key: 2) == 3)
        #expect(storage.get(context: 1, key: 4) == 5)
        #expect(storage.get(context: 2, key: 2) == 6)
        #expect(storage.get(context: 2, key: 4) == nil)
    }

    @Test func `a later value replaces an earlier one and no destructor runs`() {
        destroyed = []
        let storage = Storage()
        _ = storage.put(context: 1, key: 2, value: 3, destructor: function)
        _ = storage.put(context: 1, key: 2, value: 4, destructor: function)
        #expect(storage.get(context: 1, key: 2) == 4)
        #expect(storage.remove(context: 1, key: 2))
        #expect(!storage.remove(context: 1, key: 2))
        #expect(storage.get(context: 1, key: 2) == nil)
        #expect(destroyed.isEmpty)
    }

    @Test func `the end of a context runs the destructors of its values`() {
        destroyed = []
        let storage = Storage()
        _ = storage.put(context: 1, key: 10, value: 11, destructor: function)
        _ = storage.put(context: 2, key: 20, value: 21, destructor: function)
        _ = storage.put(context: 1, key: 30, value: 31, destructor: 0)
        _ = storage.put(context: 1, key: 40, value: 41, destructor: function)
        storage.removeAll(context: 1)
        #expect(Set(destroyed) == [[1, 10, 11], [1, 40, 41]])
        #expect(storage.get(context: 1, key: 30) == nil)
        #expect(storage.get(context: 2, key: 20) == 21)
    }

    @Test func `it is bounded`() {
        let storage = Storage()
        for key: UInt in 1...4096 {
            #expect(storage.put(context: 1, key: key, value: key, destructor: 0) == 0)
        }
        #expect(storage.put(context: 1, key: 5000, value: 1, destructor: 0) == 2)
        #expect(storage.put(context: 1, key: 4096, value: 1, destructor: 0) == 0)
        #expect(storage.remove(context: 1, key: 1))
        #expect(storage.put(context: 1, key: 5000, value: 1, destructor: 0) == 0)
        #expect(storage.get(context: 1, key: 4095) == 4095)
    }
}
