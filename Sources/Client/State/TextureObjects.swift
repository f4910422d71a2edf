internal import CLinux
internal import Driver
internal import DriverFrontend

/// A texture or surface object of the program.
package struct TextureObject {
    /// The driver's value. Two contexts may have the same one, and a texture and a surface too.
    package var object: UInt64
    /// Handle of its context.
    package var context: UInt64
    package var isSurface: Bool

    /// A name for an object.
    package init(_ object: UInt64, context: UInt64, isSurface: Bool) {
        self.object = object
        self.context = context
        self.isSurface = isSurface
    }
}

/// How a texture or surface object was described: the structures of `cuda.h`, as the program wrote
/// them, at these offsets.
package enum TextureDescription {
    /// `CUDA_RESOURCE_DESC`, 144 bytes.
    package static let resource = 0
    /// `CUDA_TEXTURE_DESC`, 104 bytes; zeros for a surface.
    package static let texture = 144
    /// `CUDA_RESOURCE_VIEW_DESC`, 112 bytes; zeros when there was none.
    package static let view = 248
    package static let size = 360
}

/// The texture and surface objects of the program with their descriptions, so that what they are is
/// answered without asking the server. Thread-safe.
package struct TextureObjects: ~Copyable {
    private struct Entry {
        var key: TextureObject
        var hasView: Bool
        /// `TextureDescription.size` bytes.
        var description: UnsafeMutableRawPointer
    }

    private struct List {
        var entries: UnsafeMutablePointer<Entry>
        var count: Int
        var capacity: Int
    }

    private let lock = ForkSafeLock()
    private let list: UnsafeMutablePointer<List>

    /// No objects yet.
    package init() {
        list = .allocate(capacity: 1)
        list.initialize(to: List(entries: .allocate(capacity: 16), count: 0, capacity: 16))
    }

    /// Remembers an object; one that the driver gave the same value before is gone.
    ///
    /// - Parameter describe: Writes a `TextureDescription` over zeros; says whether it has a view.
    package func insert(
        _ key: TextureObject,
        _ describe: (UnsafeMutableRawPointer) -> Bool
    ) {
        let size = TextureDescription.size
        let description = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        memset(description, 0, size)
        let hasView = describe(description)
        lock.lock()
        defer { lock.unlock() }
        let (index, isThere) = place(key)
        if isThere { take(index) }
        if list.pointee.count == list.pointee.capacity { grow() }
        let entries = list.pointee.entries
        let bytes = (list.pointee.count - index) * MemoryLayout<Entry>.stride
        memmove(entries + index + 1, entries + index, bytes)
        let entry = Entry(key: key, hasView: hasView, description: description)
        (entries + index).initialize(to: entry)
        list.pointee.count += 1
    }

    /// Forgets an object; `false` when there is none of this name.
    package func remove(_ key: TextureObject) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        let (index, isThere) = place(key)
        if isThere { take(index) }
        return isThere
    }

    /// Forgets the objects of a context.
    package func removeAll(context: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        var index = list.pointee.count - 1
        while index >= 0 {
            if list.pointee.entries[index].key.context == context { take(index) }
            index -= 1
        }
    }

    /// Copies a part of an object's description.
    ///
    /// - Parameter offset: Of `TextureDescription`.
    /// - Returns: A status: "invalid value" when there is no such object or it has no view.
    package func copy(
        _ key: TextureObject,
        _ offset: Int,
        _ size: Int,
        to target: UnsafeMutableRawPointer
    ) -> Int32 {
        lock.lock()
        defer { lock.unlock() }
        let (index, isThere) = place(key)
        guard isThere else { return Status.invalidValue }
        let entry = list.pointee.entries[index]
        guard offset != TextureDescription.view || entry.hasView else {
            return Status.invalidValue
        }
        memcpy(target, entry.description + offset, size)
        return Status.success
    }

    /// Where an object is, or would be.
    private func place(_ key: TextureObject) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = list.pointee.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(list.pointee.entries[middle].key, key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < list.pointee.count else { return (low, false) }
        return (low, !isBefore(key, list.pointee.entries[low].key))
    }

    private func isBefore(_ a: TextureObject, _ b: TextureObject) -> Bool {
        if a.object != b.object { return a.object < b.object }
        if a.context != b.context { return a.context < b.context }
        return !a.isSurface && b.isSurface
    }

    private func take(_ index: Int) {
        let entries = list.pointee.entries
        entries[index].description.deallocate()
        let bytes = (list.pointee.count - index - 1) * MemoryLayout<Entry>.stride
        memmove(entries + index, entries + index + 1, bytes)
        list.pointee.count -= 1
    }

    private func grow() {
        let larger = UnsafeMutablePointer<Entry>.allocate(capacity: list.pointee.capacity * 2)
        larger.moveInitialize(from: list.pointee.entries, count: list.pointee.count)
        list.pointee.entries.deallocate()
        list.pointee.entries = larger
        list.pointee.capacity *= 2
    }
}
