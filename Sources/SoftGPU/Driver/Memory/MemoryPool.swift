internal import Driver

/// Memory of a GPU that programs take and give back in the order of streams (`cuMemPoolCreate`).
///
/// What was given back stays counted as the GPU's until a wait finds that the pool has more than it is to
/// keep. Only the amount is kept, no addresses: there is nothing to be gained here from using the same ones
/// again. Safe to use from any thread.
final class MemoryPool: @unchecked Sendable {
    /// Whose memory it is.
    let device: Device
    /// Bytes that it may have; 0 for as many as there are.
    let most: Int
    /// The handle; set once, before anyone sees it.
    var handle: UInt64 = 0

    private let memory: DeviceMemory
    private let lock = Lock()
    private var use = MemoryPoolUse()
    private var settings = MemoryPoolSettings()
    private var isDestroyed = false
    /// What the program has, by address, with the bytes.
    private var blocks: [UInt64: Int] = [:]
    /// Other GPUs that may use it, by ordinal.
    private var peers: [Int: DeviceMemory] = [:]

    init(_ device: Device, memory: DeviceMemory, most: Int) {
        self.device = device
        self.memory = memory
        self.most = most
    }

    /// Takes memory; `nil` when there is not enough.
    ///
    /// - Parameter bytes: At least 1.
    func allocate(_ bytes: Int) -> UInt64? {
        lock.withLock {
            guard most == 0 || bytes <= most - use.taken else { return nil }
            if most > 0, use.kept > most - use.taken - bytes {
                giveUp(use.kept - (most - use.taken - bytes))
            }
            let reused = min(use.kept, bytes)
            giveUp(reused)
            guard let address = memory.allocate(bytes) else {
                if memory.takePhysical(reused) { use.kept += reused }
                return nil
            }
            use.take(bytes)
            blocks[address] = bytes
            for peer in peers.values { peer.mapForeign(address, bytes) }
            return address
        }
    }

    /// Gives memory back that `allocate` took.
    func free(_ address: UInt64, _ bytes: Int) {
        lock.withLock {
            guard memory.free(address) else { return }
            blocks[address] = nil
            for peer in peers.values { peer.unmapForeign(address) }
            use.taken -= bytes
            // Somebody else may have been quicker.
            if !isDestroyed, memory.takePhysical(bytes) { use.kept += bytes }
        }
    }

    /// Lets another GPU use all memory of the pool, or no longer.
    func setAccess(of peer: Device, _ memory: DeviceMemory, isAllowed: Bool) {
        lock.withLock {
            guard isAllowed != (peers[peer.ordinal] != nil) else { return }
            peers[peer.ordinal] = isAllowed ? memory : nil
            for (address, bytes) in blocks {
                if isAllowed {
                    memory.mapForeign(address, bytes)
                } else {
                    memory.unmapForeign(address)
                }
            }
        }
    }

    /// Whether a GPU may use the pool's memory.
    func isUsable(by user: Device) -> Bool {
        user === device || lock.withLock { peers[user.ordinal] != nil }
    }

    /// Gives up what is not in use, down to so many bytes in all.
    func trim(to least: Int) {
        lock.withLock { giveUp(min(use.kept, max(0, use.reserved - least))) }
    }

    /// The same down to what the program wants to be kept: something was waited for.
    func trimAfterWait() {
        lock.withLock {
            let least = Int(clamping: settings.releaseThreshold)
            giveUp(min(use.kept, max(0, use.reserved - least)))
        }
    }

    /// Keeps nothing from now on; memory that is in use stays so.
    func destroy() {
        lock.withLock {
            isDestroyed = true
            giveUp(use.kept)
        }
    }

    private func giveUp(_ bytes: Int) {
        use.kept -= bytes
        memory.givePhysicalBack(bytes)
    }

    /// An attribute of CUDA's; `nil` for one that it does not have.
    func attribute(_ attribute: Int32) -> UInt64? {
        lock.withLock {
            switch attribute {
            case MemoryPoolAttribute.reservedNow: return UInt64(use.reserved)
            case MemoryPoolAttribute.reservedMost: return UInt64(use.mostReserved)
            case MemoryPoolAttribute.takenNow: return UInt64(use.taken)
            case MemoryPoolAttribute.takenMost: return UInt64(use.mostTaken)
            case MemoryPoolAttribute.size: return UInt64(most)
            default: return settings[attribute]
            }
        }
    }

    /// Sets an attribute; false for one that cannot be set, or not to this value.
    func setAttribute(_ attribute: Int32, _ value: UInt64) -> Bool {
        lock.withLock {
            switch attribute {
            case MemoryPoolAttribute.reservedMost where value == 0:
                use.mostReserved = use.reserved
            case MemoryPoolAttribute.takenMost where value == 0: use.mostTaken = use.taken
            default: return settings.set(attribute, value)
            }
            return true
        }
    }
}

/// How much a pool has, in bytes.
private struct MemoryPoolUse {
    /// What the program has.
    var taken = 0
    /// What it has given back and the pool still counts as its own.
    var kept = 0
    var mostTaken = 0
    var mostReserved = 0

    var reserved: Int { taken + kept }

    mutating func take(_ bytes: Int) {
        taken += bytes
        mostTaken = max(mostTaken, taken)
        mostReserved = max(mostReserved, reserved)
    }
}

/// What programs can set of a pool.
private struct MemoryPoolSettings {
    var releaseThreshold: UInt64 = 0
    /// Where memory for one stream may come from that another one gave back: numbers 1 to 3. Here it comes
    /// from anywhere, as memory is given back when the work before it is done.
    private var reuse: (UInt64, UInt64, UInt64) = (1, 1, 1)

    subscript(attribute: Int32) -> UInt64? {
        switch attribute {
        case 1: reuse.0
        case 2: reuse.1
        case 3: reuse.2
        case MemoryPoolAttribute.releaseThreshold: releaseThreshold
        // pinned memory of a GPU, of which no other process gets a handle, and without decompression
        case MemoryPoolAttribute.allocationType, MemoryPoolAttribute.locationType: 1
        case MemoryPoolAttribute.handleTypes, MemoryPoolAttribute.decompresses: 0
        default: nil
        }
    }

    mutating func set(_ attribute: Int32, _ value: UInt64) -> Bool {
        switch attribute {
        case 1...3 where value > 1: return false
        case 1: reuse.0 = value
        case 2: reuse.1 = value
        case 3: reuse.2 = value
        case MemoryPoolAttribute.releaseThreshold: releaseThreshold = value
        default: return false
        }
        return true
    }
}
