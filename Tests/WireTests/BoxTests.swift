import Testing
import Wire

@Suite struct BoxTests {
    static let sizes = [
        BoxExtent(width: 1, height: 1, depth: 1), BoxExtent(width: 7, height: 1, depth: 1),
        BoxExtent(width: 1, height: 9, depth: 1), BoxExtent(width: 5, height: 4, depth: 3),
        BoxExtent(width: 16, height: 1, depth: 6), BoxExtent(width: 3, height: 8, depth: 2),
    ]

    /// The pieces of a box are its bytes, each once, in order.
    @Test(arguments: sizes, [1, 2, 3, 4, 5, 7, 15, 16, 20, 24, 40, 59, 60, 1000])
    func `pieces cover a box in order`(_ box: BoxExtent, _ most: Int) {
        var next = 0
        while next < box.bytes {
            let piece = box.piece(at: next, most: most)
            #expect(piece.extent.bytes > 0 && piece.extent.bytes <= most)
            for z in 0..<piece.extent.depth {
                for y in 0..<piece.extent.height {
                    for x in 0..<piece.extent.width {
                        let row = (piece.z + z) * box.height + piece.y + y
                        #expect(row * box.width + piece.x + x == next)
                        #expect(piece.x + x < box.width && piece.y + y < box.height)
                        next += 1
                    }
                }
            }
        }
        #expect(next == box.bytes)
    }

    @Test func `a piece is as large as it can be`() {
        let box = BoxExtent(width: 10, height: 10, depth: 10)
        #expect(box.piece(at: 0, most: 1000).extent == box)
        #expect(box.piece(at: 100, most: 250).extent == BoxExtent(width: 10, height: 10, depth: 2))
        #expect(box.piece(at: 110, most: 250).extent == BoxExtent(width: 10, height: 9, depth: 1))
        #expect(box.piece(at: 113, most: 250).extent == BoxExtent(width: 7, height: 1, depth: 1))
    }

    @Test func `extents from outside are checked`() {
        #expect(BoxExtent(checking: 2, 3, 4)?.bytes == 24)
        #expect(BoxExtent(checking: 1 << 48, 1, 1) != nil)
        let wrong: [(UInt64, UInt64, UInt64)] = [
            (0, 1, 1), (1, 0, 1), (1, 1, 0), (1 << 48 + 1, 1, 1), (1 << 24, 1 << 24, 2),
            (.max, .max, .max), (1 << 32, 1 << 32, 1), (1 << 22, 1 << 21, 1 << 22), (1, .max, 2),
        ]
        for (width, height, depth) in wrong {
            #expect(BoxExtent(checking: width, height, depth) == nil)
        }
    }

    @Test func `sides of a copy lie behind each other`() {
        #expect(BoxLayout.destination - BoxLayout.source == 48)
        #expect(BoxLayout.size == BoxLayout.destination + 48)
        #expect(
            BoxLayout.size + WireFormat.maxData + WireFormat.headerSize <= WireFormat.maxRequest
        )
        #expect(TexelFormat.bytes(0x20) == 4 && TexelFormat.bytes(0x08) == 1)
        #expect(TexelFormat.bytes(0xB0) == nil)
    }
}
