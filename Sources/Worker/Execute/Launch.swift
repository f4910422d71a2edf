internal import CUDAABI
internal import Driver
internal import Wire

// Launches. `launch` is the hot path: no allocation, no lock, no reference counting.
extension Executor {
    /// A launch whose parts were checked.
    private struct Shape {
        var function: CUfunction?
        var stream: CUstream?
        /// The record's body.
        var body: UnsafeRawPointer
        var attributeCount: Int
        var attributesOffset: Int

        @inline(__always)
        func word(_ offset: Int) -> UInt32 {
            body.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        }
    }

    /// Checks what all launches have in common and lays the parameters' addresses out.
    ///
    /// - Returns: `nil` when the launch was refused.
    @inline(__always)
    private func prepare(_ record: Record) throws(ProtocolViolation) -> Shape? {
        guard record.body.count >= LaunchLayout.parameters, let body = record.body.baseAddress
        else { throw .malformed(record.opcode) }
        var shape = Shape(body: body, attributeCount: 0, attributesOffset: 0)
        let bytes = Int(shape.word(LaunchLayout.parameterBytes))
        shape.attributeCount = Int(shape.word(LaunchLayout.attributeCount))
        guard bytes <= LaunchLayout.maxParameterBytes,
            shape.attributeCount <= LaunchLayout.maxAttributes
        else { throw .malformed(record.opcode) }
        shape.attributesOffset = LaunchLayout.parameters + WireFormat.padded(bytes)
        let size = shape.attributesOffset + shape.attributeCount * LaunchLayout.attributeSize
        guard record.body.count == size else { throw .malformed(record.opcode) }
        let handle = body.loadUnaligned(fromByteOffset: LaunchLayout.stream, as: UInt64.self)
        guard let function = handles.functions.entry(shape.word(LaunchLayout.function)),
            let stream = handles.streams.find(handle)
        else {
            finish(record, Status.invalidHandle)
            return nil
        }
        guard bytes >= function.pointee.parameterBytes else {
            finish(record, Status.invalidValue)
            return nil
        }
        let parameters = UnsafeMutableRawPointer(mutating: body + LaunchLayout.parameters)
        let offsets = function.pointee.offsets
        for index in 0..<function.pointee.parameterCount {
            launchPointers[index] = parameters + offsets[index]
        }
        shape.function = function.pointee.function
        shape.stream = stream
        return shape
    }

    @inline(__always)
    func launch(_ record: Record) throws(ProtocolViolation) {
        guard let shape = try prepare(record) else { return }
        guard shape.attributeCount == 0 else { throw .malformed(record.opcode) }
        guard let call = driver.cuLaunchKernel else { return finish(record, Status.notFound) }
        let status = call(
            shape.function,
            shape.word(LaunchLayout.grid),
            shape.word(LaunchLayout.grid + 4),
            shape.word(LaunchLayout.grid + 8),
            shape.word(LaunchLayout.block),
            shape.word(LaunchLayout.block + 4),
            shape.word(LaunchLayout.block + 8),
            shape.word(LaunchLayout.sharedBytes),
            shape.stream,
            launchPointers,
            nil
        )
        finish(record, status)
    }

    func launchCooperative(_ record: Record) throws(ProtocolViolation) {
        guard let shape = try prepare(record) else { return }
        guard shape.attributeCount == 0 else { throw .malformed(record.opcode) }
        guard let call = driver.cuLaunchCooperativeKernel else {
            return finish(record, Status.notFound)
        }
        let status = call(
            shape.function,
            shape.word(LaunchLayout.grid),
            shape.word(LaunchLayout.grid + 4),
            shape.word(LaunchLayout.grid + 8),
            shape.word(LaunchLayout.block),
            shape.word(LaunchLayout.block + 4),
            shape.word(LaunchLayout.block + 8),
            shape.word(LaunchLayout.sharedBytes),
            shape.stream,
            launchPointers
        )
        finish(record, status)
    }

    func launchExtended(_ record: Record) throws(ProtocolViolation) {
        guard let shape = try prepare(record) else { return }
        guard let call = driver.cuLaunchKernelEx else { return finish(record, Status.notFound) }
        for index in 0..<shape.attributeCount {
            let offset = shape.attributesOffset + index * LaunchLayout.attributeSize
            let status = copyAttribute(record, offset, to: launchAttributes + index)
            guard status == Status.success else { return finish(record, status) }
        }
        var configuration = CUlaunchConfig(
            gridDimX: shape.word(LaunchLayout.grid),
            gridDimY: shape.word(LaunchLayout.grid + 4),
            gridDimZ: shape.word(LaunchLayout.grid + 8),
            blockDimX: shape.word(LaunchLayout.block),
            blockDimY: shape.word(LaunchLayout.block + 4),
            blockDimZ: shape.word(LaunchLayout.block + 8),
            sharedMemBytes: shape.word(LaunchLayout.sharedBytes),
            stream: shape.stream,
            attributes: launchAttributes,
            attributeCount: UInt32(shape.attributeCount)
        )
        finish(record, call(&configuration, shape.function, launchPointers, nil))
    }

    /// How many clusters fit, or how large one may be.
    func clusters(_ record: Record) throws(ProtocolViolation) {
        let isSize = record.opcode == .cuOccupancyMaxPotentialClusterSize
        let call =
            isSize
            ? driver.cuOccupancyMaxPotentialClusterSize : driver.cuOccupancyMaxActiveClusters
        guard record.body.count >= LaunchLayout.parameters else {
            throw .malformed(record.opcode)
        }
        func word(_ offset: Int) -> UInt32 { record.load(offset, as: UInt32.self) }
        let count = Int(word(LaunchLayout.attributeCount))
        guard count <= LaunchLayout.maxAttributes, word(LaunchLayout.parameterBytes) == 0 else {
            throw .malformed(record.opcode)
        }
        try record.expect(size: LaunchLayout.parameters + count * LaunchLayout.attributeSize)
        guard let call else { return finish(record, Status.notFound) }
        var function: CUfunction?
        let identifier = word(LaunchLayout.function)
        if identifier != LaunchLayout.noFunction {
            guard let entry = handles.functions.entry(identifier) else {
                return finish(record, Status.invalidHandle)
            }
            function = entry.pointee.function
        }
        for index in 0..<count {
            let offset = LaunchLayout.parameters + index * LaunchLayout.attributeSize
            let status = copyAttribute(record, offset, to: launchAttributes + index)
            guard status == Status.success else { return finish(record, status) }
        }
        var configuration = CUlaunchConfig(
            gridDimX: word(LaunchLayout.grid),
            gridDimY: word(LaunchLayout.grid + 4),
            gridDimZ: word(LaunchLayout.grid + 8),
            blockDimX: word(LaunchLayout.block),
            blockDimY: word(LaunchLayout.block + 4),
            blockDimZ: word(LaunchLayout.block + 8),
            sharedMemBytes: word(LaunchLayout.sharedBytes),
            stream: nil,
            attributes: launchAttributes,
            attributeCount: UInt32(count)
        )
        var answer: Int32 = 0
        let status = call(&answer, function, &configuration)
        finish(record, status, size: ReplyLayout.values + 8) { reply in
            reply.storeBytes(of: answer, toByteOffset: ReplyLayout.values, as: Int32.self)
        }
    }

    /// `CUlaunchAttributeID` by what the value holds.
    private enum Attribute {
        /// Plain numbers: cooperative, synchronisation policy, cluster dimension and scheduling,
        /// programmatic serialisation, priority, memory domains, preferred cluster, carve-out,
        /// NVLink scheduling; 0 is ignored by the driver.
        static let plain: Set<Int32> = [0, 2, 3, 4, 5, 6, 8, 9, 10, 11, 14, 16]
        /// Starts with an address of the GPU.
        static let accessPolicyWindow: Int32 = 1
        /// Start with an event.
        static let events: Set<Int32> = [7, 12]
    }

    /// Takes a launch attribute over. What the worker does not know could hold a pointer, so it
    /// is refused.
    func copyAttribute(
        _ record: Record,
        _ offset: Int,
        to attribute: UnsafeMutablePointer<CUlaunchAttribute>
    ) -> CUresult {
        let identifier = record.load(offset, as: Int32.self)
        attribute.pointee = CUlaunchAttribute()
        attribute.pointee.id = identifier
        let value = UnsafeMutableRawPointer(attribute) + 8
        for word in 0..<8 {
            let content = record.load(offset + 8 + 8 * word, as: UInt64.self)
            value.storeBytes(of: content, toByteOffset: 8 * word, as: UInt64.self)
        }
        let first = record.load(offset + 8, as: UInt64.self)
        if Attribute.plain.contains(identifier) { return Status.success }
        if identifier == Attribute.accessPolicyWindow {
            return first == 0 || isDeviceMemory(first) ? Status.success : Status.invalidValue
        }
        if Attribute.events.contains(identifier) {
            guard let event = handles.events.find(first) else { return Status.invalidHandle }
            value.storeBytes(of: UInt64(UInt(bitPattern: event)), as: UInt64.self)
            return Status.success
        }
        WorkerLog.line("cuLaunchKernelEx: attribute \(identifier) is not supported")
        return Status.notSupported
    }

    func setFunctionAttribute(_ record: Record) throws(ProtocolViolation) {
        try record.expect(size: FunctionAttributeLayout.size)
        let identifier = record.load(FunctionAttributeLayout.function, as: UInt32.self)
        let attribute = record.load(FunctionAttributeLayout.attribute, as: Int32.self)
        let value = record.load(FunctionAttributeLayout.value, as: Int32.self)
        guard let entry = handles.functions.entry(identifier) else {
            return finish(record, Status.invalidHandle)
        }
        let status: CUresult
        if entry.pointee.isKernel {
            let named = record.load(FunctionAttributeLayout.device, as: UInt32.self)
            let own = device(of: record)
            guard let device = named == 0 ? own : Int32(exactly: named - 1), isDevice(device) else {
                return finish(record, named == 0 ? Status.invalidContext : Status.invalidDevice)
            }
            status =
                driver.cuKernelSetAttribute?(attribute, value, entry.pointee.function, device)
                ?? Status.notFound
        } else {
            status =
                driver.cuFuncSetAttribute?(entry.pointee.function, attribute, value)
                ?? Status.notFound
        }
        finish(record, status)
    }
}
