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

    private var items = GrowingList<Item>()

    var isEmpty: Bool { items.isEmpty }

    /// Notes references that the graph has from now on.
    mutating func add(_ object: UInt64, _ references: Int) {
        if let index = index(of: object) {
            items[index].count += references
        } else {
            items.append(Item(object: object, count: references))
        }
    }

    /// Forgets references; `false` when there are not as many.
    mutating func remove(_ object: UInt64, _ references: Int) -> Bool {
        guard let index = index(of: object), items[index].count >= references else { return false }
        items[index].count -= references
        if items[index].count == 0 { items.swapRemove(index) }
        return true
    }

    /// The same references once more, each counted.
    func copied(_ state: State) -> HeldObjects {
        var copy = HeldObjects()
        for index in 0..<items.count {
            let item = items[index]
            state.pointee.userObjects.find(item.object)?.pointee.references += item.count
            copy.add(item.object, item.count)
        }
        return copy
    }

    /// Gives all references back, and adds what is to be destroyed to a list.
    mutating func releaseAll(_ state: State, _ list: inout [UserObjectEntry]) {
        for index in 0..<items.count {
            let last = UserObjects.release(state, items[index].object, items[index].count)
            if let last { list.append(last) }
        }
        items.deallocate()
        items = GrowingList()
    }

    private func index(of object: UInt64) -> Int? {
        (0..<items.count).first { items[$0].object == object }
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
