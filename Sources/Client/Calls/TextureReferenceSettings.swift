internal import CLinux
package import CUDAABI
internal import Driver
internal import Wire

// What a texture reference shows of memory, and settings that are no single numbers.

extension ClientCalls {
    /// `cuTexRefSetAddress_v2`
    package static func cuTexRefSetAddress_v2(
        _ byteOffset: UnsafeMutablePointer<Int>?,
        _ reference: CUtexref?,
        _ address: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        withReference(reference) { state, context, handle in
            let size = TextureReferenceLayout.addressSize
            let replySize = ReplyLayout.values + 8
            let status = Session.wait(
                state,
                .cuTexRefSetAddress_v2,
                context: context,
                size: size,
                replySize: replySize
            ) {
                $0.storeBytes(of: handle, as: UInt64.self)
                $0.storeBytes(of: address, toByteOffset: 8, as: UInt64.self)
                $0.storeBytes(of: bytes, toByteOffset: 16, as: Int.self)
            } reply: {
                let found = $0.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
                byteOffset?.pointee = Int(truncatingIfNeeded: found)
            }
            if status == Status.success { remember(state, handle, array: 0) }
            return status
        }
    }

    /// `cuTexRefSetAddress2D_v3`: the description is width, height, format, channels.
    package static func cuTexRefSetAddress2D_v3(
        _ reference: CUtexref?,
        _ description: OpaquePointer?,
        _ address: CUdeviceptr,
        _ pitch: Int
    ) -> CUresult {
        withReference(reference) { state, context, handle in
            guard let description else { return Status.invalidValue }
            let size = TextureReferenceLayout.address2DSize
            let status = Session.wait(
                state,
                .cuTexRefSetAddress2D_v3,
                context: context,
                size: size
            ) {
                $0.storeBytes(of: handle, as: UInt64.self)
                $0.storeBytes(of: address, toByteOffset: 8, as: UInt64.self)
                $0.storeBytes(of: pitch, toByteOffset: 16, as: Int.self)
                memcpy($0 + 24, UnsafeRawPointer(description), 24)
            }
            if status == Status.success { remember(state, handle, array: 0) }
            return status
        }
    }

    /// `cuTexRefGetFormat`: either result may be left out.
    package static func cuTexRefGetFormat(
        _ format: UnsafeMutablePointer<CUarray_format>?,
        _ channels: UnsafeMutablePointer<Int32>?,
        _ reference: CUtexref?
    ) -> CUresult {
        withReference(reference) { _, _, handle in
            let size = Request_cuTexRefGetFormat.size
            let replySize = ReplyLayout.values + 8
            return Session.wait(.cuTexRefGetFormat, size: size, replySize: replySize) {
                Request_cuTexRefGetFormat.encode(to: $0, texRef: handle)
            } reply: {
                let values = ReplyLayout.values
                format?.pointee = $0.loadUnaligned(fromByteOffset: values, as: Int32.self)
                channels?.pointee = $0.loadUnaligned(fromByteOffset: values + 4, as: Int32.self)
            }
        }
    }

    /// `cuTexRefSetBorderColor`: four numbers.
    package static func cuTexRefSetBorderColor(
        _ reference: CUtexref?,
        _ color: UnsafeMutablePointer<Float>?
    ) -> CUresult {
        withContext { _, _ in
            guard let color else { return Status.invalidValue }
            return withReference(reference) { _, _, handle in
                let size = TextureReferenceLayout.borderSize
                return Session.wait(.cuTexRefSetBorderColor, size: size) {
                    $0.storeBytes(of: handle, as: UInt64.self)
                    memcpy($0 + 8, color, 16)
                }
            }
        }
    }

    /// `cuTexRefGetBorderColor`: four numbers.
    package static func cuTexRefGetBorderColor(
        _ color: UnsafeMutablePointer<Float>?,
        _ reference: CUtexref?
    ) -> CUresult {
        withReference(reference) { _, _, handle in
            guard let color else { return Status.invalidValue }
            let size = TextureReferenceLayout.getBorderSize
            let replySize = ReplyLayout.values + 16
            return Session.wait(.cuTexRefGetBorderColor, size: size, replySize: replySize) {
                $0.storeBytes(of: handle, as: UInt64.self)
            } reply: { reply in
                if let base = reply.baseAddress { memcpy(color, base + ReplyLayout.values, 16) }
            }
        }
    }
}
