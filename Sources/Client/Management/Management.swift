internal import CLinux
internal import Driver
package import NVMLABI
internal import Wire

/// What the management library (NVML) is told of the borrowed GPUs: all of them, whatever
/// `CUDA_VISIBLE_DEVICES` says. Needs no `cuInit`. Safe to use from any thread; results are
/// `nvmlReturn_t`.
package enum Management {
    private static let success: Int32 = 0
    private static let uninitialized: Int32 = 1
    private static let notSupported: Int32 = 3
    private static let driverNotLoaded: Int32 = 9
    private static let gpuIsLost: Int32 = 15
    private static let unknown: Int32 = 999

    /// Opens the session if there is none yet.
    package static func start() -> Int32 {
        switch Connector.open() {
        case Status.success: success
        case Status.notInitialized: uninitialized
        default: session == nil ? driverNotLoaded : gpuIsLost
        }
    }

    /// The session, unless it is that of the process that this one was forked from.
    private static var session: UnsafeMutablePointer<SessionState>? {
        ferry_forked() == 0 ? Session.opened : nil
    }

    /// How many GPUs there are; below 0 without a session.
    package static var count: Int32 { session?.pointee.borrowed.count ?? -1 }

    /// What the snapshot says of a GPU.
    package static func describe(
        _ index: UInt32,
        _ facts: UnsafeMutablePointer<ferry_nvml_facts>
    ) -> Int32 {
        guard let session, let device = Int32(exactly: index),
            session.pointee.borrowed.contains(device)
        else { return uninitialized }
        func attribute(_ identifier: Int32) -> Int32 {
            session.pointee.borrowed.attribute(device, identifier)
        }
        facts.pointee = ferry_nvml_facts()
        withUnsafeMutableBytes(of: &facts.pointee.name) { name in
            guard let base = name.baseAddress else { return }
            strncpy(
                base.assumingMemoryBound(to: CChar.self),
                session.pointee.borrowed.name(device),
                name.count - 1
            )
        }
        let uuid = session.pointee.borrowed.uuid(device)
        withUnsafeMutableBytes(of: &facts.pointee.uuid) { target in
            withUnsafeBytes(of: uuid) { target.copyMemory(from: $0) }
        }
        facts.pointee.domain = attribute(50)
        facts.pointee.bus = attribute(33)
        facts.pointee.device = attribute(34)
        facts.pointee.major = attribute(75)
        facts.pointee.minor = attribute(76)
        facts.pointee.busWidth = attribute(37) > 0 ? attribute(37) : -1
        facts.pointee.computeMode = attribute(20)
        facts.pointee.minorNumber = -1
        facts.pointee.persistenceMode = -1
        facts.pointee.displayMode = -1
        facts.pointee.isMultiple = -1
        return success
    }

    /// A GPU's memory, as the server says: the slice is the whole.
    package static func use(
        _ index: UInt32,
        _ use: UnsafeMutablePointer<ferry_nvml_memory_use>
    ) -> Int32 {
        ask(index) { reply in
            func value(_ offset: Int) -> UInt64 {
                reply.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            }
            use.pointee = ferry_nvml_memory_use(
                total: value(ManagementLayout.total),
                reserved: value(ManagementLayout.reserved),
                free: value(ManagementLayout.free),
                used: value(ManagementLayout.used)
            )
        }
    }

    /// Whether a GPU can use another one's memory, as the server's driver says.
    ///
    /// - Parameters:
    ///   - capability: `nvmlGpuP2PCapsIndex_t`.
    ///   - status: `nvmlGpuP2PStatus_t`.
    package static func peer(
        _ index: UInt32,
        _ peer: UInt32,
        _ capability: Int32,
        _ status: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        ask(index, peer) { reply in
            func has(_ offset: Int) -> Int32 {
                let isThere = reply.loadUnaligned(fromByteOffset: offset, as: UInt32.self) != 0
                return isThere || index == peer ? 0 : 5  // NVML_P2P_STATUS_OK, …_NOT_SUPPORTED
            }
            switch capability {
            case 0, 1, 4: status.pointee = has(ManagementLayout.peerAccess)  // read, write, PCI
            case 3: status.pointee = has(ManagementLayout.peerAtomics)
            default: status.pointee = 6  // NVML_P2P_STATUS_UNKNOWN
            }
        }
    }

    /// What `cuDriverGetVersion` says.
    package static var cudaVersion: Int32 { ClientCalls.driverVersion }

    /// The version of the server's driver.
    ///
    /// - Parameter text: Has room for 80 bytes.
    package static func driverVersion(_ text: UnsafeMutablePointer<CChar>) -> Int32 {
        version(ManagementLayout.driverVersion, text)
    }

    /// The version of the server's management library.
    ///
    /// - Parameter text: Has room for 80 bytes.
    package static func libraryVersion(_ text: UnsafeMutablePointer<CChar>) -> Int32 {
        version(ManagementLayout.libraryVersion, text)
    }

    private static func version(_ offset: Int, _ text: UnsafeMutablePointer<CChar>) -> Int32 {
        text.pointee = 0
        let result = ask(0) { reply in
            guard let base = reply.baseAddress else { return }
            memcpy(text, base + offset, ManagementLayout.versionSize)
            text[ManagementLayout.versionSize - 1] = 0
        }
        if result == success, text.pointee == 0 { return notSupported }
        return result
    }

    /// Asks the server. The reply tells no error of an earlier call, which would have no place here.
    private static func ask(
        _ index: UInt32,
        _ peer: UInt32 = 0,
        _ reply: (UnsafeRawBufferPointer) -> Void
    ) -> Int32 {
        guard let session else { return uninitialized }
        guard session.pointee.lostStatus == Status.success else { return gpuIsLost }
        let status = Session.wait(
            session,
            .management,
            context: 0,
            size: ManagementLayout.size,
            replySize: ManagementLayout.replySize
        ) { body in
            body.storeBytes(of: index, as: UInt32.self)
            body.storeBytes(of: peer, toByteOffset: ManagementLayout.peer, as: UInt32.self)
        } reply: {
            reply($0)
        }
        if status == Status.success { return success }
        return session.pointee.lostStatus == Status.success ? unknown : gpuIsLost
    }
}
