internal import CLanes
internal import Driver
internal import Lanes

/// A `.texref` or `.surfref` variable of a module: what the older calls `cuTexRefSet…` change.
///
/// The variable's 8 bytes hold the handle of an object that is made anew with each change: kernels
/// find it there. Changes wait for the kernels that run. Safe to use from any thread.
final class TextureReference: @unchecked Sendable {
    let context: Context
    /// The variable.
    let address: UInt64
    /// `TextureTag.texture` or `.surface`.
    let tag: UInt64
    private(set) var handle: UInt64 = 0
    private let lock = Lock()
    private var state = State()

    /// What has been set.
    struct State {
        var resource: TextureResource?
        var settings = TextureSettings()
        /// Of linear memory, which says no format itself.
        var format: Int32 = 0x20
        var channels: UInt32 = 1
        fileprivate var object: UInt64 = 0
    }

    init(context: Context, address: UInt64, tag: UInt64) {
        self.context = context
        self.address = address
        self.tag = tag
        handle = context.driver.textureReferences.insert(self)
    }

    /// What has been set so far.
    var current: State { lock.withLock { state } }

    /// Changes the state; nothing has changed when it fails.
    func change(_ body: (inout State) throws(Failure) -> Void) throws(Failure) {
        context.synchronize()
        try lock.withLock { () throws(Failure) in
            var next = state
            try body(&next)
            if let resource = next.resource {
                next.object = try renew(resource, next.settings)
            }
            state = next
        }
    }

    /// Puts a new object in the place of the last one.
    private func renew(
        _ resource: TextureResource,
        _ settings: TextureSettings
    ) throws(Failure) -> UInt64 {
        var texture = try resource.laneTexture(context.driver)
        if tag == TextureTag.texture { try settings.apply(to: &texture) }
        guard let object = TextureTable.shared.insert(texture, tag: tag) else {
            throw .outOfMemory
        }
        release()
        write(object)
        return object
    }

    /// Makes the handle invalid and frees the object; the variable is gone.
    func destroy() {
        context.driver.textureReferences.remove(handle)
        lock.withLock { release() }
    }

    private func release() {
        if state.object != 0 { TextureTable.shared.remove(state.object) }
        state.object = 0
    }

    private func write(_ object: UInt64) {
        UnsafeMutableRawPointer(bitPattern: UInt(address))?
            .storeBytes(of: object, as: UInt64.self)
    }
}

extension SoftDriver {
    /// A reference by its handle: of a texture or a surface, as the tag says.
    func textureReference(
        _ handle: OpaquePointer?,
        _ tag: UInt64 = TextureTag.texture
    ) throws(Failure) -> TextureReference {
        guard let found = textureReferences.object(number(handle)), found.tag == tag else {
            throw .invalidHandle
        }
        try found.context.check()
        return found
    }
}
