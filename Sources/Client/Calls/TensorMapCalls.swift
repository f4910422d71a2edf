internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import Wire

// Tensor maps: the driver's opaque descriptors of tensors, which kernels of compute capability 9.0 and
// above copy by. They hold an address of the GPU and nothing else of the driver's state, so an answer
// stays true.

extension ClientCalls {
    /// What all encoding calls say of a tensor.
    private struct Tensor {
        var dataType: Int32
        var rank: UInt32
        var address: UnsafeMutableRawPointer?
        var extents: UnsafePointer<UInt64>?
        var strides: UnsafePointer<UInt64>?
        var elementStrides: UnsafePointer<UInt32>?

        /// Writes it into a body of zeros.
        ///
        /// - Returns: Whether the arrays are there.
        func encode(to body: UnsafeMutableRawPointer) -> Bool {
            let rank = Int(self.rank)
            guard rank >= 1, rank <= TensorMapLayout.maxRank, let extents, let elementStrides,
                rank == 1 || strides != nil
            else { return false }
            let address = UInt64(UInt(bitPattern: address))
            body.storeBytes(of: address, toByteOffset: TensorMapLayout.address, as: UInt64.self)
            body.storeBytes(of: dataType, toByteOffset: TensorMapLayout.dataType, as: Int32.self)
            body.storeBytes(of: self.rank, toByteOffset: TensorMapLayout.rank, as: UInt32.self)
            memcpy(body + TensorMapLayout.extents, extents, 8 * rank)
            if let strides { memcpy(body + TensorMapLayout.strides, strides, 8 * (rank - 1)) }
            memcpy(body + TensorMapLayout.elementStrides, elementStrides, 4 * rank)
            return true
        }
    }

    /// How its elements lie in shared memory.
    private struct Arrangement {
        var interleave: Int32
        var swizzle: Int32
        var promotion: Int32
        var fill: Int32

        func encode(to body: UnsafeMutableRawPointer) {
            body.storeBytes(
                of: interleave,
                toByteOffset: TensorMapLayout.interleave,
                as: Int32.self
            )
            body.storeBytes(of: swizzle, toByteOffset: TensorMapLayout.swizzle, as: Int32.self)
            body.storeBytes(of: promotion, toByteOffset: TensorMapLayout.promotion, as: Int32.self)
            body.storeBytes(of: fill, toByteOffset: TensorMapLayout.fill, as: Int32.self)
        }
    }

    /// `cuTensorMapEncodeTiled`
    package static func cuTensorMapEncodeTiled(
        _ map: OpaquePointer?,
        _ dataType: Int32,
        _ rank: UInt32,
        _ address: UnsafeMutableRawPointer?,
        _ extents: UnsafePointer<UInt64>?,
        _ strides: UnsafePointer<UInt64>?,
        _ box: UnsafePointer<UInt32>?,
        _ elementStrides: UnsafePointer<UInt32>?,
        _ interleave: Int32,
        _ swizzle: Int32,
        _ promotion: Int32,
        _ fill: Int32
    ) -> CUresult {
        let tensor = Tensor(
            dataType: dataType,
            rank: rank,
            address: address,
            extents: extents,
            strides: strides,
            elementStrides: elementStrides
        )
        let arrangement = Arrangement(
            interleave: interleave,
            swizzle: swizzle,
            promotion: promotion,
            fill: fill
        )
        return encode(.cuTensorMapEncodeTiled, map, tensor, arrangement) { body in
            guard let box else { return false }
            memcpy(body + TensorMapLayout.box, box, 4 * Int(rank))
            return true
        }
    }

    /// `cuTensorMapEncodeIm2col`
    package static func cuTensorMapEncodeIm2col(
        _ map: OpaquePointer?,
        _ dataType: Int32,
        _ rank: UInt32,
        _ address: UnsafeMutableRawPointer?,
        _ extents: UnsafePointer<UInt64>?,
        _ strides: UnsafePointer<UInt64>?,
        _ lowerCorner: UnsafePointer<Int32>?,
        _ upperCorner: UnsafePointer<Int32>?,
        _ channels: UInt32,
        _ pixels: UInt32,
        _ elementStrides: UnsafePointer<UInt32>?,
        _ interleave: Int32,
        _ swizzle: Int32,
        _ promotion: Int32,
        _ fill: Int32
    ) -> CUresult {
        let tensor = Tensor(
            dataType: dataType,
            rank: rank,
            address: address,
            extents: extents,
            strides: strides,
            elementStrides: elementStrides
        )
        let arrangement = Arrangement(
            interleave: interleave,
            swizzle: swizzle,
            promotion: promotion,
            fill: fill
        )
        return encode(.cuTensorMapEncodeIm2col, map, tensor, arrangement) { body in
            // The corners are about the dimensions between the first and the last one.
            guard rank >= 3, let lowerCorner, let upperCorner else { return false }
            memcpy(body + TensorMapLayout.lowerCorner, lowerCorner, 4 * Int(rank - 2))
            memcpy(body + TensorMapLayout.upperCorner, upperCorner, 4 * Int(rank - 2))
            body.storeBytes(of: channels, toByteOffset: TensorMapLayout.channels, as: UInt32.self)
            body.storeBytes(of: pixels, toByteOffset: TensorMapLayout.pixels, as: UInt32.self)
            return true
        }
    }

    /// `cuTensorMapEncodeIm2colWide`
    package static func cuTensorMapEncodeIm2colWide(
        _ map: OpaquePointer?,
        _ dataType: Int32,
        _ rank: UInt32,
        _ address: UnsafeMutableRawPointer?,
        _ extents: UnsafePointer<UInt64>?,
        _ strides: UnsafePointer<UInt64>?,
        _ lowerCorner: Int32,
        _ upperCorner: Int32,
        _ channels: UInt32,
        _ pixels: UInt32,
        _ elementStrides: UnsafePointer<UInt32>?,
        _ interleave: Int32,
        _ mode: Int32,
        _ swizzle: Int32,
        _ promotion: Int32,
        _ fill: Int32
    ) -> CUresult {
        let tensor = Tensor(
            dataType: dataType,
            rank: rank,
            address: address,
            extents: extents,
            strides: strides,
            elementStrides: elementStrides
        )
        let arrangement = Arrangement(
            interleave: interleave,
            swizzle: swizzle,
            promotion: promotion,
            fill: fill
        )
        return encode(.cuTensorMapEncodeIm2colWide, map, tensor, arrangement) { body in
            body.storeBytes(
                of: lowerCorner,
                toByteOffset: TensorMapLayout.lowerCorner,
                as: Int32.self
            )
            body.storeBytes(
                of: upperCorner,
                toByteOffset: TensorMapLayout.upperCorner,
                as: Int32.self
            )
            body.storeBytes(of: channels, toByteOffset: TensorMapLayout.channels, as: UInt32.self)
            body.storeBytes(of: pixels, toByteOffset: TensorMapLayout.pixels, as: UInt32.self)
            body.storeBytes(of: mode, toByteOffset: TensorMapLayout.mode, as: Int32.self)
            return true
        }
    }

    /// `cuTensorMapReplaceAddress`
    package static func cuTensorMapReplaceAddress(
        _ map: OpaquePointer?,
        _ address: UnsafeMutableRawPointer?
    ) -> CUresult {
        guard let map else { return Status.invalidValue }
        let descriptor = UnsafeMutableRawPointer(map)
        return ask(.cuTensorMapReplaceAddress, TensorMapLayout.replaceSize, descriptor) { body in
            body.storeBytes(of: UInt64(UInt(bitPattern: address)), as: UInt64.self)
            memcpy(
                body + TensorMapLayout.descriptor,
                descriptor,
                TensorMapLayout.descriptorSize
            )
        }
    }

    /// Answers an encoding call, from what was answered before if possible.
    ///
    /// - Parameter more: Writes what only one of the calls has; says whether its arrays are there.
    private static func encode(
        _ opcode: Opcode,
        _ map: OpaquePointer?,
        _ tensor: Tensor,
        _ arrangement: Arrangement,
        _ more: (UnsafeMutableRawPointer) -> Bool
    ) -> CUresult {
        withContext { state, context in
            // The driver wants 64-byte alignment; it would see the worker's.
            guard let map, UInt(bitPattern: map) % 64 == 0 else { return Status.invalidValue }
            let descriptor = UnsafeMutableRawPointer(map)
            return withUnsafeTemporaryAllocation(
                byteCount: TensorMapLayout.size,
                alignment: 8
            ) { buffer in
                guard let question = buffer.baseAddress else { return Status.outOfMemory }
                memset(question, 0, TensorMapLayout.size)
                guard tensor.encode(to: question), more(question) else {
                    return Status.invalidValue
                }
                arrangement.encode(to: question)
                let cache = state.pointee.tensorMaps
                if cache.answer(context, opcode, question, descriptor) { return Status.success }
                let status = ask(opcode, TensorMapLayout.size, descriptor) {
                    memcpy($0, question, TensorMapLayout.size)
                }
                if status == 0 { cache.note(context, opcode, question, descriptor) }
                return status
            }
        }
    }

    private static func ask(
        _ opcode: Opcode,
        _ size: Int,
        _ descriptor: UnsafeMutableRawPointer,
        _ encode: (UnsafeMutableRawPointer) -> Void
    ) -> CUresult {
        let replySize = ReplyLayout.values + TensorMapLayout.descriptorSize
        return Session.wait(opcode, size: size, replySize: replySize, encode) { reply in
            guard let values = reply.baseAddress else { return }
            memcpy(descriptor, values + ReplyLayout.values, TensorMapLayout.descriptorSize)
        }
    }
}
