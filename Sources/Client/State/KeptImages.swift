internal import CLinux
internal import DriverFrontend
internal import Wire

/// What is known of the images that the server keeps: the start of each one's hash, from the
/// snapshot and from what this process has sent. A mistake costs a round trip, nothing else.
package final class KeptImages: Sendable {
    /// Open addressing; 0 is an empty place.
    private nonisolated(unsafe) let places: UnsafeMutablePointer<UInt32>
    private nonisolated(unsafe) var count = 0
    private let lock = ForkSafeLock()

    private static let capacity = 4 * SnapshotLayout.maxImages

    /// Reads what a snapshot says behind its devices.
    ///
    /// - Parameter offset: Where the devices end.
    /// - Returns: `nil` when the server keeps no images.
    package init?(_ body: UnsafeRawBufferPointer, offset: Int) {
        guard body.count - offset >= SnapshotLayout.images else { return nil }
        let images = Int(
            body.loadUnaligned(fromByteOffset: offset + SnapshotLayout.imageCount, as: UInt32.self)
        )
        let start = offset + SnapshotLayout.images
        guard images <= SnapshotLayout.maxImages, 4 * images <= body.count - start else {
            return nil
        }
        // Never written pages of it take no memory.
        guard let memory = calloc(Self.capacity, 4) else { return nil }
        places = memory.assumingMemoryBound(to: UInt32.self)
        for index in 0..<images {
            insert(body.loadUnaligned(fromByteOffset: start + 4 * index, as: UInt32.self))
        }
    }

    deinit { free(places) }

    /// Whether the server seems to have the image.
    func contains(_ name: ImageName) -> Bool {
        lock.withLock { places[place(name.prefix)] != 0 }
    }

    /// The server has got the image.
    func add(_ name: ImageName) {
        lock.withLock { insert(name.prefix) }
    }

    private func insert(_ prefix: UInt32) {
        // Beyond a half, the table would become slow; what is not in it is asked for or sent.
        guard count < Self.capacity / 2 else { return }
        let place = place(prefix)
        if places[place] == 0 { count += 1 }
        places[place] = max(1, prefix)
    }

    /// Where the prefix is, or would be.
    private func place(_ prefix: UInt32) -> Int {
        let value = max(1, prefix)
        var index = Int(value) % Self.capacity
        while places[index] != 0, places[index] != value { index = (index + 1) % Self.capacity }
        return index
    }
}
