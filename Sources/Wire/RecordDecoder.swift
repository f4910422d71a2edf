/// Cuts a stream of bytes into records: a pure state machine over a buffer of its own.
///
/// The receiver fills `space`, says how many bytes came with `commit`, and takes records out with
/// `next` until there is none. Memory is bounded by the limit: the buffer never grows beyond the
/// largest record accepted. Not thread-safe.
package struct RecordDecoder: ~Copyable {
    private var buffer: UnsafeMutableRawPointer
    private var capacity: Int
    private var start = 0
    private var end = 0
    private let limit: Int

    /// A decoder that accepts records of up to `limit` bytes.
    package init(limit: Int, capacity: Int = 65_536) {
        self.limit = limit
        self.capacity = min(capacity, limit)
        buffer = .allocate(byteCount: self.capacity, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// Bytes received that are not part of a record taken so far.
    package var pending: Int { end - start }

    /// Where the next bytes go. Never empty after `next` returned `nil`.
    package mutating func space() -> UnsafeMutableRawBufferPointer {
        if start == end {
            start = 0
            end = 0
        } else if end == capacity, start > 0 {
            buffer.copyMemory(from: buffer + start, byteCount: end - start)
            end -= start
            start = 0
        }
        return UnsafeMutableRawBufferPointer(start: buffer + end, count: capacity - end)
    }

    /// `count` bytes were written to `space`.
    package mutating func commit(_ count: Int) {
        precondition(count >= 0 && count <= capacity - end, "more bytes than there was space")
        end += count
    }

    /// The next complete record, or `nil` when more bytes are needed.
    ///
    /// - Returns: A header that was checked, and the body, valid until the next call of `space`.
    /// - Throws: `ProtocolViolation`; the stream cannot be read on.
    package mutating func next() throws(ProtocolViolation)
        -> (header: RecordHeader, body: UnsafeRawBufferPointer)?
    {
        guard end - start >= WireFormat.headerSize else { return nil }
        let header = RecordHeader(reading: buffer + start)
        if let violation = header.violation(limit: limit) { throw violation }
        let size = Int(header.size)
        guard end - start >= size else {
            reserve(size)
            return nil
        }
        let body = UnsafeRawBufferPointer(
            start: buffer + start + WireFormat.headerSize,
            count: size - WireFormat.headerSize
        )
        start += size
        return (header, body)
    }

    /// Forgets what came in part.
    package mutating func clear() {
        start = 0
        end = 0
    }

    /// Makes room for a record of `size` bytes, which is within the limit.
    private mutating func reserve(_ size: Int) {
        guard size > capacity else { return }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        larger.copyMemory(from: buffer + start, byteCount: end - start)
        buffer.deallocate()
        buffer = larger
        capacity = size
        end -= start
        start = 0
    }
}
