internal import CUDAABI
internal import Driver

/// A copy as a program describes it: `CUDA_MEMCPY2D`, `CUDA_MEMCPY3D`, or a range.
struct CopyDescription {
    var source: CopySide
    var target: CopySide
    /// Bytes of a row, rows of a plane, planes.
    var size: (width: Int, height: Int, depth: Int)

    /// A range of bytes whose ends are known.
    init(_ bytes: Int, from source: CopyOperand, to target: CopyOperand) {
        self.source = CopySide(source)
        self.target = CopySide(target)
        size = (bytes, 1, 1)
    }

    init(rows copy: CUDA_MEMCPY2D) {
        source = CopySide(
            position: (copy.srcXInBytes, copy.srcY, 0),
            memoryType: copy.srcMemoryType,
            host: UInt64(UInt(bitPattern: copy.srcHost)),
            device: copy.srcDevice,
            array: copy.srcArray,
            pitch: copy.srcPitch,
            rows: 0
        )
        target = CopySide(
            position: (copy.dstXInBytes, copy.dstY, 0),
            memoryType: copy.dstMemoryType,
            host: UInt64(UInt(bitPattern: copy.dstHost)),
            device: copy.dstDevice,
            array: copy.dstArray,
            pitch: copy.dstPitch,
            rows: 0
        )
        size = (copy.WidthInBytes, copy.Height, 1)
    }

    /// Bytes of a `CUDA_MEMCPY3D`: two sides of 88, then the extents.
    static let planesSize = 200

    /// Reads a `CUDA_MEMCPY3D`.
    init(planes words: UnsafeRawPointer) {
        func word(_ index: Int) -> Int { words.load(fromByteOffset: index * 8, as: Int.self) }
        // Words of a side: x, y, z, level of detail, memory type, host, device, array,
        // reserved, pitch, height.
        func side(_ first: Int) -> CopySide {
            CopySide(
                position: (word(first), word(first + 1), word(first + 2)),
                memoryType: Int32(truncatingIfNeeded: word(first + 4)),
                host: UInt64(bitPattern: Int64(word(first + 5))),
                device: UInt64(bitPattern: Int64(word(first + 6))),
                array: handle(UInt64(bitPattern: Int64(word(first + 7)))),
                pitch: word(first + 9),
                rows: word(first + 10)
            )
        }
        source = side(0)
        target = side(11)
        size = (word(22), word(23), word(24))
    }

    /// Writes a `CUDA_MEMCPY3D`.
    func write(planes words: UnsafeMutableRawPointer) {
        func set(_ index: Int, _ value: UInt64) {
            words.storeBytes(of: value, toByteOffset: index * 8, as: UInt64.self)
        }
        func set(_ index: Int, _ value: Int) { set(index, UInt64(bitPattern: Int64(value))) }
        for (first, side) in [(0, source), (11, target)] {
            set(first, side.position.x)
            set(first + 1, side.position.y)
            set(first + 2, side.position.z)
            set(first + 3, 0)
            set(first + 4, UInt64(UInt32(bitPattern: side.memoryType)))
            set(first + 5, side.host)
            set(first + 6, side.device)
            set(first + 7, number(side.array))
            set(first + 8, 0)
            set(first + 9, side.pitch)
            set(first + 10, side.rows)
        }
        set(22, size.width)
        set(23, size.height)
        set(24, size.depth)
    }

    /// Whether it is one row.
    var isLinear: Bool { size.height <= 1 && size.depth <= 1 }

    /// The copy with everything checked; `nil` when there is nothing to copy.
    func resolve(_ driver: SoftDriver) throws(Failure) -> PitchedCopy? {
        guard size.width >= 0, size.height >= 0, size.depth >= 0,
            max(size.width, size.height, size.depth) <= 1 << 40
        else { throw .invalidValue }
        if size.width == 0 || size.height == 0 || size.depth == 0 { return nil }
        return PitchedCopy(
            source: try source.resolve(size, driver),
            target: try target.resolve(size, driver),
            width: size.width,
            height: size.height,
            depth: size.depth
        )
    }
}

/// One side of a pitched copy as a program describes it.
struct CopySide {
    var position: (x: Int, y: Int, z: Int)
    /// 1 host, 2 device, 3 array, 4 unified (the address is in `device`).
    var memoryType: Int32
    var host: UInt64
    var device: UInt64
    var array: OpaquePointer?
    var pitch: Int
    var rows: Int

    /// Memory whose place is known already.
    init(_ operand: CopyOperand) {
        let address = UInt64(UInt(bitPattern: operand.pointer))
        let isDevice = operand.kind == .device
        self.init(
            position: (0, 0, 0),
            memoryType: isDevice ? 2 : 1,
            host: isDevice ? 0 : address,
            device: isDevice ? address : 0,
            array: nil,
            pitch: 0,
            rows: 0
        )
    }

    init(
        position: (x: Int, y: Int, z: Int),
        memoryType: Int32,
        host: UInt64,
        device: UInt64,
        array: OpaquePointer?,
        pitch: Int,
        rows: Int
    ) {
        self.position = position
        self.memoryType = memoryType
        self.host = host
        self.device = device
        self.array = array
        self.pitch = pitch
        self.rows = rows
    }

    func resolve(
        _ size: (width: Int, height: Int, depth: Int),
        _ driver: SoftDriver
    ) throws(Failure) -> PitchedCopy.Side {
        if memoryType == 3 { return try resolveArray(size, driver) }
        let extent = try PitchedCopy.Extent(
            position: position,
            pitch: pitch,
            rows: rows,
            size: size
        )
        let base = memoryType == 1 ? host : device
        let (address, overflow) = base.addingReportingOverflow(UInt64(extent.offset))
        guard base != 0, !overflow else { throw .invalidValue }
        let operand: CopyOperand
        switch memoryType {
        case 1, 4: operand = try driver.unifiedOperand(address, extent.bytes)
        case 2: operand = try driver.deviceOperand(address, extent.bytes)
        default: throw .invalidValue
        }
        return PitchedCopy.Side(
            operand: operand,
            pitch: extent.pitch,
            planePitch: extent.planePitch
        )
    }

    /// A part of an array, which knows its pitches itself.
    private func resolveArray(
        _ size: (width: Int, height: Int, depth: Int),
        _ driver: SoftDriver
    ) throws(Failure) -> PitchedCopy.Side {
        let array = try driver.array(array)
        func fits(_ position: Int, _ count: Int, _ limit: Int) -> Bool {
            position >= 0 && position <= limit && count <= limit - position
        }
        guard fits(position.x, size.width, array.rowPitch),
            fits(position.y, size.height, array.rows),
            fits(position.z, size.depth, array.slices)
        else { throw .invalidValue }
        let extent = try PitchedCopy.Extent(
            position: position,
            pitch: array.rowPitch,
            rows: array.rows,
            size: size
        )
        let address = array.address + UInt64(extent.offset)
        return PitchedCopy.Side(
            operand: try driver.deviceOperand(address, extent.bytes),
            pitch: extent.pitch,
            planePitch: extent.planePitch
        )
    }
}
