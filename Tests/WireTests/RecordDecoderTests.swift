import TestSupport
import Testing
import Wire

@Suite struct RecordDecoderTests {
    /// A record as it came out.
    private struct Taken: Equatable {
        var sequence: UInt32
        var body: [UInt8]
    }

    /// Feeds `stream` in pieces of these sizes, then the rest, and returns all records.
    private func decode(
        _ stream: [UInt8],
        pieces: [Int],
        limit: Int = 1 << 20,
        capacity: Int = 64
    ) throws -> (records: [Taken], pending: Int) {
        var decoder = RecordDecoder(limit: limit, capacity: capacity)
        var taken: [Taken] = []
        var position = 0
        var sizes = pieces[...]
        while position < stream.count {
            var piece = min(sizes.popFirst() ?? stream.count, stream.count - position)
            while piece > 0 {
                let space = decoder.space()
                try #require(space.count > 0)
                let count = min(piece, space.count)
                space.copyBytes(from: stream[position..<(position + count)])
                decoder.commit(count)
                position += count
                piece -= count
                while let (header, body) = try decoder.next() {
                    taken.append(Taken(sequence: header.sequence, body: Array(body)))
                }
            }
        }
        return (taken, decoder.pending)
    }

    private static let bodies: [[UInt8]] = [
        [], Array(1...8), Array(repeating: 7, count: 120), [], Array(1...16),
    ]

    private static let stream: [UInt8] = bodies.enumerated().flatMap { index, body in
        record(.reply, sequence: UInt32(index + 1), body: body)
    }

    private var expected: [Taken] {
        Self.bodies.enumerated().map { Taken(sequence: UInt32($0 + 1), body: $1) }
    }

    @Test func `every split into two pieces`() throws {
        for split in 0...Self.stream.count {
            let (records, pending) = try decode(Self.stream, pieces: [split])
            #expect(records == expected, "split at \(split)")
            #expect(pending == 0)
        }
    }

    @Test(arguments: 1...40)
    func `pieces of one size`(_ size: Int) throws {
        let pieces = Array(repeating: size, count: Self.stream.count)
        #expect(try decode(Self.stream, pieces: pieces).records == expected)
    }

    @Test func `an unfinished record stays pending`() throws {
        let cut = Array(Self.stream.dropLast(5))
        let (records, pending) = try decode(cut, pieces: [])
        #expect(records == Array(expected.dropLast()))
        #expect(pending == 32 - 5)
    }

    @Test func `a record as large as the limit, and one that is larger`() throws {
        let fits = record(.reply, sequence: 1, body: Array(repeating: 1, count: 1008))
        #expect(try decode(fits, pieces: [], limit: 1024).records.count == 1)
        let tooLarge = record(.reply, sequence: 1, body: Array(repeating: 1, count: 1016))
        #expect(throws: ProtocolViolation.tooLarge(1032)) {
            _ = try decode(tooLarge, pieces: [], limit: 1024)
        }
    }

    @Test func `the header alone decides, before the body is there`() {
        let header = RecordHeader(size: 1 << 30, opcode: .reply, flags: 0, sequence: 1, context: 0)
        #expect(throws: ProtocolViolation.tooLarge(1 << 30)) {
            _ = try decode(written(header), pieces: [], limit: 1 << 20)
        }
    }

    @Test(arguments: [UInt32(0), 8, 15, 17, 4097])
    func `sizes that no record has`(_ size: UInt32) {
        var stream = record(.reply, sequence: 1, body: [])
        withUnsafeBytes(of: size.littleEndian) { stream.replaceSubrange(0..<4, with: $0) }
        #expect(throws: ProtocolViolation.badSize(size)) { _ = try decode(stream, pieces: [3, 1]) }
    }

    @Test func `long streams of small and large records in random pieces`() throws {
        var numbers = SeededNumbers(seed: 42)
        for _ in 0..<50 {
            var stream: [UInt8] = []
            var bodies: [Taken] = []
            for sequence in 1...UInt32(60) {
                let size =
                    8
                    * Int.random(
                        in: 0...(Bool.random(using: &numbers) ? 4 : 2000),
                        using: &numbers
                    )
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* Int(sequence)) }
                stream += record(.hostData, sequence: sequence, body: body)
                bodies.append(Taken(sequence: sequence, body: body))
            }
            let pieces = (0..<200).map { _ in Int.random(in: 1...5000, using: &numbers) }
            #expect(try decode(stream, pieces: pieces).records == bodies)
        }
    }

    /// Whatever comes, the decoder either takes records within the limit out or refuses.
    @Test func `random bytes`() throws {
        var numbers = SeededNumbers(seed: 7)
        var refused = 0
        for _ in 0..<2000 {
            var stream = Self.stream
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                let index = Int.random(in: stream.indices, using: &numbers)
                stream[index] = UInt8.random(in: 0...255, using: &numbers)
            }
            let pieces = (0..<20).map { _ in Int.random(in: 1...60, using: &numbers) }
            do throws(any Error) {
                let (records, pending) = try decode(stream, pieces: pieces, limit: 4096)
                let bytes = records.reduce(pending) { $0 + 16 + $1.body.count }
                #expect(bytes == stream.count)
            } catch let violation as ProtocolViolation {
                refused += 1
                #expect(violation.code <= 2)
            }
        }
        #expect(refused > 100)
    }
}
