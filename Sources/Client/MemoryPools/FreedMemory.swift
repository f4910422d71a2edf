/// Memory that the program has given back in the order of a stream, and that the server has not been told
/// of. Who asks for as much of the same pool in the same stream gets it: work that comes now runs after all
/// that could still use it. So a program that takes and gives back the same sizes over and over waits for
/// nobody.
///
/// A pure value; whoever has it guards it.
package struct FreedMemory: ~Copyable {
    /// One piece of it.
    package struct Block: Equatable, Sendable {
        /// Where it begins.
        package var address: UInt64
        /// Its size, exactly as it was asked for.
        package var bytes: Int
        /// Handle of the pool that it is from.
        package var pool: UInt64
        /// The stream in whose order it was given back, as on the wire.
        package var stream: UInt64
        /// The identifier of the stream's context.
        package var context: UInt32

        package init(address: UInt64, bytes: Int, pool: UInt64, stream: UInt64, context: UInt32) {
            self.address = address
            self.bytes = bytes
            self.pool = pool
            self.stream = stream
            self.context = context
        }
    }

    /// Blocks at most.
    package static let most = 256

    private let blocks: UnsafeMutablePointer<Block>
    /// How many there are.
    package private(set) var count = 0

    /// Nothing yet.
    package init() {
        blocks = .allocate(capacity: Self.most)
    }

    deinit { blocks.deallocate() }

    /// Whether no more fits.
    package var isFull: Bool { count == Self.most }

    /// Keeps a block; there must be room.
    package mutating func add(_ block: Block) {
        blocks[count] = block
        count += 1
    }

    /// Takes out the newest block of these properties; `nil` if there is none.
    ///
    /// - Returns: Where it begins.
    package mutating func take(
        bytes: Int,
        pool: UInt64,
        stream: UInt64,
        context: UInt32
    ) -> UInt64? {
        var index = count - 1
        while index >= 0 {
            let block = blocks[index]
            if block.bytes == bytes, block.stream == stream, block.pool == pool,
                block.context == context
            {
                (blocks + index).update(from: blocks + index + 1, count: count - index - 1)
                count -= 1
                return block.address
            }
            index -= 1
        }
        return nil
    }

    /// Takes out, oldest first, all blocks of the pools that have more bytes than `most` says.
    package mutating func trim(to most: (UInt64) -> UInt64, _ body: (Block) -> Void) {
        var index = 0
        while index < count {
            let pool = blocks[index].pool
            if bytes(of: pool) > most(pool) {
                removeAll(where: { $0.pool == pool }, body)
            } else {
                while index < count, blocks[index].pool == pool { index += 1 }
            }
        }
    }

    private func bytes(of pool: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        for index in 0..<count where blocks[index].pool == pool {
            sum += UInt64(blocks[index].bytes)
        }
        return sum
    }

    /// Takes out all blocks for which `isGone` says so, oldest first.
    package mutating func removeAll(where isGone: (Block) -> Bool, _ body: (Block) -> Void) {
        var kept = 0
        for index in 0..<count {
            let block = blocks[index]
            if isGone(block) {
                body(block)
            } else {
                blocks[kept] = block
                kept += 1
            }
        }
        count = kept
    }
}
