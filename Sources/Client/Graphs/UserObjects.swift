internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization

/// Something of the program that graphs keep alive: its destructor is called when the last reference goes. Nothing of
/// it goes over the wire. Guarded by the object lock.
struct UserObjectEntry {
    var destructor: CUhostFn
    var data: UnsafeMutableRawPointer?
    var references: Int
}

/// References of a graph to user objects. A value that owns memory: `releaseAll` ends it. Guarded by the object lock.
struct HeldObjects {
    typealias State = UnsafeMutablePointer<SessionState>

    private struct Item {
        var object: UInt64
        var count: Int
    }

    private var items: UnsafeMutablePointer<Item>?
    private var count = 0
    private var capacity = 0

    var isEmpty: Bool { count == 0 }

    /// Notes references that the graph has from now on.
    mutating func add(_ object: UInt64, _ references: Int) {
        if let index = index(of: object) {
            items?[index].count += references
            return
        }
        if count == capacity {
            let larger = UnsafeMutablePointer<Item>.allocate(capacity: max(2, capacity * 2))
            if let items {
                larger.moveInitialize(from: items, count: count)
                items.deallocate()
            }
            items = larger
            capacity = max(2, capacity * 2)
        }
        guard let items else { return }
        (items + count).initialize(to: Item(object: object, count: references))
        count += 1
    }

    /// Forgets references; `false` when there are not as many.
    mutating func remove(_ object: UInt64, _ references: Int) -> Bool {
        guard let items, let index = index(of: object), items[index].count >= references else {
            return false
        }
        items[index].count -= references
        if items[index].count == 0 {
            count -= 1
            items[index] = items[count]
        }
        return true
    }

    /// The same references once more, each counted.
    func copied(_ state: State) -> HeldObjects {
        var copy = HeldObjects()
        for index in 0..<count {
            guard let item = items?[index] else { break }
            state.pointee.userObjects.find(item.object)?.pointee.references += item.count
            copy.add(item.object, item.count)
        }
        return copy
    }

    /// Gives all references back, and adds what is to be destroyed to a list.
    mutating func releaseAll(_ state: State, _ list: inout [UserObjectEntry]) {
        for index in 0..<count {
            guard let item = items?[index] else { break }
            if let last = UserObjects.release(state, item.object, item.count) { list.append(last) }
        }
        items?.deallocate()
        (items, count, capacity) = (nil, 0, 0)
    }

    private func index(of object: UInt64) -> Int? {
        for index in 0..<count where items?[index].object == object { return index }
        return nil
    }
}

/// What calls do with user objects.
enum UserObjects {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Gives references back. Called with the object lock held.
    ///
    /// - Returns: The object, if it is to be destroyed.
    static func release(_ state: State, _ object: UInt64, _ count: Int) -> UserObjectEntry? {
        guard let entry = state.pointee.userObjects.find(object) else { return nil }
        entry.pointee.references -= count
        return entry.pointee.references > 0 ? nil : state.pointee.userObjects.remove(object)
    }

    /// The references of a graph that is gone. Called without a lock.
    static func release(_ state: State, _ held: HeldObjects?) {
        guard var held, !held.isEmpty else { return }
        var list: [UserObjectEntry] = []
        state.pointee.objectLock.withLock { held.releaseAll(state, &list) }
        destroy(list)
    }

    /// Calls the destructors of objects, where the program holds no lock of its own that they may want.
    static func destroy(_ list: [UserObjectEntry]) {
        guard !list.isEmpty else { return }
        let job = UnsafeMutablePointer<[UserObjectEntry]>.allocate(capacity: 1)
        job.initialize(to: list)
        if !LibraryThread.start({ destroyMain($0) }, UnsafeMutableRawPointer(job)) {
            destroyMain(UnsafeMutableRawPointer(job))
        }
    }
}

/// A thread for the destructors of some objects.
private func destroyMain(_ argument: UnsafeMutableRawPointer?) {
    guard let job = argument?.assumingMemoryBound(to: [UserObjectEntry].self) else { return }
    let list = job.move()
    job.deallocate()
    for object in list { object.destructor(object.data) }
}
