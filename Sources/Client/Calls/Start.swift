internal import CLinux
package import CUDAABI
internal import Driver
internal import DriverFrontend

// Starting, versions, entry points, names of errors.

extension ClientCalls {
    /// `cuInit`
    package static func cuInit(_ flags: UInt32) -> CUresult {
        flags == 0 ? Connector.initialize() : Status.invalidValue
    }

    /// `cuDriverGetVersion`: works before `cuInit`, because the runtime asks it first.
    package static func cuDriverGetVersion(_ version: UnsafeMutablePointer<Int32>?) -> CUresult {
        guard let version else { return Status.invalidValue }
        version.pointee = driverVersion
        return Status.success
    }

    /// The server's version if it can be asked, else the newest that Ferry knows.
    static var driverVersion: Int32 {
        if Session.opened == nil, !Session.wasRefused { _ = Connector.open() }
        return Session.opened?.pointee.devices.driverVersion ?? 13_000
    }

    /// `cuGetErrorName`
    package static func cuGetErrorName(
        _ error: CUresult,
        _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
    ) -> CUresult {
        describe(error, text) { $0.name }
    }

    /// `cuGetErrorString`
    package static func cuGetErrorString(
        _ error: CUresult,
        _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
    ) -> CUresult {
        describe(error, text) { $0.text }
    }

    private static func describe(
        _ error: CUresult,
        _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
        _ pick: ((name: StaticString, text: StaticString)) -> StaticString
    ) -> CUresult {
        guard let text else { return Status.invalidValue }
        guard let result = describeResult(error) else {
            text.pointee = nil
            return Status.invalidValue
        }
        text.pointee = UnsafeRawPointer(pick(result).utf8Start)
            .assumingMemoryBound(to: CChar.self)
        return Status.success
    }

    /// `cuGetProcAddress_v2`, from a library's own table: works before `cuInit`.
    package static func procAddress(
        _ symbol: UnsafePointer<CChar>?,
        _ function: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        _ version: Int32,
        _ flags: UInt64,
        _ query: UnsafeMutablePointer<Int32>?,
        in table: (rows: UnsafePointer<ferry_proc>, count: Int32)
    ) -> CUresult {
        ProcAddress.answer(
            symbol,
            function,
            version,
            flags,
            query,
            in: ProcTable(table.rows, count: table.count),
            driverVersion: driverVersion
        )
    }

    /// `cuGetExportTable`: works before `cuInit`.
    package static func cuGetExportTable(
        _ table: UnsafeMutablePointer<UnsafeRawPointer?>?,
        _ identifier: UnsafePointer<CUuuid>?
    ) -> CUresult {
        guard let table, let identifier else { return Status.invalidValue }
        Host.install()
        table.pointee = ExportTables.table(for: identifier.pointee)
        return table.pointee == nil ? Status.invalidValue : Status.success
    }

    /// `cuModuleGetLoadingMode`: lazy, as the driver's default is.
    package static func cuModuleGetLoadingMode(
        _ mode: UnsafeMutablePointer<CUmoduleLoadingMode>?
    ) -> CUresult {
        guard let mode else { return Status.invalidValue }
        mode.pointee = 2
        return Status.success
    }

    /// `cuFlushGPUDirectRDMAWrites`: there is no such traffic.
    package static func cuFlushGPUDirectRDMAWrites(
        _ target: CUflushGPUDirectRDMAWritesTarget,
        _ scope: CUflushGPUDirectRDMAWritesScope
    ) -> CUresult {
        withContext { _, _ in Status.notSupported }
    }
}

/// What the export tables ask of this library.
enum Host {
    /// Lets the tables answer from the session; any number of threads may do so at once.
    static func install() { installed }

    /// Initialised once, by the first thread.
    private static let installed: Void = {
        ExportTables.install(
            ExportTableHost(
                driverVersion: { ClientCalls.driverVersion },
                deviceCount: { Session.state?.pointee.devices.count ?? 0 },
                uuid: { Session.state?.pointee.devices.uuid($0) ?? CUuuid() },
                pciAddress: { device in
                    guard let state = Session.state else { return (0, 0, 0) }
                    return (
                        state.pointee.devices.attribute(device, 50),
                        state.pointee.devices.attribute(device, 33),
                        state.pointee.devices.attribute(device, 34)
                    )
                },
                primaryContext: { device in
                    guard let state = Session.state, state.pointee.devices.contains(device) else {
                        return 0
                    }
                    return state.pointee.contexts.primary(device).pointee.handle
                },
                contextID: { Session.state?.pointee.contexts.life($0) ?? 0 },
                contextDevice: { Session.state?.pointee.contexts.find($0)?.pointee.device ?? -1 },
                loadModule: { ClientCalls.cuModuleLoadData($0, $1) },
                function: { ClientCalls.function(of: $0, at: $1) }
            )
        )
    }()
}
