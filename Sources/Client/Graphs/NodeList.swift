internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

/// A list of nodes or edges, as the server sent it.
struct NodeList {
    private(set) var count = 0
    private var elements: UnsafeMutableRawPointer?
    private var element = 0

    /// Asks the server; the list is the caller's to deallocate when that succeeded.
    ///
    /// - Parameters:
    ///   - second: A second word of the question, if it has one.
    ///   - element: Bytes of an element.
    mutating func ask(
        _ state: UnsafeMutablePointer<SessionState>,
        _ context: UInt32,
        _ opcode: Opcode,
        _ handle: UInt64,
        _ second: UInt64? = nil,
        element: Int
    ) -> CUresult {
        var found = 0
        var memory: UnsafeMutableRawPointer?
        let status = Session.wait(
            state,
            opcode,
            context: context,
            size: second == nil ? 8 : 16,
            replySize: GraphLayout.list
        ) { body in
            body.storeBytes(of: handle, as: UInt64.self)
            if let second { body.storeBytes(of: second, toByteOffset: 8, as: UInt64.self) }
        } reply: { reply in
            let told = reply.loadUnaligned(fromByteOffset: ReplyLayout.values, as: UInt64.self)
            // The reply may be longer than the list by what pads it, never shorter.
            found = Int(min(told, UInt64((reply.count - GraphLayout.list) / element)))
            let bytes = found * element
            let copy = UnsafeMutableRawPointer.allocate(byteCount: max(8, bytes), alignment: 8)
            if let base = reply.baseAddress { memcpy(copy, base + GraphLayout.list, bytes) }
            memory = copy
        }
        guard status == Status.success else {
            memory?.deallocate()
            return status
        }
        count = found
        elements = memory
        self.element = element
        return status
    }

    func deallocate() { elements?.deallocate() }

    /// A word of an element.
    func word(_ index: Int, _ offset: Int) -> UInt64 {
        guard index < count, let elements else { return 0 }
        return elements.load(fromByteOffset: index * element + offset, as: UInt64.self)
    }

    /// Whether nothing is said of the edges, whose words are at an offset.
    func isPlain(_ offset: Int) -> Bool {
        for index in 0..<count where word(index, offset) != 0 { return false }
        return true
    }

    /// Turns links into an array of nodes and, behind it in the same memory, one of what is said of the edges.
    func split() -> (nodes: UnsafeMutableRawPointer, data: UnsafeMutableRawPointer) {
        let nodes = UnsafeMutableRawPointer.allocate(byteCount: max(16, 16 * count), alignment: 8)
        let data = nodes + 8 * count
        for index in 0..<count {
            nodes.storeBytes(of: word(index, 0), toByteOffset: 8 * index, as: UInt64.self)
            data.storeBytes(of: word(index, 8), toByteOffset: 8 * index, as: UInt64.self)
        }
        deallocate()
        return (nodes, data)
    }

    /// Tells a program how many there are, or fills the room that it has and clears the rest of it.
    ///
    /// - Parameters:
    ///   - columns: Where each word of an element goes; `nil` for one that is not wanted.
    ///   - data: Which of them says how edges are. Lists of edges that are not plain need it.
    func tell(
        _ columns: [UnsafeMutableRawPointer?],
        data: Int,
        _ count: UnsafeMutablePointer<Int>?
    ) -> CUresult {
        defer { deallocate() }
        guard let count else { return Status.invalidValue }
        guard let first = columns.first, first != nil else {
            for column in columns where column != nil { return Status.invalidValue }
            count.pointee = self.count
            return Status.success
        }
        guard columns[data] != nil || isPlain(8 * data) else {
            return FERRY_CUDA_ERROR_LOSSY_QUERY
        }
        let room = count.pointee
        guard room >= 0 else { return Status.invalidValue }
        for (index, column) in columns.enumerated() {
            guard let column else {
                if index == data { continue }
                return Status.invalidValue
            }
            for row in 0..<room {
                column.storeBytes(of: word(row, 8 * index), toByteOffset: 8 * row, as: UInt64.self)
            }
        }
        count.pointee = min(room, self.count)
        return Status.success
    }
}
