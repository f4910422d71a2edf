internal import CLinux
internal import CUDAABI
internal import Driver
internal import Wire

/// Reads all kernels of a loaded image: names, parameters and attributes go into the reply, what
/// launches need into the table (rule 8 of the data plane: ask once).
struct KernelReader {
    let driver: DriverTable
    let device: CUdevice

    /// - Returns: `Status.success`, or why the image cannot be used.
    func read(
        _ image: inout ImageEntry,
        _ functions: FunctionTable,
        _ reply: inout ReplyBuilder
    ) -> CUresult {
        var objects: [OpaquePointer?] = []
        var status = list(image, &objects)
        guard status == Status.success else { return status }
        for object in objects {
            status = add(object, &image, functions, &reply)
            guard status == Status.success else { return status }
        }
        reply.store(UInt32(objects.count), at: LoadReplyLayout.kernelCount)
        return Status.success
    }

    private func list(_ image: ImageEntry, _ objects: inout [OpaquePointer?]) -> CUresult {
        var count: UInt32 = 0
        let object = image.object
        var status =
            (image.isLibrary
                ? driver.cuLibraryGetKernelCount?(&count, object)
                : driver.cuModuleGetFunctionCount?(&count, object)) ?? Status.notFound
        guard status == Status.success, count > 0 else { return status }
        guard count <= FunctionTable.capacity else { return Status.outOfMemory }
        objects = Array(repeating: nil, count: Int(count))
        status = objects.withUnsafeMutableBufferPointer { list in
            (image.isLibrary
                ? driver.cuLibraryEnumerateKernels?(list.baseAddress, count, object)
                : driver.cuModuleEnumerateFunctions?(list.baseAddress, count, object))
                ?? Status.notFound
        }
        return status
    }

    private func add(
        _ object: OpaquePointer?,
        _ image: inout ImageEntry,
        _ functions: FunctionTable,
        _ reply: inout ReplyBuilder
    ) -> CUresult {
        var name: UnsafePointer<CChar>?
        let status =
            (image.isLibrary
                ? driver.cuKernelGetName?(&name, object) : driver.cuFuncGetName?(&name, object))
            ?? Status.notFound
        guard status == Status.success, let name else { return status }
        let parameters = parameters(object, isKernel: image.isLibrary)
        let length = strlen(name)
        guard length <= UInt16.max, parameters.count <= LaunchLayout.maxParameterBytes else {
            return Status.notSupported
        }
        guard let identifier = keep(object, image.isLibrary, parameters, functions) else {
            return Status.outOfMemory
        }
        image.functions.append(identifier)
        let size =
            LoadReplyLayout.parameters + 8 * parameters.count + WireFormat.padded(length)
        guard reply.bytes.count + size <= WireFormat.maxReply - 1024 else {
            WorkerLog.line("an image has more kernels than a reply can hold")
            return Status.outOfMemory
        }
        let room = reply.extend(size)
        room.storeBytes(of: identifier, toByteOffset: LoadReplyLayout.identifier, as: UInt32.self)
        room.storeBytes(
            of: UInt16(length),
            toByteOffset: LoadReplyLayout.nameLength,
            as: UInt16.self
        )
        room.storeBytes(
            of: UInt16(parameters.count),
            toByteOffset: LoadReplyLayout.parameterCount,
            as: UInt16.self
        )
        writeAttributes(object, image.isLibrary, to: room + LoadReplyLayout.attributes)
        var position = LoadReplyLayout.parameters
        for parameter in parameters {
            room.storeBytes(
                of: UInt32(parameter.offset),
                toByteOffset: position,
                as: UInt32.self
            )
            room.storeBytes(
                of: UInt32(parameter.size),
                toByteOffset: position + 4,
                as: UInt32.self
            )
            position += 8
        }
        memcpy(room + position, name, length)
        return Status.success
    }

    private typealias Parameter = (offset: Int, size: Int)

    /// Offset and size of each parameter; the driver ends the list with an error.
    private func parameters(_ object: OpaquePointer?, isKernel: Bool) -> [Parameter] {
        var list: [Parameter] = []
        while list.count <= LaunchLayout.maxParameterBytes {
            var offset = 0
            var size = 0
            let status =
                (isKernel
                    ? driver.cuKernelGetParamInfo?(object, list.count, &offset, &size)
                    : driver.cuFuncGetParamInfo?(object, list.count, &offset, &size))
                ?? Status.notFound
            guard status == Status.success, offset >= 0, size >= 0,
                offset + size <= LaunchLayout.maxParameterBytes
            else { break }
            list.append((offset, size))
        }
        return list
    }

    private func keep(
        _ object: OpaquePointer?,
        _ isKernel: Bool,
        _ parameters: [Parameter],
        _ functions: FunctionTable
    ) -> UInt32? {
        let offsets = UnsafeMutablePointer<Int>.allocate(capacity: max(1, parameters.count))
        for (index, parameter) in parameters.enumerated() { offsets[index] = parameter.offset }
        let entry = FunctionEntry(
            function: object,
            isKernel: isKernel,
            parameterCount: parameters.count,
            parameterBytes: parameters.map { $0.offset + $0.size }.max() ?? 0,
            offsets: offsets
        )
        let identifier = functions.insert(entry)
        if identifier == nil { offsets.deallocate() }
        return identifier
    }

    /// What the driver does not know is 0.
    private func writeAttributes(
        _ object: OpaquePointer?,
        _ isKernel: Bool,
        to room: UnsafeMutableRawPointer
    ) {
        for attribute in 0..<Int32(LoadReplyLayout.attributeCount) {
            var value: Int32 = 0
            let status =
                (isKernel
                    ? driver.cuKernelGetAttribute?(&value, attribute, object, device)
                    : driver.cuFuncGetAttribute?(&value, attribute, object)) ?? Status.notFound
            let known = status == Status.success ? value : 0
            room.storeBytes(of: known, toByteOffset: Int(attribute) * 4, as: Int32.self)
        }
    }
}
