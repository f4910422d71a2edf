import CLinux
import CUDAABI
import SoftGPU
import Testing

/// What the tests of graphs share. Captures are of one thread, so that tests beside them are not
/// forbidden anything.
enum Graphs {
    typealias Handle = OpaquePointer?

    static let threadLocal: CUstreamCaptureMode = 1
    static let relaxed: CUstreamCaptureMode = 2

    static func stream(isBlocking: Bool = false) throws -> Handle {
        var stream: Handle = nil
        try Harness.check(SoftCalls.cuStreamCreate(&stream, isBlocking ? 0 : 1))
        return stream
    }

    static func event() throws -> Handle {
        var event: Handle = nil
        try Harness.check(SoftCalls.cuEventCreate(&event, 0))
        return event
    }

    static func graph() throws -> Handle {
        var graph: Handle = nil
        try Harness.check(SoftCalls.cuGraphCreate(&graph, 0))
        return graph
    }

    /// What becomes of the work that `body` gives to a stream.
    static func capture(_ stream: Handle, _ body: () throws -> Void) throws -> Handle {
        try Harness.check(SoftCalls.cuStreamBeginCapture_v2(stream, threadLocal))
        try body()
        var graph: Handle = nil
        try Harness.check(SoftCalls.cuStreamEndCapture(stream, &graph))
        return graph
    }

    static func instantiate(_ graph: Handle) throws -> Handle {
        var exec: Handle = nil
        try Harness.check(SoftCalls.cuGraphInstantiateWithFlags(&exec, graph, 0))
        return exec
    }

    /// Launches a graph and waits for it.
    static func run(_ exec: Handle, in stream: Handle = nil) throws {
        try Harness.check(SoftCalls.cuGraphLaunch(exec, stream))
        try Harness.check(SoftCalls.cuStreamSynchronize(stream))
    }

    static func nodes(_ graph: Handle) throws -> [Handle] {
        var count = 0
        try Harness.check(SoftCalls.cuGraphGetNodes(graph, nil, &count))
        var nodes = [Handle](repeating: nil, count: count)
        try Harness.check(SoftCalls.cuGraphGetNodes(graph, &nodes, &count))
        return nodes
    }

    static func types(_ graph: Handle) throws -> [Int32] {
        try nodes(graph).map { node in
            var type: Int32 = -1
            try Harness.check(SoftCalls.cuGraphNodeGetType(node, &type))
            return type
        }
    }

    static func dependencies(_ node: Handle) throws -> [Handle] {
        var count = 0
        try Harness.check(SoftCalls.cuGraphNodeGetDependencies(node, nil, &count))
        var nodes = [Handle](repeating: nil, count: count)
        try Harness.check(SoftCalls.cuGraphNodeGetDependencies(node, &nodes, &count))
        return nodes
    }

    static func status(_ stream: Handle) -> Int32 {
        var status: Int32 = -1
        guard SoftCalls.cuStreamIsCapturing(stream, &status) == 0 else { return -1 }
        return status
    }

    /// What a call answers must be this. A function, because Swift 6.3 takes a closure inside of `#expect`
    /// for another one of the same test that is outside.
    static func expect(
        _ status: CUresult,
        is wanted: CUresult,
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(status == wanted, sourceLocation: location)
    }

    static func word(_ handle: Handle) -> UInt64 { UInt64(UInt(bitPattern: handle)) }

    /// Calls `body` with a structure of cuda.h.
    static func with<T>(_ words: [UInt64], _ body: (OpaquePointer) -> T) -> T {
        var words = words
        return words.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { fatalError("an empty structure") }
            return body(OpaquePointer(base))
        }
    }

    /// `CUDA_KERNEL_NODE_PARAMS` of one thread and 64-bit parameters.
    static func kernel<T>(
        _ function: OpaquePointer,
        _ parameters: [UInt64],
        block: UInt64 = 1,
        _ body: (OpaquePointer) -> T
    ) -> T {
        let values = UnsafeMutablePointer<UInt64>.allocate(capacity: parameters.count)
        let list = UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>
            .allocate(capacity: parameters.count)
        defer {
            values.deallocate()
            list.deallocate()
        }
        for (index, value) in parameters.enumerated() {
            (values + index).initialize(to: value)
            (list + index).initialize(to: values + index)
        }
        let one: UInt64 = 1 | 1 << 32
        let address = UInt64(UInt(bitPattern: list))
        return with(
            [word(function), one, 1 | block << 32, one, 0, address, 0, 0, 0],
            body
        )
    }

    /// `CUDA_MEMSET_NODE_PARAMS` of 32-bit words.
    static func memset(_ address: UInt64, _ value: UInt64, width: UInt64, height: UInt64 = 1)
        -> [UInt64]
    {
        [address, height > 1 ? width * 4 : 0, value | 4 << 32, width, height, 0]
    }

    /// `CUDA_MEMCPY3D` of a range of device memory.
    static func memcpy(_ target: UInt64, _ source: UInt64, bytes: UInt64) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: 25)
        (words[4], words[6], words[15], words[17]) = (2, source, 2, target)
        (words[22], words[23], words[24]) = (bytes, 1, 1)
        return words
    }

    /// Adds a kernel node.
    static func add(
        _ function: OpaquePointer,
        _ parameters: [UInt64],
        to graph: Handle,
        after dependencies: [Handle] = []
    ) throws -> Handle {
        var node: Handle = nil
        try Harness.check(
            kernel(function, parameters) {
                SoftCalls.cuGraphAddKernelNode_v2(
                    &node,
                    graph,
                    dependencies,
                    dependencies.count,
                    $0
                )
            }
        )
        return node
    }

    /// A list for `append`, empty.
    static func list() throws -> UInt64 {
        let list = try Harness.allocate(4096)
        try Harness.check(SoftCalls.cuMemsetD32_v2(list, 0, 1024))
        return list
    }

    /// What is in such a list.
    static func content(_ list: UInt64) throws -> [UInt32] {
        let words = try Harness.read(list, count: 1024)
        return Array(words[1...].prefix(Int(words[0])))
    }
}
