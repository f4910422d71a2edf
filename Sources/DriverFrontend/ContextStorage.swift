internal import CLinux
internal import Driver

/// Values that copies of the CUDA runtime keep with a context ("context local storage").
///
/// Every copy asks for its value before almost every call, so this must be local and cheap: a
/// short array under a lock. Thread-safe.
package struct ContextStorage: ~Copyable, @unchecked Sendable {
    private struct Entry {
        var context: UInt64
        var key: UInt
        var value: UInt
        var destructor: UInt
    }

    private let lock = ForkSafeLock()
    private let entries: UnsafeMutablePointer<Entry>
    private let count: UnsafeMutablePointer<Int>
    private static let capacity = 4096

    /// Empty storage.
    package init() {
        entries = .allocate(capacity: Self.capacity)
        count = .allocate(capacity: 1)
        count.initialize(to: 0)
    }

    deinit {
        entries.deallocate()
        count.deallocate()
    }

    /// The value under `key`, or `nil`.
    package func get(context: UInt64, key: UInt) -> UInt? {
        lock.lock()
        defer { lock.unlock() }
        guard let index = find(context, key) else { return nil }
        return entries[index].value
    }

    /// Keeps a value, in place of an older one.
    ///
    /// - Returns: A status: out of memory when all contexts together keep 4096 values.
    package func put(context: UInt64, key: UInt, value: UInt, destructor: UInt) -> Int32 {
        lock.lock()
        defer { lock.unlock() }
        let entry = Entry(context: context, key: key, value: value, destructor: destructor)
        if let index = find(context, key) {
            entries[index] = entry
            return Status.success
        }
        guard count.pointee < Self.capacity else { return Status.outOfMemory }
        entries[count.pointee] = entry
        count.pointee += 1
        return Status.success
    }

    /// Forgets a value without calling its destructor.
    package func remove(context: UInt64, key: UInt) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard let index = find(context, key) else { return false }
        take(index)
        return true
    }

    /// Forgets all values of a context and calls their destructors, as its destruction does.
    package func removeAll(context: UInt64) {
        while let entry = takeOne(of: context) {
            guard let function = UnsafeMutableRawPointer(bitPattern: entry.destructor) else {
                continue
            }
            ferry_call3(
                function,
                UnsafeMutableRawPointer(bitPattern: UInt(entry.context)),
                UnsafeMutableRawPointer(bitPattern: entry.key),
                UnsafeMutableRawPointer(bitPattern: entry.value)
            )
        }
    }

    /// Takes one entry out, so that its destructor runs without the lock.
    private func takeOne(of context: UInt64) -> Entry? {
        lock.lock()
        defer { lock.unlock() }
        for index in 0..<count.pointee where entries[index].context == context {
            let entry = entries[index]
            take(index)
            return entry
        }
        return nil
    }

    private func take(_ index: Int) {
        count.pointee -= 1
        entries[index] = entries[count.pointee]
    }

    private func find(_ context: UInt64, _ key: UInt) -> Int? {
        for index in 0..<count.pointee
        where entries[index].key == key && entries[index].context == context {
            return index
        }
        return nil
    }
}
