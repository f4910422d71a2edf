internal import CUDAABI
internal import Driver
internal import Wire

/// One side of a copy of a box, checked.
struct BoxSide {
    var kind: BoxSideKind
    /// The driver's array.
    var array: CUarray?
    /// Address of the first byte of device memory.
    var address: UInt64 = 0
    /// Where in an array it begins: bytes, rows, slices.
    var x = 0
    var y = 0
    var z = 0
    /// Bytes from row to row, and rows from slice to slice, of device memory.
    var pitch = 0
    var rows = 0
}

/// A copy of a box of which at least one side is an array or device memory.
struct BoxCopy {
    var source: BoxSide
    var destination: BoxSide
    var extent: BoxExtent

    /// All of it.
    var whole: BoxPiece { BoxPiece(x: 0, y: 0, z: 0, extent: extent) }

    /// Has the driver copy a piece of the box.
    ///
    /// - Parameters:
    ///   - host: The side that is the program's memory: the piece's bytes without gaps.
    ///   - stream: `nil`: synchronously.
    func run(
        _ driver: DriverTable,
        _ piece: BoxPiece,
        host: UnsafeMutableRawPointer?,
        stream: CUstream??
    ) -> CUresult {
        withParameters(piece, host: host) { parameters in
            guard let stream else {
                return driver.cuMemcpy3D_v2?(parameters) ?? Status.notFound
            }
            return driver.cuMemcpy3DAsync_v2?(parameters, stream) ?? Status.notFound
        }
    }

    /// Describes a piece of the box as the driver wants it (`CUDA_MEMCPY3D`).
    func withParameters(
        _ piece: BoxPiece,
        host: UnsafeMutableRawPointer?,
        _ body: (OpaquePointer) -> CUresult
    ) -> CUresult {
        withUnsafeTemporaryAllocation(byteCount: Self.bytes, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            guard let base = memory.baseAddress else { return Status.outOfMemory }
            write(source, piece, host, to: base)
            write(destination, piece, host, to: base + Self.sideBytes)
            store(piece.extent.width, 176, base)
            store(piece.extent.height, 184, base)
            store(piece.extent.depth, 192, base)
            return body(OpaquePointer(base))
        }
    }

    // CUDA_MEMCPY3D: two sides of 88 bytes (x, y, z, level, type, host, device, array, reserved,
    // pitch, height), then the extents.
    private static let bytes = 200
    private static let sideBytes = 88

    private func store(_ value: Int, _ offset: Int, _ memory: UnsafeMutableRawPointer) {
        memory.storeBytes(of: value, toByteOffset: offset, as: Int.self)
    }

    private func write(
        _ side: BoxSide,
        _ piece: BoxPiece,
        _ host: UnsafeMutableRawPointer?,
        to memory: UnsafeMutableRawPointer
    ) {
        memory.storeBytes(of: side.kind.rawValue, toByteOffset: 32, as: UInt32.self)
        switch side.kind {
        case .host:
            memory.storeBytes(of: host, toByteOffset: 40, as: UnsafeMutableRawPointer?.self)
            store(piece.extent.width, 72, memory)
            store(piece.extent.height, 80, memory)
        case .device:
            store(piece.x, 0, memory)
            store(piece.y, 8, memory)
            store(piece.z, 16, memory)
            memory.storeBytes(of: side.address, toByteOffset: 48, as: UInt64.self)
            store(side.pitch, 72, memory)
            store(side.rows, 80, memory)
        case .array:
            store(side.x + piece.x, 0, memory)
            store(side.y + piece.y, 8, memory)
            store(side.z + piece.z, 16, memory)
            memory.storeBytes(of: side.array, toByteOffset: 56, as: CUarray?.self)
        }
    }
}

/// A copy of a box to the client that waits for the GPU.
struct BoxFetch {
    var copy: BoxCopy
    /// In this stream; `nil`: as the synchronous call.
    var stream: UInt?

    /// Bytes of the piece that begins at `offset`.
    func size(at offset: UInt64) -> Int { piece(at: offset).extent.bytes }

    private func piece(at offset: UInt64) -> BoxPiece {
        copy.extent.piece(at: Int(offset), most: Waiting.pieceSize)
    }

    /// Copies the piece that begins at `offset`, and waits for it. Its context is current.
    func fetch(
        _ driver: DriverTable,
        at offset: UInt64,
        to memory: UnsafeMutableRawPointer
    ) -> CUresult {
        let piece = piece(at: offset)
        guard let stream else { return copy.run(driver, piece, host: memory, stream: nil) }
        guard let wait = driver.cuStreamSynchronize else { return Status.notFound }
        let handle = CUstream(bitPattern: stream)
        let status = copy.run(driver, piece, host: memory, stream: .some(handle))
        // Also after an error, so that nothing writes to the memory any more.
        let end = wait(handle)
        return status == Status.success ? end : status
    }
}

extension BoxSide {
    /// Reads a side of a record; `nil` and a status when it names nothing, or nonsense.
    ///
    /// - Parameter offset: `BoxLayout.source` or `.destination`.
    init?(
        _ record: Record,
        _ kind: BoxSideKind,
        at offset: Int,
        _ extent: BoxExtent,
        _ executor: Executor,
        _ status: inout CUresult
    ) {
        func number(_ field: Int) -> Int? {
            let value = record.load(offset + field, as: UInt64.self)
            return value <= UInt64(BoxExtent.most) ? Int(value) : nil
        }
        self.init(kind: kind)
        let place = record.load(offset + BoxLayout.place, as: UInt64.self)
        status = Status.invalidValue
        switch kind {
        case .host: break
        case .device:
            guard let pitch = number(BoxLayout.pitch), let rows = number(BoxLayout.rows),
                let bytes = Self.span(extent, pitch, rows),
                executor.isDeviceRange(place, UInt64(bytes))
            else { return nil }
            address = place
            self.pitch = pitch
            self.rows = rows
        case .array:
            guard let x = number(BoxLayout.x), let y = number(BoxLayout.y),
                let z = number(BoxLayout.z)
            else { return nil }
            (self.x, self.y, self.z) = (x, y, z)
            guard let found = executor.handles.arrays.find(place) else {
                status = Status.invalidHandle
                return nil
            }
            array = found
        }
    }

    /// Bytes from the first to the last one of a box in device memory; `nil` when rows or slices
    /// would overlap, or when it is larger than any GPU.
    private static func span(_ extent: BoxExtent, _ pitch: Int, _ rows: Int) -> Int? {
        guard pitch >= extent.width || (extent.height == 1 && extent.depth == 1),
            rows >= extent.height || extent.depth == 1
        else { return nil }
        let (slice, isTooTall) = pitch.multipliedReportingOverflow(by: rows)
        let (slices, isTooDeep) = slice.multipliedReportingOverflow(by: extent.depth - 1)
        let (last, isTooLong) = pitch.multipliedReportingOverflow(by: extent.height - 1)
        let most = BoxExtent.most
        guard !isTooTall, !isTooDeep, !isTooLong, slices <= most, last <= most else { return nil }
        return slices + last + extent.width
    }
}
