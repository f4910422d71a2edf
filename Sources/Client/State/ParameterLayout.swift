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
    /// Parameters that are in no quad.
    private let rest: Int

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
        rest = count - index
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
        var source = parameters
        var quad = layout.pointee.quads
        let end = layout.pointee.quadsEnd
        while quad != end {
            guard quad.pointee.copy(source, to: blob) else { return false }
            source += 4
            quad += 1
        }
        return _fastPath(layout.pointee.rest == 0) || copyRest(layout, source, to: blob)
    }

    /// Copies the parameters that are in no quad.
    @inline(never)
    private static func copyRest(
        _ layout: UnsafePointer<ParameterLayout>,
        _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
        to blob: UnsafeMutableRawPointer
    ) -> Bool {
        let rest = layout.pointee.rest
        let slots = layout.pointee.slots + (layout.pointee.count - rest)
        for index in 0..<rest {
            guard let source = parameters[index] else { return false }
            let place = blob + Int(slots[index].offset)
            switch slots[index].size {
            case 8: memcpy(place, source, 8)
            case 4: memcpy(place, source, 4)
            case let size: memcpy(place, source, Int(size))
            }
        }
        return true
    }
}
