/// Memory that nodes of graphs take and give back, and what may be done with it: the rules of
/// `cuGraphAddMemAllocNode` and `cuGraphAddMemFreeNode` in cuda.h.
///
/// The memory itself is there from the node's making on and stays as long as the graph, its executable one, or
/// what a launch has left allocated: its address is the node's for ever, and a launch needs nothing new. A pure
/// value: graphs and executable graphs are numbers that are not used twice while one of them is known here;
/// whoever holds the value takes and gives back the memory, and sees to it that one thread at a time uses it.
package struct GraphMemory: Sendable {
    /// Memory of a node.
    package struct Block: Equatable, Sendable {
        /// Where it begins.
        package let address: UInt64
        /// Bytes.
        package let bytes: Int
        /// The GPU, as the program counts.
        package let device: Int32
        /// The graph whose node takes it.
        package let graph: UInt64
        /// The context with which it is gone.
        package let context: UInt64
        /// The graph with the node that gives it back; 0 for none.
        fileprivate(set) var freedBy: UInt64 = 0
        /// The stream whose capture gave it back in its graph; 0 where nothing can be said of the order.
        fileprivate var freedIn: UInt64 = 0
        /// Whether a launch has taken it and nobody has given it back.
        fileprivate var isTaken = false
        /// Whether the graph is gone.
        fileprivate var isOrphaned = false
    }

    private struct Instance {
        var exec: UInt64
        var graph: UInt64
        var freesItself: Bool
    }

    /// What became of memory that a program gives back outside of graphs.
    package enum Freed: Equatable, Sendable {
        /// It is no graph's.
        case unknown
        /// No launch has taken it, or it was given back since.
        case notTaken
        /// It is given back.
        case done
        /// The same, and nobody has a use for it any more.
        case last(Block)
    }

    /// The most that there ever was of it since somebody reset it, in bytes.
    private struct High {
        var device: Int32
        var used = 0
        var reserved = 0
    }

    private var blocks: [Block] = []
    private var instances: [Instance] = []
    private var highs: [High] = []

    /// No memory.
    package init() {}

    /// Whether there is any.
    package var isEmpty: Bool { blocks.isEmpty }

    /// Whether a graph has nodes that take memory or give it back. It can then be neither copied nor taken
    /// apart, and have one executable graph at a time.
    package func isUsed(by graph: UInt64) -> Bool {
        blocks.contains { $0.graph == graph && !$0.isOrphaned || $0.freedBy == graph }
    }

    /// The block that begins at an address.
    package func find(_ address: UInt64) -> Block? {
        blocks.first { $0.address == address }
    }

    // MARK: - Nodes

    /// A node takes memory that nothing is known of yet.
    package mutating func insert(
        address: UInt64,
        bytes: Int,
        device: Int32,
        context: UInt64,
        graph: UInt64
    ) {
        let block = Block(
            address: address,
            bytes: bytes,
            device: device,
            graph: graph,
            context: context
        )
        blocks.append(block)
        raise(device)
    }

    /// Memory of the graph that a node can take once more: what comes later in the stream comes behind the
    /// node that has given it back.
    package mutating func reuse(bytes: Int, device: Int32, graph: UInt64, stream: UInt64) -> UInt64?
    {
        let found = blocks.firstIndex {
            $0.graph == graph && $0.freedBy == graph && $0.freedIn == stream && stream != 0
                && $0.bytes == bytes && $0.device == device && !$0.isOrphaned
        }
        guard let found else { return nil }
        blocks[found].freedBy = 0
        blocks[found].freedIn = 0
        return blocks[found].address
    }

    /// The order of a graph's captured work is not that of the streams any more.
    package mutating func forgetOrder(in graph: UInt64) {
        for index in blocks.indices where blocks[index].graph == graph { blocks[index].freedIn = 0 }
    }

    /// A node of a graph gives memory back.
    ///
    /// - Parameter stream: The captured stream of which it was made; 0 for a node that was added.
    /// - Returns: False for memory of no graph, and for what a node gives back already.
    package mutating func addFree(_ address: UInt64, graph: UInt64, stream: UInt64) -> Bool {
        guard let index = blocks.firstIndex(where: { $0.address == address }),
            blocks[index].freedBy == 0
        else { return false }
        blocks[index].freedBy = graph
        blocks[index].freedIn = blocks[index].graph == graph ? stream : 0
        return true
    }

    // MARK: - Executable graphs

    /// A graph becomes executable.
    ///
    /// - Parameter freesItself: Whether a launch gives back what the one before has left.
    /// - Returns: False when there is an executable graph of it already.
    package mutating func instantiate(
        _ graph: UInt64,
        as exec: UInt64,
        freesItself: Bool
    ) -> Bool {
        guard isUsed(by: graph) else { return true }
        guard !instances.contains(where: { $0.graph == graph }) else { return false }
        instances.append(Instance(exec: exec, graph: graph, freesItself: freesItself))
        return true
    }

    /// Whether an executable graph takes memory or gives it back; the same from its making on.
    package func isUsed(byExec exec: UInt64) -> Bool {
        instances.contains { $0.exec == exec }
    }

    /// Whether an executable graph may do what a graph does from now on: the addresses have to stay.
    package func canUpdate(_ exec: UInt64, with graph: UInt64) -> Bool {
        if let instance = instances.first(where: { $0.exec == exec }) {
            return instance.graph == graph
        }
        return !isUsed(by: graph)
    }

    /// An executable graph is launched.
    ///
    /// - Returns: False when it has not given back what it took: the launch has to fail.
    package mutating func launch(_ exec: UInt64) -> Bool {
        guard let instance = instances.first(where: { $0.exec == exec }) else { return true }
        if !instance.freesItself {
            for block in blocks where block.graph == instance.graph && block.isTaken {
                return false
            }
        }
        for index in blocks.indices {
            if blocks[index].graph == instance.graph {
                blocks[index].isTaken = blocks[index].freedBy != instance.graph
            } else if blocks[index].freedBy == instance.graph {
                blocks[index].isTaken = false
            }
        }
        for index in highs.indices { raise(highs[index].device) }
        return true
    }

    // MARK: - Ends

    /// The program gives back what a launch has taken.
    package mutating func free(_ address: UInt64) -> Freed {
        guard let index = blocks.firstIndex(where: { $0.address == address }) else {
            return .unknown
        }
        guard blocks[index].isTaken else { return .notTaken }
        blocks[index].isTaken = false
        let block = blocks[index]
        guard isOver(block) else { return .done }
        blocks.remove(at: index)
        return .last(block)
    }

    /// A graph is destroyed.
    ///
    /// - Returns: Memory that nobody has a use for any more.
    package mutating func destroy(graph: UInt64) -> [Block] {
        for index in blocks.indices where blocks[index].graph == graph {
            blocks[index].isOrphaned = true
        }
        return removeOver()
    }

    /// An executable graph is destroyed.
    ///
    /// - Returns: As of `destroy(graph:)`.
    package mutating func destroy(exec: UInt64) -> [Block] {
        guard let index = instances.firstIndex(where: { $0.exec == exec }) else { return [] }
        instances.remove(at: index)
        return removeOver()
    }

    /// The memory of a context is gone, whoever has a use for it.
    package mutating func removeAll(of context: UInt64) {
        blocks.removeAll { $0.context == context }
        let left = blocks
        instances.removeAll { instance in
            !left.contains { $0.graph == instance.graph || $0.freedBy == instance.graph }
        }
    }

    private func isOver(_ block: Block) -> Bool {
        block.isOrphaned && !block.isTaken && !instances.contains { $0.graph == block.graph }
    }

    private mutating func removeOver() -> [Block] {
        let known = blocks
        blocks = known.filter { !isOver($0) }
        return known.filter { isOver($0) }
    }

    // MARK: - How much

    /// `CUgraphMem_attribute`
    package enum Attribute: Int32, Sendable {
        case usedNow = 0
        case usedHigh = 1
        case reservedNow = 2
        case reservedHigh = 3
    }

    /// Bytes of a GPU: used are those that launches have taken, reserved all.
    package func amount(_ attribute: Attribute, of device: Int32) -> UInt64 {
        let high = highs.first { $0.device == device }
        return switch attribute {
        case .usedNow: UInt64(used(device))
        case .reservedNow: UInt64(reserved(device))
        case .usedHigh: UInt64(high?.used ?? 0)
        case .reservedHigh: UInt64(high?.reserved ?? 0)
        }
    }

    /// Lets the most begin anew with what there is now.
    ///
    /// - Returns: False for an attribute that cannot be set, and for another number than 0.
    package mutating func reset(_ attribute: Attribute, to value: UInt64, of device: Int32) -> Bool
    {
        guard value == 0, attribute == .usedHigh || attribute == .reservedHigh else { return false }
        guard let index = highs.firstIndex(where: { $0.device == device }) else { return true }
        if attribute == .usedHigh {
            highs[index].used = used(device)
        } else {
            highs[index].reserved = reserved(device)
        }
        return true
    }

    private func used(_ device: Int32) -> Int {
        blocks.reduce(0) { $1.device == device && $1.isTaken ? $0 + $1.bytes : $0 }
    }

    private func reserved(_ device: Int32) -> Int {
        blocks.reduce(0) { $1.device == device ? $0 + $1.bytes : $0 }
    }

    private mutating func raise(_ device: Int32) {
        if !highs.contains(where: { $0.device == device }) { highs.append(High(device: device)) }
        guard let index = highs.firstIndex(where: { $0.device == device }) else { return }
        highs[index].used = max(highs[index].used, used(device))
        highs[index].reserved = max(highs[index].reserved, reserved(device))
    }
}
