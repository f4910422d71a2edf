/// Bytes, rows and slices of a box: what `CUDA_MEMCPY3D` copies, and what a CUDA array is.
///
/// Its bytes have an order: row after row, slice after slice, without gaps. That is how they lie in
/// a record.
package struct BoxExtent: Equatable, Sendable {
    /// Bytes of a row.
    package var width: Int
    /// Rows of a slice.
    package var height: Int
    /// Slices.
    package var depth: Int

    /// The largest that any of the three may be, and all bytes together.
    package static let most = 1 << 48

    /// A box of these dimensions.
    package init(width: Int, height: Int, depth: Int) {
        self.width = width
        self.height = height
        self.depth = depth
    }

    /// A box of these dimensions as they came from outside; `nil` when one is 0, or when it has more
    /// than `most` bytes.
    package init?(checking width: UInt64, _ height: UInt64, _ depth: UInt64) {
        guard width > 0, height > 0, depth > 0, width <= UInt64(Self.most) else { return nil }
        let (slice, isTooTall) = width.multipliedReportingOverflow(by: height)
        let (all, isTooDeep) = slice.multipliedReportingOverflow(by: depth)
        guard !isTooTall, !isTooDeep, all <= UInt64(Self.most) else { return nil }
        self.init(width: Int(width), height: Int(height), depth: Int(depth))
    }

    /// All bytes.
    package var bytes: Int { width * height * depth }

    /// The largest box that begins with byte `start` of this one, whose bytes follow each other in
    /// this one's order, and which has at most `most` bytes.
    ///
    /// - Parameters:
    ///   - start: Below `bytes`.
    ///   - most: At least 1.
    package func piece(at start: Int, most: Int) -> BoxPiece {
        let slice = width * height
        let z = start / slice
        let y = start % slice / width
        let x = start % width
        let most = min(most, bytes - start)
        var extent = BoxExtent(width: min(most, width - x), height: 1, depth: 1)
        if extent.width == width {
            extent.height = min(most / width, height - y)
            if extent.height == height { extent.depth = most / slice }
        }
        return BoxPiece(x: x, y: y, z: z, extent: extent)
    }
}

/// A part of a box: where it begins in it, in bytes, rows and slices, and how large it is.
package struct BoxPiece: Equatable, Sendable {
    package var x: Int
    package var y: Int
    package var z: Int
    package var extent: BoxExtent

    /// A part of these dimensions at this place.
    package init(x: Int, y: Int, z: Int, extent: BoxExtent) {
        self.x = x
        self.y = y
        self.z = z
        self.extent = extent
    }
}

/// Body of `cuMemcpy3D_v2` and `cuMemcpy3DAsync_v2`. Data that goes to the GPU follows it, without
/// gaps; data that comes from there arrives in `hostData` records.
package enum BoxLayout {
    package static let sourceKind = 0  // u32, `BoxSideKind`
    package static let destinationKind = 4  // u32; at most one of them is the program's memory
    package static let stream = 8  // u64, handle; unused by the synchronous call
    package static let width = 16  // u64, bytes of a row; at least 1, as the next two
    package static let height = 24  // u64, rows
    package static let depth = 32  // u64, slices
    package static let source = 40  // a side
    package static let destination = 88  // a side
    package static let size = 136

    // Each side; zeros for the program's memory:
    package static let place = 0  // u64, address of the first byte, or handle of the array
    package static let x = 8  // u64, bytes; of an array only, as the next two
    package static let y = 16  // u64, rows
    package static let z = 24  // u64, slices
    package static let pitch = 32  // u64, bytes from row to row; of device memory only
    package static let rows = 40  // u64, rows from slice to slice; of device memory only
}

/// What one side of a copy of a box is.
package enum BoxSideKind: UInt32, Sendable {
    /// The program's memory: bytes in records.
    case host = 1
    case device = 2
    case array = 3
}

/// What the formats of texels take (`CUarray_format`).
package enum TexelFormat {
    /// Bytes of a channel: integers of 8, 16 and 32 bits without and with a sign, half and float;
    /// `nil` for any other format.
    package static func bytes(_ format: Int32) -> Int? {
        switch format {
        case 0x01, 0x08: 1
        case 0x02, 0x09, 0x10: 2
        case 0x03, 0x0A, 0x20: 4
        default: nil
        }
    }
}
