/// Numbers for distinct names of a text, in order of first appearance. Names are kept as
/// places in the text.
struct NameTable {
    struct Entry {
        let offset: Int
        let length: Int32
        let hash: UInt32
    }

    /// The names by number.
    private(set) var entries: ContiguousArray<Entry> = []
    private var slots: ContiguousArray<Int32>
    private var mask: Int

    init(capacity: Int = 64) {
        slots = ContiguousArray(repeating: -1, count: capacity)
        mask = capacity - 1
    }

    /// Random per process, so that no text can be made of colliding names.
    private static let seed = UInt64.random(in: .min ... .max)

    /// The hash of a name. Reads up to 7 bytes behind it, which `SourceText.padding` allows.
    @inline(__always)
    static func hash(_ name: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        let raw = UnsafeRawPointer(name)
        var state = seed &+ UInt64(truncatingIfNeeded: length)
        var index = 0
        while length - index > 8 {
            state = mix(state ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        let last = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
        let bits = UInt64(truncatingIfNeeded: (length - index) * 8)
        state = mix(state ^ (last & (bits >= 64 ? .max : (1 << bits) &- 1)))
        return UInt32(truncatingIfNeeded: state ^ state >> 32)
    }

    @inline(__always)
    private static func mix(_ word: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15 ^ (seed | 1))
        return product.high ^ product.low
    }

    /// The number of a name, if it has one.
    @inline(__always)
    func find(_ base: UnsafePointer<UInt8>, _ offset: Int, _ length: Int, _ hash: UInt32) -> Int? {
        let slot = slots[probe(base, offset, length, hash)]
        return slot < 0 ? nil : Int(slot)
    }

    /// The number of a name, a new one if it has none: then equal to the count before.
    @inline(__always)
    mutating func intern(_ base: UnsafePointer<UInt8>, _ offset: Int, _ length: Int) -> Int {
        let hash = Self.hash(base + offset, length)
        let place = probe(base, offset, length, hash)
        if slots[place] >= 0 { return Int(slots[place]) }
        slots[place] = Int32(truncatingIfNeeded: entries.count)
        entries.append(
            Entry(offset: offset, length: Int32(truncatingIfNeeded: length), hash: hash)
        )
        if entries.count * 2 > slots.count { grow() }
        return entries.count - 1
    }

    /// The slot of a name, or the free one it belongs in.
    @inline(__always)
    private func probe(
        _ base: UnsafePointer<UInt8>,
        _ offset: Int,
        _ length: Int,
        _ hash: UInt32
    ) -> Int {
        var place = Int(hash) & mask
        while slots[place] >= 0 {
            let entry = entries[Int(slots[place])]
            if entry.hash == hash, Int(entry.length) == length,
                Self.areEqual(base + entry.offset, base + offset, length)
            {
                break
            }
            place = (place + 1) & mask
        }
        return place
    }

    @inline(__always)
    private static func areEqual(
        _ a: UnsafePointer<UInt8>,
        _ b: UnsafePointer<UInt8>,
        _ length: Int
    ) -> Bool {
        var index = 0
        while index < length, a[index] == b[index] { index += 1 }
        return index == length
    }

    private mutating func grow() {
        mask = slots.count * 2 - 1
        slots = ContiguousArray(repeating: -1, count: mask + 1)
        for (number, entry) in entries.enumerated() {
            var place = Int(entry.hash) & mask
            while slots[place] >= 0 { place = (place + 1) & mask }
            slots[place] = Int32(truncatingIfNeeded: number)
        }
    }
}
