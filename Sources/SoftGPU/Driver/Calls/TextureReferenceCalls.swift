package import CUDAABI
internal import Driver
internal import Lanes

extension SoftCalls {
    package static func cuModuleGetTexRef(
        _ reference: UnsafeMutablePointer<CUtexref?>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        find(reference, module, name, TextureTag.texture)
    }

    package static func cuModuleGetSurfRef(
        _ reference: UnsafeMutablePointer<CUsurfref?>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?
    ) -> CUresult {
        find(reference, module, name, TextureTag.surface)
    }

    private static func find(
        _ reference: UnsafeMutablePointer<OpaquePointer?>?,
        _ module: CUmodule?,
        _ name: UnsafePointer<CChar>?,
        _ tag: UInt64
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let (reference, name) = (try required(reference), try required(name))
            let found = try context.driver.module(module).reference(String(cString: name), tag)
            reference.pointee = handle(found.handle)
        }
    }

    package static func cuTexRefSetArray(
        _ reference: CUtexref?,
        _ array: CUarray?,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            // CU_TRSA_OVERRIDE_FORMAT: the array's format counts, which it does in any case.
            guard flags == 1 else { throw .invalidValue }
            let array = try context.driver.array(array)
            try change(context, reference) { (state) throws(Failure) in
                state.resource = .array(array)
                state.format = Int32(array.shape.format.rawValue)
                state.channels = UInt32(array.shape.channels)
            }
        }
    }

    package static func cuTexRefSetAddress_v2(
        _ byteOffset: UnsafeMutablePointer<Int>?,
        _ reference: CUtexref?,
        _ address: CUdeviceptr,
        _ bytes: Int
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            try change(context, reference) { (state) throws(Failure) in
                let (format, channels) = try TextureResource.format(state.format, state.channels)
                state.resource = .linear(
                    address: address,
                    format: format,
                    channels: channels,
                    bytes: bytes
                )
            }
            byteOffset?.pointee = 0
        }
    }

    package static func cuTexRefSetAddress2D_v3(
        _ reference: CUtexref?,
        _ description: OpaquePointer?,
        _ address: CUdeviceptr,
        _ pitch: Int
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            // CUDA_ARRAY_DESCRIPTOR: width, height, format, channels.
            let from = UnsafeRawPointer(try required(description))
            let number = from.load(fromByteOffset: 16, as: Int32.self)
            let count = from.load(fromByteOffset: 20, as: UInt32.self)
            let (format, channels) = try TextureResource.format(number, count)
            try change(context, reference) { (state) throws(Failure) in
                state.resource = .pitched(
                    address: address,
                    format: format,
                    channels: channels,
                    width: from.load(as: Int.self),
                    height: from.load(fromByteOffset: 8, as: Int.self),
                    pitch: pitch
                )
                state.format = number
                state.channels = count
            }
        }
    }

    package static func cuTexRefSetFormat(
        _ reference: CUtexref?,
        _ format: CUarray_format,
        _ channels: Int32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let count = UInt32(bitPattern: channels)
            _ = try TextureResource.format(format, count)
            try change(context, reference) { (state) throws(Failure) in
                state.format = format
                state.channels = count
            }
        }
    }

    package static func cuTexRefSetAddressMode(
        _ reference: CUtexref?,
        _ dimension: Int32,
        _ mode: CUaddress_mode
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            guard (0...2).contains(dimension), (0...3).contains(mode) else { throw .invalidValue }
            try change(context, reference) { (state) throws(Failure) in
                state.settings.addressing[Int(dimension)] = mode
            }
        }
    }

    package static func cuTexRefSetFilterMode(
        _ reference: CUtexref?,
        _ mode: CUfilter_mode
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            guard mode == 0 || mode == 1 else { throw .invalidValue }
            try change(context, reference) { (state) throws(Failure) in
                state.settings.filter = mode
            }
        }
    }

    package static func cuTexRefSetFlags(_ reference: CUtexref?, _ flags: UInt32) -> CUresult {
        withContext { (context) throws(Failure) in
            try change(context, reference) { (state) throws(Failure) in
                state.settings.flags = flags
            }
        }
    }

    package static func cuTexRefSetBorderColor(
        _ reference: CUtexref?,
        _ color: UnsafeMutablePointer<Float>?
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            let color = try required(color)
            try change(context, reference) { (state) throws(Failure) in
                state.settings.border = (0..<4).map { color[$0] }
            }
        }
    }

    package static func cuSurfRefSetArray(
        _ reference: CUsurfref?,
        _ array: CUarray?,
        _ flags: UInt32
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            guard flags == 0 else { throw .invalidValue }
            let array = try context.driver.array(array)
            try array.requireSurface()
            try context.driver.textureReference(reference, TextureTag.surface)
                .change { (state) throws(Failure) in state.resource = .array(array) }
        }
    }

    private static func change(
        _ context: Context,
        _ reference: CUtexref?,
        _ body: (inout TextureReference.State) throws(Failure) -> Void
    ) throws(Failure) {
        try context.driver.textureReference(reference).change(body)
    }

    // MARK: - What has been set

    package static func cuTexRefGetArray(
        _ array: UnsafeMutablePointer<CUarray?>?,
        _ reference: CUtexref?
    ) -> CUresult {
        state(reference) { (state) throws(Failure) in
            guard case .array(let found) = state.resource else { throw .invalidValue }
            try required(array).pointee = handle(found.handle)
        }
    }

    package static func cuSurfRefGetArray(
        _ array: UnsafeMutablePointer<CUarray?>?,
        _ reference: CUsurfref?
    ) -> CUresult {
        state(reference, TextureTag.surface) { (state) throws(Failure) in
            guard case .array(let found) = state.resource else { throw .invalidValue }
            try required(array).pointee = handle(found.handle)
        }
    }

    package static func cuTexRefGetAddress_v2(
        _ address: UnsafeMutablePointer<CUdeviceptr>?,
        _ reference: CUtexref?
    ) -> CUresult {
        state(reference) { (state) throws(Failure) in
            switch state.resource {
            case .linear(let found, _, _, _), .pitched(let found, _, _, _, _, _):
                try required(address).pointee = found
            default: throw .invalidValue
            }
        }
    }

    package static func cuTexRefGetFormat(
        _ format: UnsafeMutablePointer<CUarray_format>?,
        _ channels: UnsafeMutablePointer<Int32>?,
        _ reference: CUtexref?
    ) -> CUresult {
        state(reference) { (state) throws(Failure) in
            format?.pointee = state.format
            channels?.pointee = Int32(bitPattern: state.channels)
        }
    }

    package static func cuTexRefGetAddressMode(
        _ mode: UnsafeMutablePointer<CUaddress_mode>?,
        _ reference: CUtexref?,
        _ dimension: Int32
    ) -> CUresult {
        state(reference) { (state) throws(Failure) in
            guard (0...2).contains(dimension) else { throw .invalidValue }
            try required(mode).pointee = state.settings.addressing[Int(dimension)]
        }
    }

    package static func cuTexRefGetFilterMode(
        _ mode: UnsafeMutablePointer<CUfilter_mode>?,
        _ reference: CUtexref?
    ) -> CUresult {
        state(reference) { (state) throws(Failure) in
            try required(mode).pointee = state.settings.filter
        }
    }

    package static func cuTexRefGetFlags(
        _ flags: UnsafeMutablePointer<UInt32>?,
        _ reference: CUtexref?
    ) -> CUresult {
        state(reference) { (state) throws(Failure) in
            try required(flags).pointee = state.settings.flags
        }
    }

    package static func cuTexRefGetBorderColor(
        _ color: UnsafeMutablePointer<Float>?,
        _ reference: CUtexref?
    ) -> CUresult {
        state(reference) { (state) throws(Failure) in
            let color = try required(color)
            for k in 0..<4 { color[k] = state.settings.border[k] }
        }
    }

    private static func state(
        _ reference: OpaquePointer?,
        _ tag: UInt64 = TextureTag.texture,
        _ body: (TextureReference.State) throws(Failure) -> Void
    ) -> CUresult {
        withContext { (context) throws(Failure) in
            try body(context.driver.textureReference(reference, tag).current)
        }
    }
}
