internal import CLanes
internal import Driver
internal import Lanes

/// A texture or surface object as it was described.
struct TextureRecord {
    let context: Context
    /// The bytes of `CUDA_RESOURCE_DESC`, and of textures `CUDA_TEXTURE_DESC`.
    let resource: [UInt8]
    let settings: [UInt8]
}

/// The texture and surface objects of the process. Safe to use from any thread.
final class TextureObjects: @unchecked Sendable {
    /// Bytes of `CUDA_RESOURCE_DESC` and `CUDA_TEXTURE_DESC`.
    static let resourceBytes = 144
    static let settingsBytes = 104

    private let lock = Lock()
    private var records: [UInt64: TextureRecord] = [:]

    /// Adds an object; returns its handle.
    func insert(
        _ texture: LaneTexture,
        _ record: TextureRecord,
        tag: UInt64
    ) throws(Failure) -> UInt64 {
        guard let handle = TextureTable.shared.insert(texture, tag: tag) else {
            throw .outOfMemory
        }
        lock.withLock { records[handle] = record }
        return handle
    }

    /// How an object of this tag was described.
    func record(_ handle: UInt64, tag: UInt64) throws(Failure) -> TextureRecord {
        guard handle >> 56 == tag >> 56, let found = lock.withLock({ records[handle] }) else {
            throw .invalidValue
        }
        return found
    }

    /// Takes an object out once the work that there is has ended.
    func remove(_ handle: UInt64, tag: UInt64) throws(Failure) {
        let record = try record(handle, tag: tag)
        record.context.synchronize()
        lock.withLock { _ = records.removeValue(forKey: handle) }
        TextureTable.shared.remove(handle)
    }

    /// Takes all objects of a context out, in which nothing runs any more.
    func removeAll(of context: Context) {
        let old = lock.withLock {
            let old = records.filter { $0.value.context === context }.map(\.key)
            for handle in old { records.removeValue(forKey: handle) }
            return old
        }
        for handle in old { TextureTable.shared.remove(handle) }
    }
}
