internal import CLinux
internal import Wire

/// Where the parameters of a kernel go: a launch brings a pointer to each, its record has them laid
/// out as the kernel wants them.
struct ParameterLayout {
    typealias Slot = (offset: UInt32, size: UInt32)

    /// Parameters of the kernel.
    let count: Int
    /// Bytes of all of them, at most `LaunchLayout.maxParameterBytes`.
    let bytes: Int
    private let slots: UnsafeMutablePointer<Slot>
    /// The first parameters by fours, as long as they have four or eight bytes, which almost all have.
    private let quads: UnsafeMutablePointer<ParameterQuad>
    private let quadsEnd: UnsafeMutablePointer<ParameterQuad>
    /// Whether there is a quad, and no parameter that is in none.
    private let areQuads: Bool

    /// The layout that a server has sent.
    ///
    /// - Parameter record: `count` slots.
    /// - Returns: `nil` when a launch could not carry it.
    init?(reading record: UnsafeRawPointer, count: Int) {
        slots = .allocate(capacity: max(count, 1))
        quads = .allocate(capacity: count / 4 + 1)
        memcpy(slots, record, MemoryLayout<Slot>.stride * count)
        self.count = count
        var bytes = 0
        for index in 0..<count {
            bytes = max(bytes, Int(slots[index].offset) + Int(slots[index].size))
        }
        self.bytes = bytes
        var quad = quads
        var index = 0
        while bytes <= LaunchLayout.maxParameterBytes, index + 4 <= count,
            let next = ParameterQuad(slots + index)
        {
            quad.initialize(to: next)
            quad += 1
            index += 4
        }
        quadsEnd = quad
        areQuads = count > 0 && index == count
        guard bytes <= LaunchLayout.maxParameterBytes else {
            deallocate()
            return nil
        }
    }

    /// Offset and size of a parameter of which there is one.
    subscript(index: Int) -> Slot { slots[index] }

    /// Frees what the layout points to.
    func deallocate() {
        slots.deallocate()
        quads.deallocate()
    }

    /// Copies each parameter to its place.
    ///
    /// - Parameters:
    ///   - parameters: A pointer to each.
    ///   - blob: At least `bytes` bytes.
    /// - Returns: `false` when there is no pointer for one: the kernel would get whatever lay in the
    ///   buffer before.
    @inline(__always)
    static func copy(
        _ layout: UnsafePointer<ParameterLayout>,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        to blob: UnsafeMutableRawPointer
    ) -> Bool {
        guard _fastPath(layout.pointee.areQuads) else {
            return copyAny(layout, parameters, to: blob)
        }
        return copyQuads(layout, parameters, to: blob) != nil
    }

    /// Copies the parameters that are in quads, of which there is one at least.
    ///
    /// - Returns: The pointer behind them; `nil` when there is none for one of them.
    @inline(__always)
    private static func copyQuads(
        _ layout: UnsafePointer<ParameterLayout>,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        to blob: UnsafeMutableRawPointer
    ) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        var source = parameters
        var quad = layout.pointee.quads
        let end = layout.pointee.quadsEnd
        repeat {
            guard quad.pointee.copy(source, to: blob) else { return nil }
            source += 4
            quad += 1
        } while quad != end
        return source
    }

    /// The same for any number of parameters of any size.
    @inline(never)
    private static func copyAny(
        _ layout: UnsafePointer<ParameterLayout>,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        to blob: UnsafeMutableRawPointer
    ) -> Bool {
        var rest = parameters
        if layout.pointee.quads != layout.pointee.quadsEnd {
            guard let behind = copyQuads(layout, parameters, to: blob) else { return false }
            rest = behind
        }
        for index in (rest - parameters)..<layout.pointee.count {
            guard let source = parameters[index] else { return false }
            let slot = layout.pointee.slots[index]
            let place = blob + Int(slot.offset)
            switch slot.size {
            case 8: memcpy(place, source, 8)
            case 4: memcpy(place, source, 4)
            default: memcpy(place, source, Int(slot.size))
            }
        }
        return true
    }
}
