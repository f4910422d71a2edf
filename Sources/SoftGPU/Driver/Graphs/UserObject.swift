internal import CUDAABI
internal import Driver

/// Something of the program that graphs keep alive: its destructor is called when the last
/// reference goes. Guarded by `GraphState.lock`.
final class UserObject: @unchecked Sendable {
    private let destructor: CUhostFn
    private let data: UInt
    private var references: Int
    /// Its handle; set once, before anyone sees it.
    var handle: UInt64 = 0
    private let driver: SoftDriver

    init(
        _ destructor: CUhostFn,
        _ data: UnsafeMutableRawPointer?,
        references: Int,
        driver: SoftDriver
    ) {
        self.destructor = destructor
        self.data = UInt(bitPattern: data)
        self.references = references
        self.driver = driver
    }

    func retain(_ count: Int) { references += count }

    /// Fails when there are not as many references.
    func release(_ count: Int) throws(Failure) {
        guard count <= references else { throw .invalidValue }
        references -= count
        guard references == 0 else { return }
        driver.graphs.objects.remove(handle)
        let (destructor, data) = (destructor, data)
        Destructors.shared.call { destructor(UnsafeMutableRawPointer(bitPattern: data)) }
    }
}

/// References of a graph to user objects.
struct HeldObjects {
    private var held: [ObjectIdentifier: (object: UserObject, count: Int)] = [:]

    /// Notes references that the graph has from now on.
    mutating func add(_ object: UserObject, _ count: Int) {
        held[ObjectIdentifier(object), default: (object, 0)].count += count
    }

    /// Gives references back; fails when the graph has not as many.
    mutating func release(_ object: UserObject, _ count: Int) throws(Failure) {
        let key = ObjectIdentifier(object)
        guard let known = held[key], known.count >= count else { throw .invalidValue }
        held[key] = known.count == count ? nil : (object, known.count - count)
        try object.release(count)
    }

    /// Gives all references back.
    mutating func releaseAll() {
        for (object, count) in held.values { try? object.release(count) }
        held = [:]
    }

    /// The same references once more.
    func copied() -> HeldObjects {
        for (object, count) in held.values { object.retain(count) }
        return self
    }

    var isEmpty: Bool { held.isEmpty }
}

/// Calls destructors of user objects one after another on a thread of their own, where no lock of
/// the driver is held and no work waits for them.
final class Destructors: @unchecked Sendable {
    static let shared = Destructors()
    private let lock = Lock()
    private let changed = Condition()
    private var queue: [@Sendable () -> Void] = []
    private var hasThread = false

    /// Returns at once; when the system has no thread, the call is made now.
    func call(_ body: @escaping @Sendable () -> Void) {
        let isQueued = lock.withLock {
            if !hasThread {
                hasThread = StreamThread.start(name: "ferry-objects") { [self] in work() }
            }
            guard hasThread else { return false }
            queue.append(body)
            changed.signal()
            return true
        }
        if !isQueued { body() }
    }

    private func work() {
        while true {
            let body = lock.withLock {
                while queue.isEmpty { changed.wait(lock) }
                return queue.removeFirst()
            }
            body()
        }
    }
}
