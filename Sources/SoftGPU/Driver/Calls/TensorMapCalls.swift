internal import CLinux
package import CUDAABI
internal import Driver

// Tensor maps: checked as cuda.h says, and packed in a form of the software GPU's own. No kernel that it
// can execute reads one: the instructions that do are refused when code is loaded.
extension SoftCalls {
    /// Bytes of a descriptor.
    private static let descriptorSize = 128

    /// What a descriptor is packed from.
    private struct TensorMap {
        var kind: UInt8
        var dataType: Int32
        var extents: [UInt64]
        var strides: [UInt64]
        var elementStrides: [UInt32]
        var address: UInt64
        var interleave: Int32
        var swizzle: Int32
        var promotion: Int32
        var fill: Int32
        /// The box of a tiled map; corners, channels and pixels of others.
        var more: [UInt32] = []

        /// Bytes of an element, by `CUtensorMapDataType`.
        var elementSize: Int? {
            switch dataType {
            case 0: 1
            case 1, 6, 9: 2
            case 2, 3, 7, 10, 11, 12: 4
            case 4, 5, 8: 8
            case 13...15: 1  // of 4 and 6 bits, counted by the bytes that they lie in
            default: nil
            }
        }

        init(
            kind: UInt8,
            dataType: Int32,
            rank: UInt32,
            address: UnsafeMutableRawPointer?,
            extents: UnsafePointer<UInt64>?,
            strides: UnsafePointer<UInt64>?,
            elementStrides: UnsafePointer<UInt32>?,
            _ arrangement: (interleave: Int32, swizzle: Int32, promotion: Int32, fill: Int32)
        ) throws(Failure) {
            guard (1...5).contains(rank) else { throw .invalidValue }
            let rank = Int(rank)
            let (extents, elementStrides) = (try required(extents), try required(elementStrides))
            self.kind = kind
            self.dataType = dataType
            self.extents = (0..<rank).map { extents[$0] }
            self.strides = []
            if rank > 1 {
                let strides = try required(strides)
                self.strides = (0..<rank - 1).map { strides[$0] }
            }
            self.elementStrides = (0..<rank).map { elementStrides[$0] }
            self.address = UInt64(UInt(bitPattern: address))
            (interleave, swizzle, promotion, fill) = arrangement
            try check()
        }

        /// What cuda.h says of the arguments that all maps have.
        private func check() throws(Failure) {
            guard elementSize != nil, (0...2).contains(interleave), (0...6).contains(swizzle),
                (0...3).contains(promotion), (0...1).contains(fill)
            else { throw .invalidValue }
            let alignment: UInt64 = interleave == 2 ? 32 : 16
            guard address > 0, address % alignment == 0 else { throw .invalidValue }
            for extent in extents where extent == 0 || extent > 1 << 32 { throw .invalidValue }
            for stride in strides where stride % alignment != 0 || stride >= 1 << 40 {
                throw .invalidValue
            }
            for stride in elementStrides where !(1...8).contains(stride) { throw .invalidValue }
            // Interleaved layouts and im2col have a dimension of channels and one of batches.
            if interleave != 0 || kind != 0, extents.count < 3 { throw .invalidValue }
        }

        /// The descriptor's bytes.
        var packed: [UInt8] {
            var bytes: [UInt8] = [
                0x46, kind, UInt8(extents.count), UInt8(truncatingIfNeeded: dataType),
            ]
            for value in [interleave, swizzle, promotion, fill] {
                bytes.append(UInt8(truncatingIfNeeded: value))
            }
            func append(_ value: UInt64, _ count: Int) {
                for byte in 0..<count {
                    bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte)))
                }
            }
            append(address, 8)
            for extent in extents { append(extent - 1, 4) }
            for stride in strides { append(stride, 8) }
            for stride in elementStrides { append(UInt64(stride), 1) }
            for value in more { append(UInt64(value), 2) }
            return bytes + [UInt8](repeating: 0, count: max(0, descriptorSize - bytes.count))
        }

        func write(to map: OpaquePointer?) throws(Failure) {
            let map = try required(map)
            guard UInt(bitPattern: map) % 64 == 0 else { throw .invalidValue }
            packed.span.bytes.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress {
                    memcpy(UnsafeMutableRawPointer(map), base, descriptorSize)
                }
            }
        }
    }

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
        withDriver { (_) throws(Failure) in
            var tensor = try TensorMap(
                kind: 0,
                dataType: dataType,
                rank: rank,
                address: address,
                extents: extents,
                strides: strides,
                elementStrides: elementStrides,
                (interleave, swizzle, promotion, fill)
            )
            let box = try required(box)
            for index in tensor.extents.indices {
                guard (1...256).contains(box[index]) else { throw .invalidValue }
                tensor.more.append(box[index])
            }
            try tensor.write(to: map)
        }
    }

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
        withDriver { (_) throws(Failure) in
            var tensor = try TensorMap(
                kind: 1,
                dataType: dataType,
                rank: rank,
                address: address,
                extents: extents,
                strides: strides,
                elementStrides: elementStrides,
                (interleave, swizzle, promotion, fill)
            )
            guard channels <= 256, pixels <= 1024 else { throw .invalidValue }
            for corner in [try required(lowerCorner), try required(upperCorner)] {
                for index in 0..<tensor.extents.count - 2 {
                    tensor.more.append(UInt32(bitPattern: corner[index]))
                }
            }
            tensor.more += [channels, pixels]
            try tensor.write(to: map)
        }
    }

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
        withDriver { (_) throws(Failure) in
            var tensor = try TensorMap(
                kind: 2,
                dataType: dataType,
                rank: rank,
                address: address,
                extents: extents,
                strides: strides,
                elementStrides: elementStrides,
                (interleave, swizzle, promotion, fill)
            )
            guard channels <= 256, pixels <= 1024, (0...1).contains(mode) else {
                throw .invalidValue
            }
            let corners = [lowerCorner, upperCorner].map { UInt32(bitPattern: $0) }
            tensor.more += corners + [channels, pixels, UInt32(mode)]
            try tensor.write(to: map)
        }
    }

    package static func cuTensorMapReplaceAddress(
        _ map: OpaquePointer?,
        _ address: UnsafeMutableRawPointer?
    ) -> CUresult {
        withDriver { (_) throws(Failure) in
            let map = UnsafeMutableRawPointer(try required(map))
            let address = UInt64(UInt(bitPattern: address))
            // The fifth byte is the layout of `TensorMap.packed`.
            let alignment: UInt64 = map.load(fromByteOffset: 4, as: UInt8.self) == 2 ? 32 : 16
            guard UInt(bitPattern: map) % 64 == 0, map.load(as: UInt8.self) == 0x46, address > 0,
                address % alignment == 0
            else { throw .invalidValue }
            map.storeBytes(of: address, toByteOffset: 8, as: UInt64.self)
        }
    }
}
