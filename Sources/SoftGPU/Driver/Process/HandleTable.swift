internal import DriverFrontend

/// Gives out handles for objects and finds the objects again.
///
/// A handle is no pointer: a stale or invented one is refused instead of followed. It holds the
/// kind of object, a generation that changes with each reuse of the slot, and the slot. Safe to
/// use from any thread.
final class HandleTable<Object: AnyObject>: @unchecked Sendable {
    private struct Slot {
        var object: Object?
        var generation: UInt64
    }

    private let kind: UInt64
    private let lock = ForkSafeLock()
    private var slots: [Slot] = []
    private var free: [Int] = []

    /// Generations of a slot before its handles repeat.
    private static var generations: UInt64 { 4096 }

    /// - Parameter kind: 1 to 255, different for each table.
    init(kind: UInt64) {
        self.kind = kind
    }

    /// Keeps `object`; what it returns is never 0, 1 or 2.
    func insert(_ object: Object) -> UInt64 {
        lock.withLock {
            guard let index = free.popLast() else {
                slots.append(Slot(object: object, generation: 0))
                return handle(slots.count - 1)
            }
            slots[index].object = object
            return handle(index)
        }
    }

    /// The object of a handle; `nil` for one that is not (or no longer) valid.
    func object(_ handle: UInt64) -> Object? {
        lock.withLock {
            guard let index = index(handle) else { return nil }
            return slots[index].object
        }
    }

    /// Makes a handle invalid and returns its object.
    @discardableResult
    func remove(_ handle: UInt64) -> Object? {
        defer { RememberedLaunches.forget() }
        return lock.withLock {
            guard let index = index(handle), let object = slots[index].object else { return nil }
            slots[index].object = nil
            slots[index].generation = (slots[index].generation + 1) % Self.generations
            free.append(index)
            return object
        }
    }

    /// Whether the handle has ever been given out, judged by its shape.
    func isPlausible(_ handle: UInt64) -> Bool {
        handle >> 44 == kind && handle & 15 == 0
    }

    private func handle(_ index: Int) -> UInt64 {
        kind << 44 | slots[index].generation << 32 | UInt64(index + 1) << 4
    }

    private func index(_ handle: UInt64) -> Int? {
        guard isPlausible(handle) else { return nil }
        let index = Int(handle >> 4 & 0xFFF_FFFF) - 1
        guard slots.indices.contains(index), handle >> 32 & 0xFFF == slots[index].generation else {
            return nil
        }
        return index
    }
}
