internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

// What nodes tell of themselves. Pointers of the driver stay here: the client gets what they point to.
extension Executor {
    /// Bytes of a value of `CUkernelNodeAttrValue`.
    private static let valueSize = 64

    func setNodeAttribute(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: GraphLayout.attribute + LaunchLayout.attributeSize)
        guard let node = handles.graphNodes.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidValue)
        }
        let copied = copyAttribute(record, GraphLayout.attribute, to: launchAttributes)
        guard copied == Status.success else { return finish(record, copied) }
        let value = OpaquePointer(UnsafeMutableRawPointer(launchAttributes) + 8)
        let call = driver.cuGraphKernelNodeSetAttribute
        finish(record, call?(node, launchAttributes.pointee.id, value) ?? Status.notFound)
    }

    func nodeAttribute(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 16)
        let attribute = record.load(GraphLayout.attribute, as: Int32.self)
        guard let node = handles.graphNodes.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidValue)
        }
        withUnsafeTemporaryAllocation(byteCount: Self.valueSize, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            guard let value = memory.baseAddress else { return }
            let call = driver.cuGraphKernelNodeGetAttribute
            let status = call?(node, attribute, OpaquePointer(value)) ?? Status.notFound
            finish(record, status, size: ReplyLayout.values + Self.valueSize) { body in
                memcpy(body + ReplyLayout.values, value, Self.valueSize)
            }
        }
    }

    func fillParameters(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        guard let node = handles.graphNodes.find(record.load(0, as: UInt64.self)) else {
            return finish(record, Status.invalidValue)
        }
        // The newer structure has the context behind it.
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            guard let fields = memory.baseAddress else { return }
            let call = driver.cuGraphMemsetNodeGetParams
            let status = call?(node, OpaquePointer(fields)) ?? Status.notFound
            finish(record, status, size: ReplyLayout.values + GraphLayout.fillSize) { body in
                memcpy(body + ReplyLayout.values, fields, GraphLayout.fillSize)
            }
        }
    }

    func kernelParameters(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: 8)
        let handle = record.load(0, as: UInt64.self)
        guard let node = handles.graphNodes.find(handle) else {
            return finish(record, Status.invalidValue)
        }
        withUnsafeTemporaryAllocation(byteCount: 72, alignment: 8) { memory in
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            guard let fields = memory.baseAddress else { return }
            let status =
                driver.cuGraphKernelNodeGetParams_v2?(node, OpaquePointer(fields))
                ?? driver.cuGraphKernelNodeGetParams?(node, OpaquePointer(fields))
                ?? Status.notFound
            guard status == Status.success else { return finish(record, status) }
            finishKernel(record, UnsafeRawPointer(fields), handles.graphs.graph(of: handle))
        }
    }

    private func finishKernel(_ record: Record, _ fields: UnsafeRawPointer, _ graph: UInt64) {
        typealias Parameters = UnsafeMutablePointer<UnsafeMutableRawPointer?>
        let function = fields.load(as: CUfunction?.self)
        let kernel = fields.load(fromByteOffset: 56, as: CUfunction?.self)
        guard let (identifier, entry) = handles.functions.find(function, kernel, driver) else {
            return finish(record, Status.notSupported)
        }
        let bytes = entry.parameterBytes
        let parameters = fields.load(fromByteOffset: 40, as: Parameters?.self)
        let size = GraphLayout.launch + LaunchLayout.parameters + WireFormat.padded(bytes)
        finish(record, Status.success, size: size) { body in
            body.storeBytes(of: graph, toByteOffset: ReplyLayout.values, as: UInt64.self)
            let launch = body + GraphLayout.launch
            launch.storeBytes(of: identifier, as: UInt32.self)
            memcpy(launch + LaunchLayout.grid, fields + 8, 28)
            let count = UInt32(bytes)
            launch.storeBytes(of: count, toByteOffset: LaunchLayout.parameterBytes, as: UInt32.self)
            guard let parameters else { return }
            for index in 0..<entry.parameterCount {
                let next =
                    index + 1 < entry.parameterCount ? entry.offsets[index + 1] : bytes
                let (offset, room) = (entry.offsets[index], next - entry.offsets[index])
                guard let source = parameters[index], room > 0 else { continue }
                memcpy(launch + LaunchLayout.parameters + offset, source, room)
            }
        }
    }
}

extension FunctionTable {
    /// The function that the driver calls by one of these pointers. A kernel of a library has a function
    /// of its own in each context, by which captured nodes may name it.
    func find(
        _ function: CUfunction?,
        _ kernel: CUfunction?,
        _ driver: DriverTable
    ) -> (UInt32, FunctionEntry)? {
        if let direct = first(where: { $0.function == function || $0.function == kernel }) {
            return direct
        }
        guard let function else { return nil }
        var name: UnsafePointer<CChar>?
        guard driver.cuFuncGetName?(&name, function) == Status.success, let name else { return nil }
        return first { entry in
            var other: UnsafePointer<CChar>?
            var own: CUfunction?
            guard entry.isKernel,
                driver.cuKernelGetName?(&other, entry.function) == Status.success, let other,
                strcmp(name, other) == 0,
                driver.cuKernelGetFunction?(&own, entry.function) == Status.success
            else { return false }
            return own == function
        }
    }
}
