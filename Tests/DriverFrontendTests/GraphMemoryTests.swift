import DriverFrontend
import Testing

@Suite struct GraphMemoryTests {
    private let graph: UInt64 = 10
    private let exec: UInt64 = 20

    /// Memory of one block of 64 bytes at address 4096, which a node of the graph takes.
    private func taken() -> GraphMemory {
        var memory = GraphMemory()
        memory.insert(address: 4096, bytes: 64, device: 0, context: 7, graph: graph)
        return memory
    }

    @Test func `memory that the graph itself gives back is there for every launch`() {
        var memory = taken()
        #expect(memory.addFree(4096, graph: graph, stream: 0) == true)
        #expect(memory.addFree(4096, graph: graph, stream: 0) == false)
        #expect(memory.instantiate(graph, as: exec, freesItself: false) == true)
        #expect(memory.launch(exec) == true)
        #expect(memory.launch(exec) == true)
        #expect(memory.amount(.usedNow, of: 0) == 0)
        #expect(memory.amount(.reservedNow, of: 0) == 64)
        #expect(memory.free(4096) == .notTaken)
    }

    @Test func `what a launch leaves has to be given back before the next one`() {
        var memory = taken()
        #expect(memory.instantiate(graph, as: exec, freesItself: false) == true)
        #expect(memory.free(4096) == .notTaken)
        #expect(memory.launch(exec) == true)
        #expect(memory.amount(.usedNow, of: 0) == 64)
        #expect(memory.launch(exec) == false)
        #expect(memory.free(4096) == .done)
        #expect(memory.launch(exec) == true)
        #expect(memory.free(4000) == .unknown)
    }

    @Test func `a graph that frees itself is launched again`() {
        var memory = taken()
        #expect(memory.instantiate(graph, as: exec, freesItself: true) == true)
        #expect(memory.launch(exec) == true)
        #expect(memory.launch(exec) == true)
        #expect(memory.free(4096) == .done)
    }

    @Test func `another graph gives it back when it is launched`() {
        var memory = taken()
        #expect(memory.addFree(4096, graph: 11, stream: 0) == true)
        #expect(memory.addFree(4096, graph: graph, stream: 0) == false)
        #expect(memory.instantiate(graph, as: exec, freesItself: false) == true)
        #expect(memory.instantiate(11, as: 21, freesItself: false) == true)
        #expect(memory.launch(exec) == true)
        #expect(memory.launch(exec) == false)
        #expect(memory.launch(21) == true)
        #expect(memory.launch(exec) == true)
    }

    @Test func `one executable graph at a time`() {
        var memory = taken()
        #expect(memory.instantiate(graph, as: exec, freesItself: false) == true)
        #expect(memory.instantiate(graph, as: 21, freesItself: false) == false)
        #expect(memory.isUsed(byExec: exec) == true)
        #expect(memory.destroy(exec: exec) == [])
        #expect(memory.instantiate(graph, as: 21, freesItself: false) == true)
        // A graph without such nodes is none of its business.
        #expect(memory.instantiate(12, as: 22, freesItself: false) == true)
        #expect(memory.instantiate(12, as: 23, freesItself: false) == true)
        #expect(memory.isUsed(byExec: 22) == false)
    }

    @Test func `an executable graph is changed by its own graph only`() {
        var memory = taken()
        #expect(memory.instantiate(graph, as: exec, freesItself: false) == true)
        #expect(memory.canUpdate(exec, with: graph) == true)
        #expect(memory.canUpdate(exec, with: 12) == false)
        #expect(memory.canUpdate(22, with: graph) == false)
        #expect(memory.canUpdate(22, with: 12) == true)
    }

    @Test func `memory goes with its context`() {
        var memory = taken()
        memory.removeAll(of: 8)
        #expect(memory.find(4096) != nil)
        memory.removeAll(of: 7)
        #expect(memory.isEmpty)
        #expect(memory.destroy(graph: graph) == [])
    }

    @Test func `memory ends with the last that has a use for it`() {
        var memory = taken()
        #expect(memory.instantiate(graph, as: exec, freesItself: false) == true)
        #expect(memory.destroy(graph: graph) == [])
        #expect(memory.launch(exec) == true)
        #expect(memory.destroy(exec: exec) == [])
        guard case .last(let block) = memory.free(4096) else {
            Issue.record("not the last")
            return
        }
        #expect(block.address == 4096)
        #expect(memory.isEmpty)

        var other = taken()
        #expect(other.destroy(graph: graph).map(\.address) == [4096])
        #expect(other.isEmpty)
        #expect(other.amount(.reservedHigh, of: 0) == 64)
        #expect(other.reset(.reservedHigh, to: 1, of: 0) == false)
        #expect(other.reset(.reservedNow, to: 0, of: 0) == false)
        #expect(other.reset(.reservedHigh, to: 0, of: 0) == true)
        #expect(other.amount(.reservedHigh, of: 0) == 0)
    }

    @Test func `memory is used again behind what gave it back in the same stream`() {
        var memory = taken()
        #expect(memory.reuse(bytes: 64, device: 0, graph: graph, stream: 5) == nil)
        #expect(memory.addFree(4096, graph: graph, stream: 5) == true)
        #expect(memory.reuse(bytes: 64, device: 0, graph: graph, stream: 6) == nil)
        #expect(memory.reuse(bytes: 65, device: 0, graph: graph, stream: 5) == nil)
        #expect(memory.reuse(bytes: 64, device: 1, graph: graph, stream: 5) == nil)
        #expect(memory.reuse(bytes: 64, device: 0, graph: 11, stream: 5) == nil)
        #expect(memory.reuse(bytes: 64, device: 0, graph: graph, stream: 5) == 4096)
        // The second node has not given it back.
        #expect(memory.instantiate(graph, as: exec, freesItself: false) == true)
        #expect(memory.launch(exec) == true)
        #expect(memory.amount(.usedNow, of: 0) == 64)

        var other = taken()
        #expect(other.addFree(4096, graph: graph, stream: 5) == true)
        other.forgetOrder(in: graph)
        #expect(other.reuse(bytes: 64, device: 0, graph: graph, stream: 5) == nil)
    }
}
