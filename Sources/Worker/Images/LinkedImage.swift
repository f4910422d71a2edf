internal import CLinux
internal import Driver
internal import Wire

/// An image of several parts, put together again as the driver wants it: a wrapper of version 2,
/// which points to the linked image and to the images that it was linked from.
///
/// The pointers are this process's own; the client only named sizes, which are checked.
final class LinkedImage {
    /// Wrapper (24 bytes), then the list of parts, which ends with a null pointer.
    private let memory: UnsafeMutableRawPointer

    /// What the driver is given.
    var wrapper: UnsafeRawPointer { UnsafeRawPointer(memory) }

    /// Puts the parts in `bytes` together. They must stay where they are while this lives.
    ///
    /// - Returns: `nil` when the sizes do not fit, or a part is no image.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let parts = Self.parts(bytes) else { return nil }
        memory = .allocate(byteCount: 24 + 8 * parts.count, alignment: 8)
        memory.storeBytes(of: ImageLayout.wrapperMagic, as: UInt32.self)
        memory.storeBytes(of: 2, toByteOffset: 4, as: UInt32.self)
        memory.storeBytes(of: UInt(bitPattern: parts[0]), toByteOffset: 8, as: UInt.self)
        memory.storeBytes(of: UInt(bitPattern: memory + 24), toByteOffset: 16, as: UInt.self)
        for index in 1..<parts.count {
            memory.storeBytes(
                of: UInt(bitPattern: parts[index]),
                toByteOffset: 24 + 8 * (index - 1),
                as: UInt.self
            )
        }
        memory.storeBytes(of: 0, toByteOffset: 24 + 8 * (parts.count - 1), as: UInt.self)
    }

    deinit { memory.deallocate() }

    /// Where each part begins, after a check that it is an image and ends where it should.
    private static func parts(_ bytes: UnsafeRawBufferPointer) -> [UnsafeRawPointer]? {
        guard let base = bytes.baseAddress, bytes.count >= LinkedImageLayout.sizes else {
            return nil
        }
        let count = Int(base.loadUnaligned(as: UInt32.self))
        guard count >= 1, count <= LinkedImageLayout.maxCount else { return nil }
        var offset = LinkedImageLayout.sizes + 8 * count
        guard offset <= bytes.count else { return nil }
        var parts: [UnsafeRawPointer] = []
        for index in 0..<count {
            let slot = LinkedImageLayout.sizes + 8 * index
            let size = base.loadUnaligned(fromByteOffset: slot, as: UInt64.self)
            guard size <= UInt64(bytes.count - offset) else { return nil }
            let part = UnsafeRawBufferPointer(start: base + offset, count: Int(size))
            guard ImageCheck.check(part) == Status.success, let start = part.baseAddress else {
                return nil
            }
            parts.append(start)
            offset = min(bytes.count, offset + WireFormat.padded(Int(size)))
        }
        return parts
    }
}
