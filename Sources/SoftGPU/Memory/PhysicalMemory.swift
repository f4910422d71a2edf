internal import CLinux

/// Memory of a GPU that has no address until it is mapped: what `cuMemCreate` makes. It counts as used,
/// and is there, as long as its handle or a mapping of it is.
package final class PhysicalMemory: @unchecked Sendable {
    /// The memory that it is a part of.
    let memory: DeviceMemory
    /// Bytes.
    let size: Int
    /// A file without a name, so that the same bytes can be mapped at more than one address.
    let file: Int32
    private let isOwn: Bool
    private let lock = Lock()
    /// The handle, and how often it has to be released; there is one at a time.
    private var handle: (value: UInt64, count: Int) = (0, 0)

    /// Whether other processes may be given it; set once, before anyone sees it.
    var isExportable = false

    /// Names of the files begin so, and end with the number of the GPU.
    private static let name = "ferry-soft-gpu-memory-"

    /// Takes memory; `nil` when there is not enough.
    ///
    /// - Parameter gpu: The GPU (`Identity.index`), which other processes know it by.
    package init?(_ size: Int, of memory: DeviceMemory, gpu: Int = 0) {
        guard memory.takePhysical(size) else { return nil }
        file = ferry_memfd(Self.name + "\(gpu)", 1)  // MFD_CLOEXEC
        self.memory = memory
        self.size = size
        isOwn = true
        if file < 0 || ftruncate(file, size) != 0 { return nil }
    }

    /// What a file of another process is: its GPU and its bytes; `nil` when it is no such memory.
    static func shared(_ file: Int32) -> (gpu: Int, bytes: Int)? {
        var target = [CChar](repeating: 0, count: 256)
        let length = readlink("/proc/self/fd/\(file)", &target, target.count - 1)
        guard length > 0 else { return nil }
        let text = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let prefix = "/memfd:" + name
        var facts = stat()
        guard text.hasPrefix(prefix), fstat(file, &facts) == 0, facts.st_size > 0,
            let gpu = Int(text.dropFirst(prefix.count).prefix { $0 != " " })
        else { return nil }
        return (gpu, Int(facts.st_size))
    }

    /// Memory of another process, which takes nothing of what this one may have.
    ///
    /// - Parameter file: Belongs to this object from now on.
    package init(shared file: Int32, _ size: Int, of memory: DeviceMemory) {
        self.file = file
        self.memory = memory
        self.size = size
        isOwn = false
    }

    deinit {
        if isOwn { memory.givePhysicalBack(size) }
        if file >= 0 { close(file) }
    }

    /// Gives out the handle once more, or makes one if there is none.
    func retainHandle(_ make: () -> UInt64) -> UInt64 {
        lock.withLock {
            if handle.count == 0 { handle.value = make() }
            handle.count += 1
            return handle.value
        }
    }

    /// Takes it back once, and removes it when it was given out no more often.
    func releaseHandle(_ remove: (UInt64) -> Void) {
        lock.withLock {
            guard handle.count > 0 else { return }
            handle.count -= 1
            if handle.count == 0 { remove(handle.value) }
        }
    }
}
