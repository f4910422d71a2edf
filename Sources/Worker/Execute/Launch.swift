internal import CUDAABI
internal import Driver
internal import Wire

// Launches. `launch` is the hot path: no allocation, no lock, no reference counting.
extension Executor {
    private struct Shape {
        var function: FunctionEntry
        var stream: CUstream?
        var attributeCount: Int
        var attributesOffset: Int
    }

    /// Checks what all launches have in common and lays the parameters' addresses out.
    ///
    /// - Returns: `nil` when the launch was refused.
    @inline(__always)
    private func prepare(_ record: Record) throws(ProtocolViolation) -> Shape? {
        try record.expect(atLeast: LaunchLayout.parameters)
        let bytes = Int(record.load(LaunchLayout.parameterBytes, as: UInt32.self))
        let attributes = Int(record.load(LaunchLayout.attributeCount, as: UInt32.self))
        guard bytes <= LaunchLayout.maxParameterBytes, attributes <= LaunchLayout.maxAttributes
        else { throw .malformed(record.opcode) }
        let end = LaunchLayout.parameters + WireFormat.padded(bytes)
        try record.expect(size: end + attributes * LaunchLayout.attributeSize)
        let identifier = record.load(LaunchLayout.function, as: UInt32.self)
        guard let function = handles.functions.entry(identifier),
            let stream = handles.streams.find(record.load(LaunchLayout.stream, as: UInt64.self))
        else {
            finish(record, Status.invalidHandle)
            return nil
        }
        guard bytes >= function.parameterBytes, let base = record.body.baseAddress else {
            finish(record, Status.invalidValue)
            return nil
        }
        let parameters = UnsafeMutableRawPointer(mutating: base + LaunchLayout.parameters)
        for index in 0..<function.parameterCount {
            launchPointers[index] = parameters + function.offsets[index]
        }
        return Shape(
            function: function,
            stream: stream,
            attributeCount: attributes,
            attributesOffset: end
        )
    }

    @inline(__always)
    func launch(_ record: Record) throws(ProtocolViolation) {
        guard let shape = try prepare(record) else { return }
        guard shape.attributeCount == 0 else { throw .malformed(record.opcode) }
        guard let call = driver.cuLaunchKernel else { return finish(record, Status.notFound) }
        let status = call(
            shape.function.function,
            record.load(LaunchLayout.grid, as: UInt32.self),
            record.load(LaunchLayout.grid + 4, as: UInt32.self),
            record.load(LaunchLayout.grid + 8, as: UInt32.self),
            record.load(LaunchLayout.block, as: UInt32.self),
            record.load(LaunchLayout.block + 4, as: UInt32.self),
            record.load(LaunchLayout.block + 8, as: UInt32.self),
            record.load(LaunchLayout.sharedBytes, as: UInt32.self),
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
            shape.function.function,
            record.load(LaunchLayout.grid, as: UInt32.self),
            record.load(LaunchLayout.grid + 4, as: UInt32.self),
            record.load(LaunchLayout.grid + 8, as: UInt32.self),
            record.load(LaunchLayout.block, as: UInt32.self),
            record.load(LaunchLayout.block + 4, as: UInt32.self),
            record.load(LaunchLayout.block + 8, as: UInt32.self),
            record.load(LaunchLayout.sharedBytes, as: UInt32.self),
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
            gridDimX: record.load(LaunchLayout.grid, as: UInt32.self),
            gridDimY: record.load(LaunchLayout.grid + 4, as: UInt32.self),
            gridDimZ: record.load(LaunchLayout.grid + 8, as: UInt32.self),
            blockDimX: record.load(LaunchLayout.block, as: UInt32.self),
            blockDimY: record.load(LaunchLayout.block + 4, as: UInt32.self),
            blockDimZ: record.load(LaunchLayout.block + 8, as: UInt32.self),
            sharedMemBytes: record.load(LaunchLayout.sharedBytes, as: UInt32.self),
            stream: shape.stream,
            attributes: launchAttributes,
            attributeCount: UInt32(shape.attributeCount)
        )
        finish(record, call(&configuration, shape.function.function, launchPointers, nil))
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
    private func copyAttribute(
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
        if entry.isKernel {
            guard let device = device(of: record) else {
                return finish(record, Status.invalidContext)
            }
            status =
                driver.cuKernelSetAttribute?(attribute, value, entry.function, device)
                ?? Status.notFound
        } else {
            status =
                driver.cuFuncSetAttribute?(entry.function, attribute, value) ?? Status.notFound
        }
        finish(record, status)
    }
}
