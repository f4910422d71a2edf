/// The heap of `malloc` in kernels: pieces of device memory, up to a limit.
final class DeviceHeap: @unchecked Sendable {
    private let memory: DeviceMemory
    private let lock = Lock()
    private var pieces: [UInt64: Int] = [:]
    private var used = 0
    private var most = 8 << 20

    init(memory: DeviceMemory) { self.memory = memory }

    /// Bytes that may be handed out in all; 8 MiB as with CUDA.
    var limit: Int {
        get { lock.withLock { most } }
        set { lock.withLock { most = newValue } }
    }

    /// 0 when there is no room, or for no bytes.
    func allocate(_ bytes: UInt64) -> UInt64 {
        lock.withLock {
            guard bytes > 0, bytes <= UInt64(most - used),
                let address = memory.allocate(Int(bytes))
            else { return 0 }
            pieces[address] = Int(bytes)
            used += Int(bytes)
            return address
        }
    }

    /// False when the address is not the start of a piece.
    func free(_ address: UInt64) -> Bool {
        lock.withLock {
            guard let bytes = pieces.removeValue(forKey: address) else { return false }
            used -= bytes
            return memory.free(address)
        }
    }

    /// Frees everything.
    func reset() {
        lock.withLock {
            for address in pieces.keys { _ = memory.free(address) }
            pieces.removeAll()
            used = 0
        }
    }
}
