import CUDAABI
import Foundation
import Worker

private var fake: FakeDriver { .shared }

extension FakeDriver {
    /// Its entry points.
    static func table() -> DriverTable {
        var table = DriverTable { _ in nil }
        addDevices(&table)
        addContexts(&table)
        addMemory(&table)
        addCopies(&table)
        addStreams(&table)
        addHostFunctions(&table)
        addEvents(&table)
        addImages(&table)
        addLaunches(&table)
        addTextures(&table)
        addGraphs(&table)
        return table
    }

    private static func addDevices(_ table: inout DriverTable) {
        table.cuInit = { _ in 0 }
        table.cuDriverGetVersion = {
            $0?.pointee = 13_000; return 0
        }
        table.cuDeviceGetCount = {
            $0?.pointee = 2; return 0
        }
        table.cuDeviceGet = {
            $0?.pointee = $1; return 0
        }
        table.cuDeviceGetUuid_v2 = { uuid, device in
            let raw = UnsafeMutableRawPointer(uuid)
            for index in 0..<16 {
                let byte = index == 15 ? UInt8(device) : UInt8(index)
                raw?.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
            return 0
        }
        table.cuDeviceGetName = { name, _, _ in
            for (index, byte) in "Fake \"GPU\"".utf8.enumerated() { name?[index] = CChar(byte) }
            name?[10] = 0
            return 0
        }
        table.cuDeviceGetPCIBusId = { name, _, _ in
            for (index, byte) in "0000:0A:00.0".utf8.enumerated() { name?[index] = CChar(byte) }
            name?[12] = 0
            return 0
        }
        table.cuDeviceTotalMem_v2 = { bytes, _ in
            bytes?.pointee = FakeDriver.gpuMemory; return 0
        }
        table.cuDeviceGetAttribute = { value, attribute, _ in
            guard attribute <= 143 else { return 1 }
            value?.pointee = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute * 10
            return 0
        }
    }

    private static func addContexts(_ table: inout DriverTable) {
        table.cuDevicePrimaryCtxRetain = { context, device in
            fake.note("retain \(device)") {
                let known = fake.primaries[device]
                let made = known ?? UInt(bitPattern: fake.makeObject(FakeContext(device: device)))
                fake.primaries[device] = made
                context?.pointee = CUcontext(bitPattern: made)
                return 0
            }
        }
        table.cuDevicePrimaryCtxRelease_v2 = { device in
            fake.note("release \(device)") {
                fake.primaries[device] = nil; return 0
            }
        }
        table.cuDevicePrimaryCtxReset_v2 = { device in
            fake.note("reset \(device)") {
                fake.sticky = 0; return 0
            }
        }
        table.cuCtxCreate_v2 = { context, _, device in
            fake.note("cuCtxCreate") {
                context?.pointee = fake.makeObject(FakeContext(device: device))
                return 0
            }
        }
        table.cuCtxDestroy_v2 = { _ in fake.note("cuCtxDestroy") { 0 } }
        table.cuCtxPopCurrent_v2 = { _ in 0 }
        table.cuCtxSetCurrent = { context in
            fake.note("current \(context == nil ? "none" : "context")") { 0 }
        }
        table.cuCtxGetCurrent = {
            $0?.pointee = nil; return 0
        }
        table.cuCtxSynchronize = {
            fake.wait { !fake.isAnyBusy }
            return fake.note("cuCtxSynchronize") {
                fake.flushPrinted(); return fake.sticky
            }
        }
        table.cuCtxSetLimit = { limit, value in fake.note("limit \(limit) \(value)") { 0 } }
        table.cuCtxGetLimit = {
            $0?.pointee = 1024; return $1 > 8 ? 215 : 0
        }
        addPeers(&table)
    }

    private static func addPeers(_ table: inout DriverTable) {
        table.cuDeviceCanAccessPeer = { answer, device, peer in
            fake.note("peer") {
                answer?.pointee = device == peer ? 0 : 1; return 0
            }
        }
        table.cuDeviceGetP2PAttribute = { answer, attribute, device, peer in
            fake.note("peer") {
                answer?.pointee = attribute &* 100 &+ device &* 10 &+ peer; return 0
            }
        }
        table.cuCtxEnablePeerAccess = { peer, _ in FakeDriver.notePeer(peer, "on") }
        table.cuCtxDisablePeerAccess = { FakeDriver.notePeer($0, "off") }
    }

    private static func notePeer(_ peer: CUcontext?, _ what: String) -> Int32 {
        let context = fake.locked { fake.object(peer, FakeContext.self) }
        return fake.note("peer of device \(context?.device ?? -1) \(what)") { 0 }
    }

    private static func addMemory(_ table: inout DriverTable) {
        table.cuMemAlloc_v2 = { address, bytes in
            fake.note("alloc \(bytes)") {
                address?.pointee = fake.allocate(bytes); return 0
            }
        }
        addVirtualMemory(&table)
        table.cuMemAllocPitch_v2 = { address, pitch, width, height, _ in
            fake.note("allocPitch") {
                let row = (width + 511) / 512 * 512
                pitch?.pointee = row
                address?.pointee = fake.allocate(row * height)
                return 0
            }
        }
        table.cuMemFree_v2 = { address in
            fake.note("free") { fake.memory.removeValue(forKey: address) == nil ? 1 : 0 }
        }
        table.cuMemGetInfo_v2 = { free, total in
            free?.pointee = FakeDriver.gpuMemory / 2
            total?.pointee = FakeDriver.gpuMemory
            return 0
        }
        table.cuPointerGetAttribute = { _, _, _ in 1 }
        table.cuMemHostAlloc = { memory, bytes, _ in
            fake.note("hostAlloc") {
                memory?.pointee = malloc(bytes)
                fake.hostMemory[UInt(bitPattern: memory?.pointee)] = bytes
                return 0
            }
        }
        table.cuMemFreeHost = { memory in
            fake.note("freeHost") {
                Foundation.free(memory); return 0
            }
        }
        table.cuMemsetD8_v2 = { address, value, count in
            fake.note("memset \(value) \(count)") {
                count < 0 || count > 1 << 30
                    ? 1 : fake.store([UInt8](repeating: value, count: count), at: address)
            }
        }
        table.cuMemsetD32Async = { address, value, count, stream in
            fake.note("memset32") {
                guard fake.find(address, count) != nil else { return 1 }
                fake.stream(stream)?.enqueue {
                    var bytes: [UInt8] = []
                    for _ in 0..<count { withUnsafeBytes(of: value) { bytes += $0 } }
                    _ = fake.store(bytes, at: address)
                }
                return 0
            }
        }
    }

    private static func addVirtualMemory(_ table: inout DriverTable) {
        table.cuMemCreate = { handle, bytes, _, _ in
            fake.note("create \(bytes)") {
                handle?.pointee = fake.allocate(bytes); return 0
            }
        }
        table.cuMemRelease = { handle in fake.note("release") { 0 } }
        table.cuMemMap = { _, _, _, _, _ in fake.note("map") { 0 } }
        table.cuMemUnmap = { _, _ in fake.note("unmap") { 0 } }
        table.cuMemGetAllocationPropertiesFromHandle = { _, _ in fake.note("properties") { 0 } }
    }

    private static func addCopies(_ table: inout DriverTable) {
        table.cuMemcpyHtoD_v2 = { address, data, bytes in
            fake.note("upload \(bytes)") {
                fake.store(Array(UnsafeRawBufferPointer(start: data, count: bytes)), at: address)
            }
        }
        table.cuMemcpyHtoDAsync_v2 = { address, data, bytes, stream in
            // Reads when the stream comes to it, as from page-locked memory.
            let source = UInt(bitPattern: data)
            return fake.note("uploadAsync \(bytes)") {
                guard fake.find(address, bytes) != nil else { return 1 }
                fake.stream(stream)?.enqueue {
                    let data = UnsafeRawPointer(bitPattern: source)
                    _ = fake.store(
                        Array(UnsafeRawBufferPointer(start: data, count: bytes)),
                        at: address
                    )
                }
                return 0
            }
        }
        table.cuMemcpyDtoH_v2 = { data, address, bytes in
            // The default stream waits for all others.
            fake.wait { !fake.isAnyBusy }
            return fake.note("download \(bytes)") {
                if fake.sticky != 0 { return fake.sticky }
                guard let content = fake.load(address, bytes), let data else { return 1 }
                memcpy(data, content, bytes)
                return 0
            }
        }
        table.cuMemcpyDtoHAsync_v2 = { data, address, bytes, stream in
            let target = UInt(bitPattern: data)
            return fake.note("downloadAsync \(bytes)") {
                if fake.sticky != 0 { return fake.sticky }
                guard fake.find(address, bytes) != nil else { return 1 }
                fake.stream(stream)?.enqueue {
                    guard let content = fake.load(address, bytes),
                        let data = UnsafeMutableRawPointer(bitPattern: target)
                    else { return }
                    memcpy(data, content, bytes)
                }
                return 0
            }
        }
        table.cuMemcpyDtoD_v2 = { destination, source, bytes in
            fake.note("copy \(bytes)") {
                guard let content = fake.load(source, bytes) else { return 1 }
                return fake.store(content, at: destination)
            }
        }
    }

    private static func addStreams(_ table: inout DriverTable) {
        table.cuStreamCreate = { stream, _ in
            fake.note("cuStreamCreate") {
                stream?.pointee = fake.makeObject(FakeStream()); return 0
            }
        }
        table.cuStreamDestroy_v2 = { _ in fake.note("cuStreamDestroy") { 0 } }
        table.cuStreamQuery = { stream in
            fake.locked { fake.stream(stream).map { $0.isBusy ? 600 : fake.sticky } ?? 400 }
        }
        table.cuStreamSynchronize = { stream in
            fake.wait { !(fake.stream(stream)?.isBusy ?? false) }
            return fake.note("cuStreamSynchronize") {
                fake.flushPrinted(); return fake.sticky
            }
        }
        table.cuStreamWaitEvent = { _, _, _ in fake.note("cuStreamWaitEvent") { 0 } }
    }

    private static func addEvents(_ table: inout DriverTable) {
        table.cuEventCreate = { event, _ in
            fake.note("cuEventCreate") {
                event?.pointee = fake.makeObject(FakeEvent()); return 0
            }
        }
        table.cuEventDestroy_v2 = { _ in fake.note("cuEventDestroy") { 0 } }
        table.cuEventRecord = { event, stream in
            fake.note("cuEventRecord") {
                guard let event = fake.object(event, FakeEvent.self) else { return 400 }
                event.isDone = false
                fake.stream(stream)?.enqueue { event.isDone = true }
                return 0
            }
        }
        table.cuEventQuery = { event in
            fake.locked {
                fake.object(event, FakeEvent.self).map { $0.isDone ? fake.sticky : 600 } ?? 400
            }
        }
        table.cuEventSynchronize = { event in
            fake.wait { fake.object(event, FakeEvent.self)?.isDone ?? true }
            return fake.note("cuEventSynchronize") {
                fake.flushPrinted(); return fake.sticky
            }
        }
        table.cuEventElapsedTime = {
            $0?.pointee = 1.5; _ = $1; _ = $2; return 0
        }
    }

    private static func addLaunches(_ table: inout DriverTable) {
        table.cuLaunchKernel = { function, gx, _, _, bx, _, _, _, stream, parameters, _ in
            fake.note("launch \(gx)x\(bx)") { fake.launch(function, stream, parameters) }
        }
        table.cuLaunchCooperativeKernel = { function, _, _, _, _, _, _, _, stream, parameters in
            fake.note("cooperative") { fake.launch(function, stream, parameters) }
        }
        table.cuLaunchKernelEx = { configuration, function, parameters, _ in
            fake.note("launchEx") {
                guard let it = configuration?.pointee else { return 1 }
                for index in 0..<Int(it.attributeCount) {
                    fake.calls.append("attribute \(it.attributes[index].id)")
                }
                return fake.launch(function, it.stream, parameters)
            }
        }
        table.cuOccupancyMaxActiveBlocksPerMultiprocessor = { count, _, block, _ in
            count?.pointee = 2048 / max(1, block)
            return 0
        }
        table.cuFuncSetAttribute = { _, _, value in fake.note("funcAttribute \(value)") { 0 } }
        table.cuKernelSetAttribute = { _, value, _, _ in
            fake.note("kernelAttribute \(value)") { 0 }
        }
    }
}
