import CUDAABI
import Worker

private var fake: FakeDriver { .shared }

/// A graph, or a node of one, or an executable graph.
final class FakeGraphObject {}

extension FakeDriver {
    static func addGraphs(_ table: inout DriverTable) {
        table.cuStreamBeginCapture_v2 = { _, mode in fake.note("capture \(mode)") { 0 } }
        table.cuStreamEndCapture = { _, graph in
            fake.note("endCapture") {
                graph?.pointee = fake.makeObject(FakeGraphObject())
                return 0
            }
        }
        table.cuGraphCreate = { graph, _ in
            fake.note("graph") {
                graph?.pointee = fake.makeObject(FakeGraphObject())
                return 0
            }
        }
        table.cuGraphDestroy = { _ in fake.note("destroyGraph") { 0 } }
        table.cuGraphAddEmptyNode = { node, _, _, count in
            fake.note("emptyNode \(count)") {
                node?.pointee = fake.makeObject(FakeGraphObject())
                return 0
            }
        }
        table.cuGraphAddMemsetNode = { node, _, _, count, _, _ in
            fake.note("fillNode \(count)") {
                node?.pointee = fake.makeObject(FakeGraphObject())
                return 0
            }
        }
        table.cuGraphConditionalHandleCreate = { handle, _, _, value, flags in
            fake.note("conditional \(value) \(flags)") {
                handle?.pointee = 0x77
                return 0
            }
        }
        table.cuGraphAddNode_v2 = { node, _, _, _, _, parameters in
            // CUgraphNodeParams: type; from byte 16 on handle, kind and number, the list of graphs.
            let fields = UnsafeMutableRawPointer(parameters)?.assumingMemoryBound(to: UInt64.self)
            guard let fields else { return 1 }
            let count = Int(fields[3] >> 32)
            let kind = fields[3] & 0xFFFF_FFFF
            return fake.note("node \(fields[0]) \(fields[2]) \(kind) \(count)") {
                for index in 0..<count {
                    fake.conditionalGraphs[index] = fake.makeObject(FakeGraphObject())
                }
                fields[4] = UInt64(UInt(bitPattern: fake.conditionalGraphs))
                node?.pointee = fake.makeObject(FakeGraphObject())
                return 0
            }
        }
        table.cuGraphGetNodes = { _, nodes, count in
            fake.note("nodes") {
                guard let nodes else {
                    count?.pointee = 2
                    return 0
                }
                for index in 0..<2 { nodes[index] = fake.makeObject(FakeGraphObject()) }
                return 0
            }
        }
        table.cuGraphInstantiateWithFlags = { exec, _, flags in
            fake.note("instantiate \(flags)") {
                exec?.pointee = fake.makeObject(FakeGraphObject())
                return 0
            }
        }
        table.cuGraphLaunch = { _, _ in fake.note("launchGraph") { 0 } }
        table.cuGraphExecDestroy = { _ in fake.note("destroyExec") { 0 } }
    }
}
