internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Synchronization

/// Addresses for page-locked memory of the program: the GPU's driver has reserved them too, so the GPU can be given the
/// same ones when a kernel turns out to use such memory (docs/adr/0028). Each allocation has pieces of 2 MiB of its own
/// there, and its contents in a file. Thread-safe.
struct PageLockedArea: ~Copyable {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Addresses that nothing is at.
    private struct Gap {
        var address: UInt64
        var size: Int
    }

    /// Where they would be best: numbers in parameters of kernels are hardly ever taken for them.
    private static let preferred: UInt64 = 0x2B6D_A5A0_0000
    /// How much is reserved at once, if the driver has so much.
    private static let sizes = [64 << 30, 1 << 30]

    private let lock = ForkSafeLock()
    /// By address; neighbours are one.
    private var gaps: [Gap] = []
    private var file: Int32 = -1
    private var fileEnd = 0
    /// All of them lie between; nothing does before there are any.
    private let low = Atomic<UInt64>(.max)
    private let high = Atomic<UInt64>(0)

    /// None yet.
    init() {}

    /// Whether there are any, for the hot paths.
    @inline(__always)
    var hasAny: Bool { high.load(ordering: .relaxed) != 0 }

    /// Whether a number may be one of the addresses.
    @inline(__always)
    func mayHave(_ word: UInt64) -> Bool {
        word >= low.load(ordering: .relaxed) && word < high.load(ordering: .relaxed)
    }

    /// The file that the contents are in.
    var descriptor: Int32 { file }

    /// Takes addresses, with zeros there that the program can use.
    ///
    /// - Returns: Where they are, and where in the file; `nil` when there are none.
    static func take(_ state: State, _ bytes: Int) -> (address: UInt, offset: Int)? {
        state.pointee.pageLocked.lock.lock()
        defer { state.pointee.pageLocked.lock.unlock() }
        return state.pointee.pageLocked.take(state, bytes)
    }

    private mutating func take(_ state: State, _ bytes: Int) -> (address: UInt, offset: Int)? {
        let size = ManagedChunks.whole(bytes)
        guard let address = find(size) ?? (grow(state, size) ? find(size) : nil) else { return nil }
        // 1: MFD_CLOEXEC.
        if file < 0 { file = ferry_memfd("ferry-page-locked", 1) }
        let place = UnsafeMutableRawPointer(bitPattern: UInt(address))
        let flags = MAP_SHARED | MAP_NORESERVE | MAP_FIXED
        guard file >= 0, ftruncate(file, fileEnd + size) == 0,
            let map = mmap(place, bytes, PROT_READ | PROT_WRITE, flags, file, fileEnd),
            ferry_map_failed(map) == 0
        else {
            insert(Gap(address: address, size: size))
            return nil
        }
        fileEnd += size
        return (UInt(address), fileEnd - size)
    }

    /// Gives addresses back, and what is in the file.
    static func give(_ state: State, _ address: UInt64, _ bytes: Int, offset: Int) {
        state.pointee.pageLocked.lock.lock()
        defer { state.pointee.pageLocked.lock.unlock() }
        _ = ferry_punch_hole(state.pointee.pageLocked.file, offset, bytes)
        give(state, address, bytes)
    }

    /// Gives addresses back whose contents are in the file no more.
    static func giveEmpty(_ state: State, _ address: UInt64, _ bytes: Int) {
        state.pointee.pageLocked.lock.lock()
        defer { state.pointee.pageLocked.lock.unlock() }
        give(state, address, bytes)
    }

    private static func give(_ state: State, _ address: UInt64, _ bytes: Int) {
        let size = ManagedChunks.whole(bytes)
        let place = UnsafeMutableRawPointer(bitPattern: UInt(address))
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED
        // If that fails, the addresses are lost, and nothing else.
        guard let map = mmap(place, size, PROT_NONE, flags, -1, 0), ferry_map_failed(map) == 0
        else { return }
        state.pointee.pageLocked.insert(Gap(address: address, size: size))
    }

    /// Takes the first addresses that are enough.
    private mutating func find(_ size: Int) -> UInt64? {
        guard let index = gaps.firstIndex(where: { $0.size >= size }) else { return nil }
        let address = gaps[index].address
        if gaps[index].size == size {
            gaps.remove(at: index)
        } else {
            gaps[index].address += UInt64(size)
            gaps[index].size -= size
        }
        return address
    }

    private mutating func insert(_ gap: Gap) {
        let next = gaps.firstIndex { $0.address > gap.address } ?? gaps.count
        gaps.insert(gap, at: next)
        for left in [next, next - 1] where left >= 0 && left + 1 < gaps.count {
            guard gaps[left].address + UInt64(gaps[left].size) == gaps[left + 1].address else {
                continue
            }
            gaps[left].size += gaps[left + 1].size
            gaps.remove(at: left + 1)
        }
    }

    /// Reserves more on the GPU, and takes it in the program.
    private mutating func grow(_ state: State, _ size: Int) -> Bool {
        let wanted = max(high.load(ordering: .relaxed), Self.preferred)
        for each in Self.sizes.filter({ $0 > size }) + [size] {
            var address: UInt64 = 0
            guard ManagedChunks.reserve(state, each, at: wanted, &address) == Status.success else {
                continue
            }
            insert(Gap(address: address, size: each))
            low.store(min(low.load(ordering: .relaxed), address), ordering: .relaxed)
            high.store(
                max(high.load(ordering: .relaxed), address + UInt64(each)),
                ordering: .relaxed
            )
            return true
        }
        return false
    }
}
