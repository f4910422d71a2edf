internal import CUDAABI
internal import Driver
internal import Wire

// Tensor maps: the driver writes an opaque descriptor, which goes to the client as it is.
extension Executor {
    func encodeTiledMap(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TensorMapLayout.size)
        guard let call = driver.cuTensorMapEncodeTiled else {
            return finish(record, Status.notFound)
        }
        try encodeMap(record) { map, tensor in
            call(
                map,
                tensor.number(TensorMapLayout.dataType),
                tensor.rank,
                tensor.address,
                tensor.words(TensorMapLayout.extents),
                tensor.words(TensorMapLayout.strides),
                tensor.halves(TensorMapLayout.box),
                tensor.halves(TensorMapLayout.elementStrides),
                tensor.number(TensorMapLayout.interleave),
                tensor.number(TensorMapLayout.swizzle),
                tensor.number(TensorMapLayout.promotion),
                tensor.number(TensorMapLayout.fill)
            )
        }
    }

    func encodeIm2colMap(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TensorMapLayout.size)
        guard let call = driver.cuTensorMapEncodeIm2col else {
            return finish(record, Status.notFound)
        }
        try encodeMap(record) { map, tensor in
            call(
                map,
                tensor.number(TensorMapLayout.dataType),
                tensor.rank,
                tensor.address,
                tensor.words(TensorMapLayout.extents),
                tensor.words(TensorMapLayout.strides),
                tensor.corner(TensorMapLayout.lowerCorner),
                tensor.corner(TensorMapLayout.upperCorner),
                UInt32(bitPattern: tensor.number(TensorMapLayout.channels)),
                UInt32(bitPattern: tensor.number(TensorMapLayout.pixels)),
                tensor.halves(TensorMapLayout.elementStrides),
                tensor.number(TensorMapLayout.interleave),
                tensor.number(TensorMapLayout.swizzle),
                tensor.number(TensorMapLayout.promotion),
                tensor.number(TensorMapLayout.fill)
            )
        }
    }

    func encodeWideIm2colMap(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TensorMapLayout.size)
        guard let call = driver.cuTensorMapEncodeIm2colWide else {
            return finish(record, Status.notFound)
        }
        try encodeMap(record) { map, tensor in
            call(
                map,
                tensor.number(TensorMapLayout.dataType),
                tensor.rank,
                tensor.address,
                tensor.words(TensorMapLayout.extents),
                tensor.words(TensorMapLayout.strides),
                tensor.number(TensorMapLayout.lowerCorner),
                tensor.number(TensorMapLayout.upperCorner),
                UInt32(bitPattern: tensor.number(TensorMapLayout.channels)),
                UInt32(bitPattern: tensor.number(TensorMapLayout.pixels)),
                tensor.halves(TensorMapLayout.elementStrides),
                tensor.number(TensorMapLayout.interleave),
                tensor.number(TensorMapLayout.mode),
                tensor.number(TensorMapLayout.swizzle),
                tensor.number(TensorMapLayout.promotion),
                tensor.number(TensorMapLayout.fill)
            )
        }
    }

    func replaceMapAddress(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: TensorMapLayout.replaceSize)
        guard let call = driver.cuTensorMapReplaceAddress else {
            return finish(record, Status.notFound)
        }
        let address = record.load(0, as: UInt64.self)
        withMap(record) { map in
            for word in 0..<TensorMapLayout.descriptorSize / 8 {
                let offset = TensorMapLayout.descriptor + 8 * word
                map.storeBytes(
                    of: record.load(offset, as: UInt64.self),
                    toByteOffset: 8 * word,
                    as: UInt64.self
                )
            }
            return call(OpaquePointer(map), UnsafeMutableRawPointer(bitPattern: UInt(address)))
        }
    }

    /// What a record says of a tensor, where the driver can read it.
    private struct Tensor {
        /// The record's body; its numbers lie as the driver wants them.
        let body: UnsafeRawPointer
        let rank: UInt32

        /// What is encoded, not read, here.
        var address: UnsafeMutableRawPointer? {
            UnsafeMutableRawPointer(bitPattern: body.load(as: UInt.self))
        }

        func number(_ offset: Int) -> Int32 {
            body.load(fromByteOffset: offset, as: Int32.self)
        }

        func words(_ offset: Int) -> UnsafePointer<UInt64> {
            (body + offset).assumingMemoryBound(to: UInt64.self)
        }

        func halves(_ offset: Int) -> UnsafePointer<UInt32> {
            (body + offset).assumingMemoryBound(to: UInt32.self)
        }

        func corner(_ offset: Int) -> UnsafePointer<Int32> {
            (body + offset).assumingMemoryBound(to: Int32.self)
        }
    }

    private func encodeMap(
        _ record: Record,
        _ call: (OpaquePointer, Tensor) -> CUresult
    ) throws(ProtocolViolation) {
        let rank = record.load(TensorMapLayout.rank, as: UInt32.self)
        guard let body = record.body.baseAddress, rank >= 1, rank <= TensorMapLayout.maxRank else {
            throw .malformed(record.opcode)
        }
        withMap(record) { call(OpaquePointer($0), Tensor(body: body, rank: rank)) }
    }

    /// Answers with what a call writes to memory that is aligned as the driver wants it.
    private func withMap(_ record: Record, _ call: (UnsafeMutableRawPointer) -> CUresult) {
        withUnsafeTemporaryAllocation(
            byteCount: TensorMapLayout.descriptorSize,
            alignment: 64
        ) { buffer in
            guard let map = buffer.baseAddress else { return finish(record, Status.outOfMemory) }
            map.initializeMemory(as: UInt8.self, repeating: 0, count: buffer.count)
            let status = call(map)
            let size = ReplyLayout.values + TensorMapLayout.descriptorSize
            finish(record, status, size: size) { reply in
                (reply + ReplyLayout.values).copyMemory(
                    from: map,
                    byteCount: TensorMapLayout.descriptorSize
                )
            }
        }
    }
}
