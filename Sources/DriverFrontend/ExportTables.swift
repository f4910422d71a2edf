internal import CLinux
package import CUDAABI
internal import Driver

/// What the export tables need to know of the library they stand in.
///
/// Set once before the first table is handed out; the members are called from any thread.
package struct ExportTableHost: Sendable {
    /// What `cuDriverGetVersion` says.
    package var driverVersion: @Sendable () -> Int32
    /// Number of visible devices.
    package var deviceCount: @Sendable () -> Int32
    /// UUID of a device, 16 bytes.
    package var uuid: @Sendable (Int32) -> CUuuid
    /// PCI domain, bus and device number of a device (attributes 50, 33 and 34).
    package var pciAddress: @Sendable (Int32) -> (Int32, Int32, Int32)
    /// Handle of a device's primary context, without retaining it; 0 if there is no such device.
    package var primaryContext: @Sendable (Int32) -> UInt64
    /// What `cuCtxGetId` says of a context; 0 for one that is none.
    package var contextID: @Sendable (UInt64) -> UInt64
    /// The device of a context, or -1.
    package var contextDevice: @Sendable (UInt64) -> Int32
    /// Loads a fatbin wrapper into the current context.
    package var loadModule: @Sendable (UnsafeMutablePointer<CUmodule?>?, UnsafeRawPointer?) -> Int32
    /// The `index`-th function of a module, or nil past the last.
    package var function: @Sendable (CUmodule?, Int) -> CUfunction?

    /// A host with these answers.
    package init(
        driverVersion: @escaping @Sendable () -> Int32,
        deviceCount: @escaping @Sendable () -> Int32,
        uuid: @escaping @Sendable (Int32) -> CUuuid,
        pciAddress: @escaping @Sendable (Int32) -> (Int32, Int32, Int32),
        primaryContext: @escaping @Sendable (Int32) -> UInt64,
        contextID: @escaping @Sendable (UInt64) -> UInt64,
        contextDevice: @escaping @Sendable (UInt64) -> Int32,
        loadModule:
            @escaping @Sendable (UnsafeMutablePointer<CUmodule?>?, UnsafeRawPointer?) -> Int32,
        function: @escaping @Sendable (CUmodule?, Int) -> CUfunction?
    ) {
        self.driverVersion = driverVersion
        self.deviceCount = deviceCount
        self.uuid = uuid
        self.pciAddress = pciAddress
        self.primaryContext = primaryContext
        self.contextID = contextID
        self.contextDevice = contextDevice
        self.loadModule = loadModule
        self.function = function
    }
}

/// The tables of `cuGetExportTable` (facts/cuda-driver.md §3): arrays of words at addresses that
/// stay the same for the life of the process.
///
/// Unknown identifiers are refused; answering one that is not understood crashes its asker.
package enum ExportTables {
    nonisolated(unsafe) private static var installedHost: ExportTableHost?
    package static let storage = StorageBox()

    /// Keeps context-local storage at a fixed address.
    package final class StorageBox: Sendable {
        /// The values of all contexts.
        package let values = ContextStorage()
    }

    /// Says who answers. Call it once, before the first `table(for:)`.
    package static func install(_ host: ExportTableHost) {
        installedHost = host
    }

    static var host: ExportTableHost? { installedHost }

    /// The table with this identifier.
    ///
    /// - Parameter identifier: 16 bytes in memory order.
    /// - Returns: Its address, or `nil` for one that Ferry does not know.
    package static func table(for identifier: CUuuid) -> UnsafeRawPointer? {
        let words = withUnsafeBytes(of: identifier) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        switch words {
        case (0x6bd5_fb6c_5bf4_e74a, 0x8987_d939_12fd_9df9): return Tables.shared.runtime
        case (0xa094_798c_2e74_2e74, 0x93f2_0800_200c_0a66): return Tables.shared.hooks
        case (0x42d8_5a81_23f6_cb47, 0x8298_f6e7_8a3a_ecdc): return Tables.shared.threads
        case (0xc693_336e_1121_df11, 0xa8c3_68f3_55d8_9593): return Tables.shared.contextStorage
        case (0x263e_8860_7cd2_6143, 0x92f6_bbd5_006d_fa7e): return Tables.shared.contextChecks
        case (0xd408_2055_bde6_704b, 0x8d34_ba12_3c66_e1f2): return Tables.shared.integrity
        case (0x2131_8c60_9714_3248, 0x8ca6_41ff_7324_c8f2): return Tables.shared.toolsContext
        case (0x6e16_3fbe_b958_444d, 0x835c_e182_aff1_991e): return Tables.shared.toolsModule
        case (0x1734_dc26_800d_4745, 0x8726_c0f1_e7dd_8bca): return Tables.shared.gemm
        case (0x7cb6_3f9b_9ca4_8e42, 0xa484_beb6_6e6a_ed7f): return Tables.shared.profiler
        default: return nil
        }
    }
}

/// Builds and keeps the tables.
final class Tables: Sendable {
    static let shared = Tables()

    nonisolated(unsafe) let runtime: UnsafeRawPointer
    nonisolated(unsafe) let hooks: UnsafeRawPointer
    nonisolated(unsafe) let threads: UnsafeRawPointer
    nonisolated(unsafe) let contextStorage: UnsafeRawPointer
    nonisolated(unsafe) let contextChecks: UnsafeRawPointer
    nonisolated(unsafe) let integrity: UnsafeRawPointer
    nonisolated(unsafe) let toolsContext: UnsafeRawPointer
    nonisolated(unsafe) let toolsModule: UnsafeRawPointer
    nonisolated(unsafe) let gemm: UnsafeRawPointer
    /// CUPTI's own, with nothing in it: CUPTI looks at the size before it uses a slot. Without the table, that of
    /// CUDA 13.2 calls itself for ever.
    nonisolated(unsafe) let profiler: UnsafeRawPointer
    /// Flags and call-back table for profilers; all zero: none is attached.
    nonisolated(unsafe) let profilerFlags: UnsafeMutablePointer<UInt64>

    /// Words in each of the two profiler buffers.
    static let profilerWords = (first: 1024, second: 14)

    private init() {
        profilerFlags = .allocate(capacity: 1024 + 14)
        profilerFlags.initialize(repeating: 0, count: 1024 + 14)
        runtime = Self.make(size: 13) { Self.fillRuntime($0) }
        hooks = Self.make(size: 7) {
            $0[2] = unsafeBitCast(profilerFlagsSlot, to: UInt.self)
            $0[6] = unsafeBitCast(profilerCallbacksSlot, to: UInt.self)
        }
        threads = Self.make(size: 4) { $0[2] = unsafeBitCast(currentContextSlot, to: UInt.self) }
        contextStorage = Self.make(size: 4, hasHeader: false) {
            $0[0] = unsafeBitCast(storagePutSlot, to: UInt.self)
            $0[1] = unsafeBitCast(storageRemoveSlot, to: UInt.self)
            $0[2] = unsafeBitCast(storageGetSlot, to: UInt.self)
        }
        contextChecks = Self.make(size: 4) {
            $0[2] = unsafeBitCast(isSpecialContextSlot, to: UInt.self)
            $0[3] = unsafeBitCast(alwaysZeroSlot, to: UInt.self)
        }
        integrity = Self.make(size: 3) {
            $0[1] = unsafeBitCast(integritySlot, to: UInt.self)
            $0[2] = unsafeBitCast(alwaysZeroSlot, to: UInt.self)
        }
        toolsContext = Self.make(size: 95) {
            $0[3] = unsafeBitCast(contextDeviceSlot, to: UInt.self)
            $0[4] = unsafeBitCast(contextIDSlot, to: UInt.self)
            $0[39] = unsafeBitCast(streamIDSlot, to: UInt.self)
            $0[51] = unsafeBitCast(privateStreamSlot, to: UInt.self)
        }
        toolsModule = Self.make(size: 64) {
            $0[7] = unsafeBitCast(forEachFunctionSlot, to: UInt.self)
        }
        gemm = Self.make(size: 64) { $0[4] = unsafeBitCast(gemmSlot, to: UInt.self) }
        profiler = Self.make(size: 1) { _ in }
    }

    private static func fillRuntime(_ words: UnsafeMutablePointer<UInt>) {
        words[1] = unsafeBitCast(loadModuleSlot, to: UInt.self)
        words[2] = unsafeBitCast(primaryContextSlot, to: UInt.self)
        words[6] = unsafeBitCast(loadModuleExtendedSlot, to: UInt.self)
        words[7] = unsafeBitCast(unregisterSlot, to: UInt.self)
        words[8] = unsafeBitCast(loadModuleSwappedSlot, to: UInt.self)
        words[12] = unsafeBitCast(alwaysZeroSlot, to: UInt.self)
    }

    /// A table of `size` words whose first says its size in bytes, unless it has no header.
    private static func make(
        size: Int,
        hasHeader: Bool = true,
        _ fill: (UnsafeMutablePointer<UInt>) -> Void
    ) -> UnsafeRawPointer {
        let words = UnsafeMutablePointer<UInt>.allocate(capacity: size)
        words.initialize(repeating: 0, count: size)
        if hasHeader { words[0] = UInt(size * 8) }
        fill(words)
        return UnsafeRawPointer(words)
    }
}
