package import CUDAABI
internal import Driver
internal import DriverFrontend
internal import SoftDevice

extension SoftCalls {
    package static func cuInit(_ flags: UInt32) -> CUresult {
        answer { () throws(Failure) in
            guard flags == 0 else { throw .invalidValue }
            try SoftDriver.start()
        }
    }

    package static func cuDriverGetVersion(_ version: UnsafeMutablePointer<Int32>?) -> CUresult {
        guard let version else { return Status.invalidValue }
        version.pointee = DeviceDescription.driverVersion
        return Status.success
    }

    package static func cuGetExportTable(
        _ table: UnsafeMutablePointer<UnsafeRawPointer?>?,
        _ identifier: UnsafePointer<CUuuid>?
    ) -> CUresult {
        guard let table, let identifier else { return Status.invalidValue }
        table.pointee = ExportTables.table(for: identifier.pointee)
        return table.pointee == nil ? Status.invalidValue : Status.success
    }
}

extension SoftDriver {
    /// What the export tables need to know.
    func exportTableHost() -> ExportTableHost {
        ExportTableHost(
            driverVersion: { DeviceDescription.driverVersion },
            deviceCount: { [self] in Int32(devices.count) },
            uuid: { [self] in uuid(Int($0)) },
            pciAddress: { [self] in
                guard devices.indices.contains(Int($0)) else { return (0, 0, 0) }
                return devices[Int($0)].description.identity.pci
            },
            primaryContext: { [self] in
                devices.indices.contains(Int($0)) ? devices[Int($0)].primarySlot.handle : 0
            },
            contextID: { [self] in contexts.object($0)?.liveContext?.id ?? 0 },
            contextDevice: { [self] in Int32(contexts.object($0)?.device.ordinal ?? -1) },
            loadModule: { SoftCalls.cuModuleLoadData($0, $1) },
            function: { [self] module, index in
                let functions = modules.object(number(module))?.allFunctions() ?? []
                return functions.indices.contains(index) ? handle(functions[index].handle) : nil
            }
        )
    }

    /// A GPU's UUID, zero for one that does not exist.
    func uuid(_ ordinal: Int) -> CUuuid {
        var result = CUuuid()
        guard devices.indices.contains(ordinal) else { return result }
        withUnsafeMutableBytes(of: &result) {
            $0.copyBytes(from: devices[ordinal].description.identity.uuid)
        }
        return result
    }
}
