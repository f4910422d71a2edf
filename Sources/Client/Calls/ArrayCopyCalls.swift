package import CUDAABI
internal import Driver
internal import Wire

// Copies of bytes of an array, which are counted over its rows in order.

extension ClientCalls {
    /// `cuMemcpyHtoA_v2`
    package static func cuMemcpyHtoA_v2(
        _ array: CUarray?,
        _ offset: Int,
        _ source: UnsafeRawPointer?,
        _ bytes: Int
    ) -> CUresult {
        upload(array, offset, source, bytes, nil)
    }

    /// `cuMemcpyHtoAAsync_v2`
    package static func cuMemcpyHtoAAsync_v2(
        _ array: CUarray?,
        _ offset: Int,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        upload(array, offset, source, bytes, .some(stream))
    }

    /// `cuMemcpyAtoH_v2`
    package static func cuMemcpyAtoH_v2(
        _ destination: UnsafeMutableRawPointer?,
        _ array: CUarray?,
        _ offset: Int,
        _ bytes: Int
    ) -> CUresult {
        download(destination, array, offset, bytes, nil)
    }

    /// `cuMemcpyAtoHAsync_v2`
    package static func cuMemcpyAtoHAsync_v2(
        _ destination: UnsafeMutableRawPointer?,
        _ array: CUarray?,
        _ offset: Int,
        _ bytes: Int,
        _ stream: CUstream?
    ) -> CUresult {
        download(destination, array, offset, bytes, .some(stream))
    }

    private static func upload(
        _ array: CUarray?,
        _ offset: Int,
        _ source: UnsafeRawPointer?,
        _ bytes: Int,
        _ stream: CUstream??
    ) -> CUresult {
        linear(bytes, stream) {
            guard let source else { return Status.invalidValue }
            return pieces(array, offset, bytes) { done, box, piece in
                let host = side(host: UInt(bitPattern: source) + UInt(done))
                return ArrayCopies.copy(to: box, from: host, piece, stream)
            }
        }
    }

    private static func download(
        _ destination: UnsafeMutableRawPointer?,
        _ array: CUarray?,
        _ offset: Int,
        _ bytes: Int,
        _ stream: CUstream??
    ) -> CUresult {
        linear(bytes, stream) {
            pieces(array, offset, bytes) { done, box, piece in
                guard let destination else { return Status.invalidValue }
                let host = side(host: UInt(bitPattern: destination) + UInt(done))
                return ArrayCopies.copy(to: host, from: box, piece, stream)
            }
        }
    }

    /// What is checked before the two sides are looked at.
    private static func linear(
        _ bytes: Int,
        _ stream: CUstream??,
        _ body: () -> CUresult
    ) -> CUresult {
        withContext { _, _ in
            guard Handles.stream(stream ?? nil) != nil else { return Status.invalidHandle }
            guard bytes >= 0 else { return Status.invalidValue }
            return bytes == 0 ? Status.success : body()
        }
    }

    /// Calls `body` for the boxes that bytes of an array are, in order, until one fails.
    private static func pieces(
        _ array: CUarray?,
        _ offset: Int,
        _ bytes: Int,
        _ body: (_ done: Int, _ box: BoxSide, _ extent: BoxExtent) -> CUresult
    ) -> CUresult {
        withRange(of: array, offset, bytes) { extent in
            var done = 0
            while done < bytes {
                let piece = extent.piece(at: offset + done, most: bytes - done)
                var box = side(host: 0)
                box.memoryType = 3
                box.array = array
                (box.x, box.y, box.z) = (piece.x, piece.y, piece.z)
                let status = body(done, box, piece.extent)
                guard status == Status.success else { return status }
                done += piece.extent.bytes
            }
            return Status.success
        }
    }

    /// Checks that bytes lie within an array.
    private static func withRange(
        of array: CUarray?,
        _ offset: Int,
        _ bytes: Int,
        _ body: (BoxExtent) -> CUresult
    ) -> CUresult {
        withArray(array) { _, entry in
            // Of formats whose texels are not known here rows cannot be told apart.
            guard let extent = entry.extent else { return Status.notSupported }
            guard offset >= 0, bytes >= 0, offset <= extent.bytes, bytes <= extent.bytes - offset
            else { return Status.invalidValue }
            return body(extent)
        }
    }

    /// The program's memory, rows without gaps.
    private static func side(host: UInt) -> BoxSide {
        BoxSide(memoryType: 1, host: host, device: 0, x: 0, y: 0, z: 0, pitch: 0, height: 0)
    }

    /// `cuMemcpyDtoA_v2`
    package static func cuMemcpyDtoA_v2(
        _ array: CUarray?,
        _ offset: Int,
        _ source: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        withDeviceSide(source, bytes) { state, context in
            withRange(of: array, offset, bytes) { _ in
                let size = Request_cuMemcpyDtoA_v2.size
                return Session.send(state, .cuMemcpyDtoA_v2, context: context, size: size) {
                    Request_cuMemcpyDtoA_v2.encode(
                        to: $0,
                        dstArray: Handles.raw(array),
                        dstOffset: UInt64(offset),
                        srcDevice: source,
                        bytes: UInt64(bytes)
                    )
                }
            }
        }
    }

    /// `cuMemcpyAtoD_v2`
    package static func cuMemcpyAtoD_v2(
        _ destination: CUdeviceptr,
        _ array: CUarray?,
        _ offset: Int,
        _ bytes: Int
    ) -> CUresult {
        linear(bytes, nil) {
            withRange(of: array, offset, bytes) { _ in
                withDeviceSide(destination, bytes) { state, context in
                    let size = Request_cuMemcpyAtoD_v2.size
                    return Session.send(state, .cuMemcpyAtoD_v2, context: context, size: size) {
                        Request_cuMemcpyAtoD_v2.encode(
                            to: $0,
                            dstDevice: destination,
                            srcArray: Handles.raw(array),
                            srcOffset: UInt64(offset),
                            bytes: UInt64(bytes)
                        )
                    }
                }
            }
        }
    }

    /// `cuMemcpyAtoA_v2`
    package static func cuMemcpyAtoA_v2(
        _ destination: CUarray?,
        _ destinationOffset: Int,
        _ source: CUarray?,
        _ sourceOffset: Int,
        _ bytes: Int
    ) -> CUresult {
        linear(bytes, nil) {
            withRange(of: source, sourceOffset, bytes) { _ in
                withRange(of: destination, destinationOffset, bytes) { _ in
                    let size = Request_cuMemcpyAtoA_v2.size
                    return Session.send(.cuMemcpyAtoA_v2, size: size) {
                        Request_cuMemcpyAtoA_v2.encode(
                            to: $0,
                            dstArray: Handles.raw(destination),
                            dstOffset: UInt64(destinationOffset),
                            srcArray: Handles.raw(source),
                            srcOffset: UInt64(sourceOffset),
                            bytes: UInt64(bytes)
                        )
                    }
                }
            }
        }
    }

    private static func withDeviceSide(
        _ address: CUdeviceptr,
        _ bytes: Int,
        _ body: (UnsafeMutablePointer<SessionState>, UInt32) -> CUresult
    ) -> CUresult {
        withContext { state, context in
            guard bytes >= 0 else { return Status.invalidValue }
            if bytes == 0 { return Status.success }
            guard state.pointee.memory.contains(address, bytes) else {
                return Status.invalidValue
            }
            return body(state, context)
        }
    }
}
