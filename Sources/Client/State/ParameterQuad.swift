internal import CLinux

/// Four neighbouring parameters of four or eight bytes each, which one step copies.
///
/// A step for each combination of sizes: one jump for four parameters in place of a branch for each.
struct ParameterQuad {
    /// Sizes in order: `w` for a word of four bytes, `q` for a quadword of eight.
    private enum Sizes: UInt8 {
        case wwww, wwwq, wwqw, wwqq, wqww, wqwq, wqqw, wqqq
        case qwww, qwwq, qwqw, qwqq, qqww, qqwq, qqqw, qqqq
    }

    private typealias Pointers = (
        UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer
    )

    private let offsets: (UInt16, UInt16, UInt16, UInt16)
    private let sizes: Sizes

    /// The quad of four slots, whose places end within 64 KiB; `nil` when one has another size.
    init?(_ slots: UnsafeMutablePointer<ParameterLayout.Slot>) {
        var raw: UInt8 = 0
        for index in 0..<4 {
            guard slots[index].size == 4 || slots[index].size == 8 else { return nil }
            raw = raw << 1 | (slots[index].size == 8 ? 1 : 0)
        }
        guard let sizes = Sizes(rawValue: raw) else { return nil }
        self.sizes = sizes
        offsets = (
            UInt16(truncatingIfNeeded: slots[0].offset),
            UInt16(truncatingIfNeeded: slots[1].offset),
            UInt16(truncatingIfNeeded: slots[2].offset),
            UInt16(truncatingIfNeeded: slots[3].offset)
        )
    }

    /// Copies four parameters to their places; `false` when there is no pointer for one.
    @inline(__always)
    func copy(
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        to blob: UnsafeMutableRawPointer
    ) -> Bool {
        guard Self.areAll(parameters) else { return false }
        let from = UnsafeRawPointer(parameters).assumingMemoryBound(to: Pointers.self).pointee
        typealias W = UInt32
        typealias Q = UInt64
        switch sizes {
        case .wwww: move(from, blob, W.self, W.self, W.self, W.self)
        case .wwwq: move(from, blob, W.self, W.self, W.self, Q.self)
        case .wwqw: move(from, blob, W.self, W.self, Q.self, W.self)
        case .wwqq: move(from, blob, W.self, W.self, Q.self, Q.self)
        case .wqww: move(from, blob, W.self, Q.self, W.self, W.self)
        case .wqwq: move(from, blob, W.self, Q.self, W.self, Q.self)
        case .wqqw: move(from, blob, W.self, Q.self, Q.self, W.self)
        case .wqqq: move(from, blob, W.self, Q.self, Q.self, Q.self)
        case .qwww: move(from, blob, Q.self, W.self, W.self, W.self)
        case .qwwq: move(from, blob, Q.self, W.self, W.self, Q.self)
        case .qwqw: move(from, blob, Q.self, W.self, Q.self, W.self)
        case .qwqq: move(from, blob, Q.self, W.self, Q.self, Q.self)
        case .qqww: move(from, blob, Q.self, Q.self, W.self, W.self)
        case .qqwq: move(from, blob, Q.self, Q.self, W.self, Q.self)
        case .qqqw: move(from, blob, Q.self, Q.self, Q.self, W.self)
        case .qqqq: move(from, blob, Q.self, Q.self, Q.self, Q.self)
        }
        return true
    }

    /// Whether none of four pointers is null. Addresses of one process have some of their high bits in
    /// common, and then one look finds that.
    @inline(__always)
    private static func areAll(
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    ) -> Bool {
        let bits = UnsafeRawPointer(parameters).assumingMemoryBound(to: UInt.self)
        return _fastPath(bits[0] & bits[1] & bits[2] & bits[3] != 0)
            || (bits[0] != 0 && bits[1] != 0 && bits[2] != 0 && bits[3] != 0)
    }

    @inline(__always)
    private func move<A, B, C, D>(
        _ from: Pointers,
        _ blob: UnsafeMutableRawPointer,
        _: A.Type,
        _: B.Type,
        _: C.Type,
        _: D.Type
    ) {
        memcpy(blob + Int(offsets.0), from.0, MemoryLayout<A>.size)
        memcpy(blob + Int(offsets.1), from.1, MemoryLayout<B>.size)
        memcpy(blob + Int(offsets.2), from.2, MemoryLayout<C>.size)
        memcpy(blob + Int(offsets.3), from.3, MemoryLayout<D>.size)
    }
}
