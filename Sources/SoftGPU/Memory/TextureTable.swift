import CLanes

/// The textures and surfaces of the process, where kernels find them by handle. Safe to use from
/// any thread; an object that a kernel uses must not be removed while it runs.
final class TextureTable: @unchecked Sendable {
    /// The one table. Handles of all GPUs are different, as object handles of the driver are.
    static let shared = TextureTable()

    /// How many objects there can be at once.
    static let capacity = 1 << 16

    let slots: UnsafeMutablePointer<LaneTexture>
    private let lock = Lock()
    private var used = 0
    private var free: [Int] = []
    private var generations: [UInt64] = []

    private init() {
        slots = .allocate(capacity: Self.capacity)
        slots.initialize(repeating: LaneTexture(), count: Self.capacity)
    }

    /// Adds an object under a new handle with the tag; nil when the table is full.
    func insert(_ texture: LaneTexture, tag: UInt64) -> UInt64? {
        lock.withLock {
            let index: Int
            if let known = free.popLast() {
                index = known
            } else {
                guard used < Self.capacity else { return nil }
                index = used
                used += 1
                generations.append(0)
            }
            let handle = tag | generations[index] << 32 | UInt64(index + 1)
            slots[index] = texture
            slots[index].handle = handle
            return handle
        }
    }

    /// An array is gone: what still shows it shows address 0, at which there never is memory.
    func forget(memoryAt address: UInt64) {
        lock.withLock {
            for index in 0..<used where slots[index].address == address {
                slots[index].address = 0
            }
        }
    }

    /// Takes an object out; false when there is none of this handle.
    @discardableResult
    func remove(_ handle: UInt64) -> Bool {
        lock.withLock {
            let index = Int(handle & 0xffff_ffff) - 1
            guard handle != 0, (0..<used).contains(index), slots[index].handle == handle else {
                return false
            }
            slots[index] = LaneTexture()
            generations[index] = (generations[index] + 1) & 0xff_ffff
            free.append(index)
            return true
        }
    }
}
