internal import CLinux
internal import Driver
internal import DriverFrontend
internal import Wire

/// What a load's answer says of the kernels of the image (rule 8 of the data plane).
enum KernelReplies {
    typealias State = UnsafeMutablePointer<SessionState>

    /// Reads the kernels of a load's reply.
    ///
    /// - Returns: `false` when the reply does not hold together.
    static func read(
        _ state: State,
        _ handle: UInt64,
        _ reply: UnsafeRawBufferPointer,
        _ start: Int
    ) -> Bool {
        let count = Int(
            reply.loadUnaligned(fromByteOffset: LoadReplyLayout.kernelCount, as: UInt32.self)
        )
        // Each kernel takes more than 72 bytes, so this bounds the memory.
        guard count <= reply.count / LoadReplyLayout.parameters else { return false }
        let functions = UnsafeMutablePointer<UInt64>.allocate(capacity: max(count, 1))
        var offset = start
        state.pointee.objectLock.lock()
        defer { state.pointee.objectLock.unlock() }
        for index in 0..<count {
            guard let entry = one(handle, reply, &offset),
                let function = state.pointee.functions.insert(entry)
            else { return false }
            functions[index] = function
        }
        guard let image = state.pointee.images.find(handle) else { return false }
        image.pointee.functions.deallocate()
        image.pointee.functions = functions
        image.pointee.functionCount = count
        return true
    }

    private static func one(
        _ image: UInt64,
        _ reply: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) -> FunctionEntry? {
        guard reply.count - offset >= LoadReplyLayout.parameters, let base = reply.baseAddress
        else { return nil }
        let record = base + offset
        let nameLength = Int(
            record.loadUnaligned(fromByteOffset: LoadReplyLayout.nameLength, as: UInt16.self)
        )
        let parameterCount = Int(
            record.loadUnaligned(fromByteOffset: LoadReplyLayout.parameterCount, as: UInt16.self)
        )
        let nameStart = LoadReplyLayout.parameters + 8 * parameterCount
        let size = nameStart + WireFormat.padded(nameLength)
        guard reply.count - offset >= size else { return nil }
        offset += size
        let parameters = ParameterLayout(
            reading: record + LoadReplyLayout.parameters,
            count: parameterCount
        )
        guard let parameters else { return nil }
        let name = UnsafeMutablePointer<CChar>.allocate(capacity: nameLength + 1)
        memcpy(name, record + nameStart, nameLength)
        name[nameLength] = 0
        let attributes = UnsafeMutablePointer<Int32>.allocate(
            capacity: LoadReplyLayout.attributeCount
        )
        memcpy(attributes, record + LoadReplyLayout.attributes, 4 * LoadReplyLayout.attributeCount)
        // The most dynamic shared memory; launches compare with it as it is.
        attributes[8] = max(0, attributes[8])
        return FunctionEntry(
            identifier: record.loadUnaligned(as: UInt32.self),
            image: image,
            name: name,
            attributes: attributes,
            parameters: parameters
        )
    }
}
