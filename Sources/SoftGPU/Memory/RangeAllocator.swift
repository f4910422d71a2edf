/// Which parts of an address range are taken: first fit, neighbours merged when freed. A pure value.
struct RangeAllocator {
    /// Free and taken pieces, each sorted by address.
    private var free: [(base: UInt64, size: UInt64)]
    /// A piece that was given back stays, with size 0, until many have been or another is taken
    /// over it: a module of CUB's has more than a thousand variables, and a program unloads
    /// hundreds, oldest first.
    private var taken: [(base: UInt64, size: UInt64, span: UInt64)] = []
    private var givenBack = 0

    init(first: UInt64, end: UInt64) {
        free = [(first, end - first)]
    }

    /// Takes `bytes` at a multiple of `alignment`, with `guardBytes` behind them that nobody gets.
    mutating func allocate(
        _ bytes: UInt64,
        alignment: UInt64,
        guardBytes: UInt64
    ) -> UInt64? {
        let (padded, overflow) = bytes.addingReportingOverflow(guardBytes - 1)
        guard !overflow else { return nil }
        let span = padded / guardBytes * guardBytes + guardBytes
        for k in free.indices {
            let piece = free[k]
            let address = (piece.base + alignment - 1) & ~(alignment - 1)
            let before = address - piece.base
            guard before <= piece.size, span <= piece.size - before else { continue }
            let after = piece.size - before - span
            switch (before, after) {
            case (0, 0): free.remove(at: k)
            case (0, _): free[k] = (address + span, after)
            case (_, 0): free[k] = (piece.base, before)
            default:
                free[k] = (address + span, after)
                free.insert((piece.base, before), at: k)
            }
            insertTaken(address, bytes, span)
            return address
        }
        return nil
    }

    private mutating func insertTaken(_ address: UInt64, _ bytes: UInt64, _ span: UInt64) {
        // All that start in it have been given back.
        let first = firstTaken(from: address)
        let end = firstTaken(from: address + span)
        let piece = (base: address, size: bytes, span: span)
        taken.replaceSubrange(first..<end, with: CollectionOfOne(piece))
        givenBack -= end - first
    }

    /// Gives a piece back and returns its bytes; nil when none starts there.
    mutating func free(_ address: UInt64) -> UInt64? {
        let k = firstTaken(from: address)
        guard k < taken.count, taken[k].base == address, taken[k].size > 0 else { return nil }
        let piece = taken[k]
        taken[k].size = 0
        givenBack += 1
        if givenBack > 64, givenBack > taken.count / 2 {
            taken.removeAll { $0.size == 0 }
            givenBack = 0
        }
        insertFree(piece.base, piece.span)
        return piece.size
    }

    /// The piece that holds an address.
    func allocation(containing address: UInt64) -> (base: UInt64, size: Int)? {
        let k = firstTaken(after: address) - 1
        guard k >= 0, address - taken[k].base < taken[k].size else { return nil }
        return (taken[k].base, Int(taken[k].size))
    }

    /// The piece with the least distance to an address.
    func nearest(to address: UInt64) -> (base: UInt64, size: Int)? {
        let k = firstTaken(after: address)
        let below = taken[..<k].last { $0.size > 0 }
        let above = taken[k...].first { $0.size > 0 }
        let under = below.map { address - min(address, $0.base + $0.size) } ?? .max
        let over = above.map { $0.base - address } ?? .max
        let chosen = under <= over ? below ?? above : above
        return chosen.map { ($0.base, Int($0.size)) }
    }

    /// The index of the first taken piece that starts after `address`.
    private func firstTaken(after address: UInt64) -> Int {
        address == .max ? taken.count : firstTaken(from: address + 1)
    }

    /// The index of the first taken piece that starts at `address` or after it.
    private func firstTaken(from address: UInt64) -> Int {
        var low = 0
        var high = taken.count
        while low < high {
            let middle = (low + high) / 2
            if taken[middle].base < address { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func insertFree(_ base: UInt64, _ size: UInt64) {
        var low = 0
        var high = free.count
        while low < high {
            let middle = (low + high) / 2
            if free[middle].base < base { low = middle + 1 } else { high = middle }
        }
        var piece = (base: base, size: size)
        if low < free.count, base + size == free[low].base {
            piece.size += free[low].size
            free.remove(at: low)
        }
        if low > 0, free[low - 1].base + free[low - 1].size == base {
            free[low - 1].size += piece.size
        } else {
            free.insert(piece, at: low)
        }
    }
}
