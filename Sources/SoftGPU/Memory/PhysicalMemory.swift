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
    /// The handle; set once, before anyone sees it.
    var handle: UInt64 = 0

    /// Takes memory; `nil` when there is not enough.
    package init?(_ size: Int, of memory: DeviceMemory) {
        guard memory.takePhysical(size) else { return nil }
        file = ferry_memfd("ferry-soft-gpu", 1)  // MFD_CLOEXEC
        self.memory = memory
        self.size = size
        if file < 0 || ftruncate(file, size) != 0 { return nil }
    }

    deinit {
        memory.givePhysicalBack(size)
        if file >= 0 { close(file) }
    }
}
