internal import CLinux
internal import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

/// Copies of boxes of which at least one side is a CUDA array: the server's driver copies them,
/// because nobody else knows how an array lies in memory. What can be wrong with one is checked here.
enum ArrayCopies {
    typealias State = UnsafeMutablePointer<SessionState>

    /// One side of a copy, checked.
    struct End {
        var kind: BoxSideKind
        /// Address of the first byte, or handle of the array.
        var place: UInt64
        /// Where in an array it begins: bytes, rows, slices.
        var x = 0
        var y = 0
        var z = 0
        /// Bytes from one row, and from one slice, to the next; of an array 0.
        var pitch = 0
        var slice = 0
    }

    /// Copies a box as a program describes it.
    ///
    /// - Parameter stream: `nil`: a synchronous copy.
    static func copy(
        to destination: BoxSide,
        from source: BoxSide,
        _ extent: BoxExtent,
        _ stream: CUstream??
    ) -> CUresult {
        ClientCalls.withContext { state, context in
            guard let handle = Handles.stream(stream ?? nil) else { return Status.invalidHandle }
            let most = max(extent.width, extent.height, extent.depth)
            guard extent.width >= 0, extent.height >= 0, extent.depth >= 0, most <= 1 << 40 else {
                return Status.invalidValue
            }
            if extent.width == 0 || extent.height == 0 || extent.depth == 0 {
                return Status.success
            }
            var status = Status.success
            guard let from = resolve(state, source, extent, &status),
                let to = resolve(state, destination, extent, &status)
            else { return status }
            // No array is as large, so only where its size is not known here.
            let (w, h, d) = (UInt64(extent.width), UInt64(extent.height), UInt64(extent.depth))
            guard BoxExtent(checking: w, h, d) != nil else { return Status.invalidValue }
            if state.pointee.captures.isAny {
                let isHost = from.kind == .host || to.kind == .host
                if isHost, stream != nil, Capturing.work(state, handle) != .plain {
                    Log.notSupported("such a copy of the program's memory in a captured stream")
                    return Capturing.forbid(state, handle)
                }
                let refusal =
                    stream == nil
                    ? Capturing.checkSynchronous(state) : Capturing.check(state, handle)
                guard refusal == Status.success else { return refusal }
            }
            let copy = ArrayCopy(
                to: to,
                from: from,
                extent: extent,
                stream: handle,
                isSynchronous: stream == nil
            )
            return copy.run(state, context)
        }
    }

    /// Checks a side; `nil` and a status when there is something wrong with it.
    static func resolve(
        _ state: State,
        _ side: BoxSide,
        _ extent: BoxExtent,
        _ status: inout CUresult
    ) -> End? {
        if side.memoryType == 3 { return resolveArray(state, side, extent, &status) }
        status = Status.invalidValue
        guard let span = Span(side, extent) else { return nil }
        let base = side.memoryType == 1 ? UInt64(side.host) : side.device
        let (address, overflow) = base.addingReportingOverflow(UInt64(span.offset))
        guard base != 0, !overflow, [1, 2, 4].contains(side.memoryType) else { return nil }
        let isDevice = state.pointee.memory.find(address) != nil
        guard isDevice ? state.pointee.memory.contains(address, span.bytes) : side.memoryType != 2
        else { return nil }
        return End(
            kind: isDevice ? .device : .host,
            place: address,
            pitch: span.pitch,
            slice: span.slice
        )
    }

    private static func resolveArray(
        _ state: State,
        _ side: BoxSide,
        _ extent: BoxExtent,
        _ status: inout CUresult
    ) -> End? {
        status = Status.invalidHandle
        guard let handle = Handles.array(side.array),
            let array = state.pointee.arrays.find(handle)?.pointee
        else { return nil }
        status = Status.invalidValue
        guard side.x >= 0, side.y >= 0, side.z >= 0 else { return nil }
        // Where the texels are not known here, the server's driver checks.
        if let all = array.extent {
            guard side.x <= all.width - extent.width, side.y <= all.height - extent.height,
                side.z <= all.depth - extent.depth
            else { return nil }
        }
        return End(kind: .array, place: handle, x: side.x, y: side.y, z: side.z)
    }

    /// Where the box's bytes lie from an address on.
    private struct Span {
        var offset: Int
        var bytes: Int
        var pitch: Int
        var slice: Int

        /// - Returns: `nil` when the description makes no sense.
        init?(_ side: BoxSide, _ extent: BoxExtent) {
            let limit = 1 << 40
            for value in [side.x, side.y, side.z, side.pitch, side.height] {
                guard value >= 0, value <= limit else { return nil }
            }
            pitch = side.pitch == 0 ? side.x + extent.width : side.pitch
            let rows = side.height == 0 ? side.y + extent.height : side.height
            let isOneRow = extent.height == 1 && extent.depth == 1
            guard side.x + extent.width <= pitch || isOneRow else { return nil }
            guard let slice = Self.product(pitch, rows),
                let start = Self.product(slice, side.z), let row = Self.product(pitch, side.y),
                let slices = Self.product(slice, extent.depth - 1),
                let last = Self.product(pitch, extent.height - 1)
            else { return nil }
            self.slice = slice
            offset = start + row + side.x
            bytes = slices + last + extent.width
        }

        private static func product(_ a: Int, _ b: Int) -> Int? {
            let (value, overflow) = a.multipliedReportingOverflow(by: b)
            return overflow || value > BoxExtent.most ? nil : value
        }
    }
}
