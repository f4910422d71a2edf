internal import CLinux
internal import CUDAABI
internal import Driver

/// A copy of rows, of one or more planes: `CUDA_MEMCPY2D`, and the part of `CUDA_MEMCPY3D` that
/// both have.
struct PitchedCopy {
    /// One side: rows of `pitch` bytes, planes of `height` rows.
    struct Side {
        var operand: CopyOperand
        var pitch: Int
        var planePitch: Int
    }

    var source: Side
    var target: Side
    var width: Int
    var height: Int
    var depth: Int

    /// Copies all rows.
    func run() {
        for plane in 0..<depth {
            let from = source.operand.pointer + plane * source.planePitch
            let to = target.operand.pointer + plane * target.planePitch
            for row in 0..<height {
                memmove(to + row * target.pitch, from + row * source.pitch, width)
            }
        }
    }

    /// Where a side's rows begin and how far they reach; every product is checked.
    struct Extent {
        var offset: Int
        var bytes: Int
        var pitch: Int
        var planePitch: Int

        /// - Parameters:
        ///   - position: First byte, row and plane.
        ///   - pitch: Bytes of a row, 0 for as many as are copied.
        ///   - rows: Rows of a plane, 0 for as many as are copied.
        ///   - size: Bytes, rows and planes that are copied, each at least 1.
        init(
            position: (x: Int, y: Int, z: Int),
            pitch: Int,
            rows: Int,
            size: (width: Int, height: Int, depth: Int)
        ) throws(Failure) {
            let limit = 1 << 40
            for value in [position.x, position.y, position.z, pitch, rows] {
                guard (0...limit).contains(value) else { throw .invalidValue }
            }
            let rowBytes = pitch == 0 ? position.x + size.width : pitch
            let planeRows = rows == 0 ? position.y + size.height : rows
            guard position.x + size.width <= rowBytes || size.height * size.depth == 1 else {
                throw .invalidValue
            }
            let plane = try Self.product(rowBytes, planeRows)
            let start = try Self.product(plane, position.z)
            let row = try Self.product(rowBytes, position.y)
            let planes = try Self.product(plane, size.depth - 1)
            let last = try Self.product(rowBytes, size.height - 1)
            self.pitch = rowBytes
            planePitch = plane
            offset = start + row + position.x
            bytes = planes + last + size.width
        }

        private static func product(_ a: Int, _ b: Int) throws(Failure) -> Int {
            let (value, overflow) = a.multipliedReportingOverflow(by: b)
            guard !overflow, value <= 1 << 48 else { throw .invalidValue }
            return value
        }
    }
}

extension Context {
    /// Does a pitched copy in a stream.
    func copy(_ copy: PitchedCopy, in stream: Stream, _ mode: CopyMode) throws(Failure) {
        let kinds = [copy.source.operand.kind, copy.target.operand.kind]
        let touchesHost = kinds.contains { $0 != .device }
        if kinds.contains(.pageable) || (mode == .synchronous && touchesHost) {
            try perform(in: stream) {
                copy.run()
                return Status.success
            }
            if mode == .synchronous { output.flush() }
            return
        }
        try submit(to: stream) {
            copy.run()
            return Status.success
        }
    }
}
