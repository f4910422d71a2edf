internal import CLinux
internal import CUDAABI
internal import Driver

// The functions behind the words of the export tables. Signatures: facts/cuda-driver.md §3.1.

typealias Raw = UnsafeMutableRawPointer

let loadModuleSlot: @convention(c) (UnsafeMutablePointer<CUmodule?>?, UnsafeRawPointer?) -> Int32 =
    {
        ExportTables.host?.loadModule($0, $1) ?? Status.notInitialized
    }

let loadModuleExtendedSlot:
    @convention(c) (
        UnsafeMutablePointer<CUmodule?>?, UnsafeRawPointer?, Raw?, Raw?, UInt32
    ) -> Int32 = { module, image, _, _, _ in
        ExportTables.host?.loadModule(module, image) ?? Status.notInitialized
    }

let loadModuleSwappedSlot:
    @convention(c) (
        UnsafeRawPointer?, UnsafeMutablePointer<CUmodule?>?, Raw?, Raw?, UInt32
    ) -> Int32 = { image, module, _, _, _ in
        ExportTables.host?.loadModule(module, image) ?? Status.notInitialized
    }

let unregisterSlot: @convention(c) (Raw?) -> Void = { _ in }

let primaryContextSlot: @convention(c) (UnsafeMutablePointer<UInt64>?, Int32) -> Int32 = {
    guard let out = $0 else { return Status.invalidValue }
    let context = ExportTables.host?.primaryContext($1) ?? 0
    guard context != 0 else { return Status.invalidDevice }
    out.pointee = context
    return Status.success
}

let alwaysZeroSlot: @convention(c) () -> Int32 = { 0 }

let profilerFlagsSlot:
    @convention(c) (UnsafeMutablePointer<Raw?>?, UnsafeMutablePointer<Int>?) -> Void = {
        $0?.pointee = Raw(Tables.shared.profilerFlags)
        $1?.pointee = Tables.profilerWords.first
    }

let profilerCallbacksSlot:
    @convention(c) (UnsafeMutablePointer<Raw?>?, UnsafeMutablePointer<Int>?) -> Void = {
        $0?.pointee = Raw(Tables.shared.profilerFlags + Tables.profilerWords.first)
        $1?.pointee = Tables.profilerWords.second
    }

let currentContextSlot: @convention(c) (UnsafeMutablePointer<UInt64>?) -> Int32 = {
    guard let out = $0 else { return Status.invalidValue }
    out.pointee = ContextStack.current
    return Status.success
}

/// The context that `handle` means: itself, or the current one for 0.
private func resolve(_ handle: UInt64) -> UInt64 {
    handle == 0 ? ContextStack.current : handle
}

let storagePutSlot: @convention(c) (UInt64, UInt, UInt, UInt) -> Int32 = {
    guard ferry_forked() == 0 else { return Status.notInitialized }
    let context = resolve($0)
    guard context != 0 else { return Status.invalidContext }
    return ExportTables.storage.values.put(context: context, key: $1, value: $2, destructor: $3)
}

let storageRemoveSlot: @convention(c) (UInt64, UInt) -> Int32 = {
    guard ferry_forked() == 0 else { return Status.notInitialized }
    let context = resolve($0)
    guard context != 0 else { return Status.invalidContext }
    let wasThere = ExportTables.storage.values.remove(context: context, key: $1)
    return wasThere ? Status.success : Status.invalidHandle
}

let storageGetSlot: @convention(c) (UnsafeMutablePointer<UInt>?, UInt64, UInt) -> Int32 = {
    guard let out = $0 else { return Status.invalidValue }
    // The lock of the values may be held by a thread that the child does not have.
    guard ferry_forked() == 0 else { return Status.notInitialized }
    let context = resolve($1)
    guard context != 0 else { return Status.invalidContext }
    guard let value = ExportTables.storage.values.get(context: context, key: $2) else {
        return Status.invalidHandle
    }
    out.pointee = value
    return Status.success
}

let isSpecialContextSlot:
    @convention(c) (UInt64, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<Raw?>?) -> Int32 = {
        _,
        isSpecial,
        _ in
        isSpecial?.pointee = 0
        return Status.success
    }

let contextDeviceSlot: @convention(c) (UInt64, UnsafeMutablePointer<Int32>?) -> Int32 = {
    guard let out = $1 else { return Status.invalidValue }
    let device = ExportTables.host?.contextDevice(resolve($0)) ?? -1
    guard device >= 0 else { return Status.invalidContext }
    out.pointee = device
    return Status.success
}

let contextIDSlot: @convention(c) (UInt64, UnsafeMutablePointer<UInt64>?) -> Int32 = {
    guard let out = $1 else { return Status.invalidValue }
    let identifier = ExportTables.host?.contextID(resolve($0)) ?? 0
    guard identifier != 0 else { return Status.invalidContext }
    out.pointee = identifier
    return Status.success
}

/// Hands the stream itself out as its "private" form; cuBLAS 12 only passes it back.
let privateStreamSlot:
    @convention(c) (UInt64, UInt64, UnsafeMutablePointer<UInt64>?, Int32) -> Int32 = {
        _,
        stream,
        out,
        _ in
        guard let out else { return Status.invalidValue }
        out.pointee = stream
        return Status.success
    }

let streamIDSlot: @convention(c) (UInt64, UInt64, UnsafeMutablePointer<UInt64>?) -> Int32 = {
    _,
    stream,
    out in
    guard let out else { return Status.invalidValue }
    out.pointee = stream
    return Status.success
}

/// Returns 1 on success, 0 on failure, unlike all others.
let forEachFunctionSlot: @convention(c) (UInt64, CUmodule?, Raw?, Raw?) -> Int32 = {
    guard let host = ExportTables.host, let callback = $2 else { return 0 }
    var index = 0
    while let function = host.function($1, index) {
        ferry_call3(callback, $3, Raw(function), nil)
        index += 1
    }
    return 1
}

let gemmSlot: @convention(c) (Raw?, Raw?) -> Int32 = { _, _ in Status.notSupported }

/// The runtime's check that the tables and devices belong together (§4).
let integritySlot: @convention(c) (UInt32, UInt64, UnsafeMutablePointer<UInt64>?) -> Int32 = {
    guard let out = $2 else { return Status.invalidValue }
    let answer = Integrity.answer(version: $0, unixSeconds: $1)
    out[0] = answer.0
    out[1] = answer.1
    return Status.success
}
