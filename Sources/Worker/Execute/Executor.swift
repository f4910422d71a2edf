internal import CLinux
internal import CUDAABI
internal import Driver
package import Transport
package import Wire

/// Executes a client's records, in order, on a driver.
///
/// `execute` is called by one thread, the reader. Waits and copies to the host complete on other
/// threads (`WaiterPool`, `Deliveries`), which use only what is marked as thread-safe. Lives until
/// the connection ends.
package final class Executor: @unchecked Sendable {
    /// What changes with every record; behind a pointer, so that reaching it costs no check.
    struct State {
        var expected: UInt32 = 1
        /// The context that is the driver's current one on the reader thread.
        var context: UInt32 = .max
        /// The wait that the reader looks after itself.
        var held: WaitJob?
    }

    let driver: DriverTable
    let state: UnsafeMutablePointer<State>
    let handles = ObjectTables()
    let contexts: ContextTable
    let slices: Slices
    let allocations = AllocationTable()
    let captures = CaptureList()
    /// Graphs that call the program.
    let graphParts = GraphPartTable()
    let physicalMemory = PhysicalMemoryTable()
    let memoryPools = MemoryPoolTable()
    /// `nil` when the client's processes share nothing.
    let sharedNames: SharedNames?
    let sharedFiles: SharedFiles?
    /// Memory of other processes by its address.
    var openedMemory: [CUdeviceptr: OpenedMemory] = [:]
    let management: Management
    let deviceCount: Int
    let image: ImageAssembly
    let readerWaiting: Waiting
    let launchPointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    let launchAttributes: UnsafeMutablePointer<CUlaunchAttribute>

    // Thread-safe.
    let answers: Answers
    let deliveries: Deliveries
    let waiters: WaiterPool
    let stagingUse = StagingUse()
    let functions: HostFunctions
    let bulk: Bulk

    /// An executor for one client.
    ///
    /// - Parameters:
    ///   - driver: Initialised; its devices are exactly the client's.
    ///   - slices: Bytes of each device that the client may take.
    ///   - channel: Where replies go.
    ///   - printed: Files that the driver writes to: standard output and, if there is a second one,
    ///     standard error.
    ///   - keeper: Of the images of earlier sessions.
    ///   - sharedNames: Of what the processes of the lease share.
    ///   - ledger: Of what they have of its slices; `nil`: this one is alone.
    /// - Throws: `WorkerFailure` when there is no memory.
    package init(
        driver: DriverTable,
        slices: [UInt64],
        channel: Channel,
        printed: [Int32],
        keeper: ImageKeeper?,
        sharedNames: SharedNames? = nil,
        ledger: SliceLedger? = nil
    ) throws(WorkerFailure) {
        self.driver = driver
        self.sharedNames = sharedNames
        let sharedFiles = sharedNames.map { SharedFiles($0) }
        self.sharedFiles = sharedFiles
        physicalMemory.gone = { sharedFiles?.drop($0) }
        management = Management(driver)
        image = ImageAssembly(keeper)
        let wholes = slices.indices.map { device in
            var bytes = 0
            _ = driver.cuDeviceTotalMem_v2?(&bytes, Int32(device))
            return UInt64(max(0, bytes))
        }
        self.slices = Slices(totals: slices, ledger: ledger, wholes: wholes)
        deviceCount = slices.count
        contexts = ContextTable(deviceCount: slices.count)
        state = .allocate(capacity: 1)
        state.initialize(to: State())
        launchPointers = .allocate(capacity: LaunchLayout.maxParameterBytes + 1)
        launchAttributes = .allocate(capacity: LaunchLayout.maxAttributes)
        let answers = Answers(
            output: try OutputQueue(channel: channel),
            printed: printed.enumerated().map { index, file in
                PrintedText(file: file, descriptor: UInt32(index + 1))
            }
        )
        self.answers = answers
        functions = HostFunctions(answers: answers)
        bulk = Bulk(driver: driver, answers: answers, functions: functions)
        deliveries = Deliveries(driver: driver, answers: answers, ready: bulk.ready)
        answers.deliveries = deliveries
        waiters = WaiterPool(driver: driver, answers: answers)
        readerWaiting = Waiting(driver: driver, answers: answers)
    }

    /// Executes one record.
    ///
    /// - Throws: `ProtocolViolation`; the connection cannot go on.
    @inline(__always)
    package func execute(
        _ header: RecordHeader,
        _ body: UnsafeRawBufferPointer
    ) throws(ProtocolViolation) {
        guard header.sequence == state.pointee.expected else {
            throw .badSequence(expected: state.pointee.expected, found: header.sequence)
        }
        state.pointee.expected &+= 1
        let record = try Record(header, body: body)
        if record.context != state.pointee.context, !isWithoutContext(record.opcode) {
            let status = enter(record.context)
            guard status == Status.success else {
                refuse(record, status)
                return
            }
        }
        if record.opcode == .cuLaunchKernel {
            try launch(record)
        } else {
            try executeOther(record)
        }
    }

    /// A piece of an image, or its name, is kept whatever becomes of the context; management has none.
    @inline(__always)
    private func isWithoutContext(_ opcode: Opcode) -> Bool {
        opcode == .chunk || opcode == .image || opcode == .management
    }

    private func executeOther(_ record: Record) throws(ProtocolViolation) {
        switch record.opcode {
        case .chunk: try image.append(record)
        case .image: try image.take(name: record)
        case .cuLaunchCooperativeKernel: try launchCooperative(record)
        case .cuLaunchKernelEx: try launchExtended(record)
        case .cuMemcpyHtoDAsync_v2: try copyToDeviceLater(record)
        case .cuMemcpyHtoD_v2: try copyToDevice(record)
        case .cuMemcpyDtoH_v2: try copyToHost(record)
        case .cuMemcpyDtoHAsync_v2: try copyToHostLater(record)
        case .upload: try copyFromSlot(record)
        case .download: try download(record)
        case .stagingRoom: try awaitStagingRoom(record)
        case .cuLaunchHostFunc: try launchHostFunction(record)
        case .cuStreamAddCallback: try addCallback(record)
        case .management: try manage(record)
        case .cuStreamSynchronize: try synchronizeStream(record)
        case .cuEventSynchronize: try synchronizeEvent(record)
        case .cuCtxSynchronize, .cuCtxSynchronize_v2: try synchronizeContext(record)
        case .cuMemAlloc_v2: try allocate(record)
        case .cuMemAllocPitch_v2: try allocatePitch(record)
        case .cuMemFree_v2: try free(record)
        case .cuMemGetInfo_v2: try memoryInfo(record)
        case .cuCtxSetLimit: try setLimit(record)
        case .cuModuleLoadDataEx, .cuLibraryLoadData: try load(record)
        case .cuModuleUnload, .cuLibraryUnload: try unload(record)
        case .cuModuleGetGlobal_v2, .cuLibraryGetGlobal, .cuLibraryGetManaged:
            try global(record)
        case .cuLinkCreate_v2: try createLink(record)
        case .cuLinkAddData_v2: try addToLink(record)
        case .cuLinkComplete: try completeLink(record)
        case .cuLinkDestroy: try destroyLink(record)
        case .cuStreamDestroy_v2: try destroyStream(record)
        case .cuGraphExecDestroy: try destroyExec(record)
        case .cuGraphNodeSetEnabled, .cuGraphNodeGetEnabled, .cuGraphExecEventRecordNodeSetEvent,
            .cuGraphExecEventWaitNodeSetEvent, .cuGraphExecChildGraphNodeSetParams:
            try changeNodeOfPart(record)
        case .cuFuncSetAttribute: try setFunctionAttribute(record)
        case .cuCtxCreate_v2: try createContext(record)
        case .cuCtxDestroy_v2: try destroyContext(record)
        case .cuDevicePrimaryCtxReset_v2: try resetPrimaryContext(record)
        case .cuDeviceCanAccessPeer: try canAccessPeer(record)
        case .cuDeviceGetP2PAttribute: try peerAttribute(record)
        case .cuCtxEnablePeerAccess: try enablePeerAccess(record)
        case .cuCtxDisablePeerAccess: try disablePeerAccess(record)
        default:
            if try !executePlain(record), try !executeVirtualMemory(record),
                try !executeMemoryPool(record), try !executeGraph(record),
                try !executeSharing(record)
            {
                try executeTexturing(record)
            }
        }
    }

    /// Virtual memory management.
    ///
    /// - Returns: Whether the record is one of those.
    private func executeVirtualMemory(_ record: Record) throws(ProtocolViolation) -> Bool {
        switch record.opcode {
        case .cuMemAddressReserve: try reserveAddresses(record)
        case .cuMemAddressFree: try freeAddresses(record)
        case .cuMemCreate: try createMemory(record)
        case .cuMemRelease: try releaseMemory(record)
        case .cuMemMap: try mapMemory(record)
        case .cuMemUnmap: try unmapMemory(record)
        case .cuMemSetAccess: try setAccess(record)
        case .cuMemGetAccess: try access(record)
        case .cuMemGetAllocationGranularity: try granularity(record)
        case .cuMemRetainAllocationHandle: try retainMemory(record)
        case .cuMemGetAllocationPropertiesFromHandle: try memoryProperties(record)
        default: return false
        }
        return true
    }

    /// Memory pools, and memory in the order of a stream.
    ///
    /// - Returns: Whether the record is one of those.
    private func executeMemoryPool(_ record: Record) throws(ProtocolViolation) -> Bool {
        switch record.opcode {
        case .cuMemAllocFromPoolAsync: try allocateInOrder(record)
        case .cuMemFreeAsync: try freeInOrder(record)
        case .cuMemPoolCreate: try createPool(record)
        case .cuDeviceGetDefaultMemPool: try nameStandardPool(record)
        case .cuMemPoolDestroy: try destroyPool(record)
        case .cuMemPoolSetAttribute: try setPoolAttribute(record)
        case .cuMemPoolGetAttribute: try poolAttribute(record)
        case .cuMemPoolTrimTo: try trimPool(record)
        case .cuMemPoolSetAccess: try setPoolAccess(record)
        case .cuMemPoolGetAccess: try poolAccess(record)
        default: return false
        }
        return true
    }

    /// Captures and graphs.
    ///
    /// - Returns: Whether the record is one of those.
    private func executeGraph(_ record: Record) throws(ProtocolViolation) -> Bool {
        switch record.opcode {
        case .cuStreamBeginCapture_v2: try beginCapture(record)
        case .cuStreamBeginCaptureToGraph: try beginCaptureToGraph(record)
        case .cuStreamEndCapture: try endCapture(record)
        case .cuStreamGetCaptureInfo_v3: try captureInformation(record)
        case .cuStreamUpdateCaptureDependencies_v2: try updateCapture(record)
        case .cuGraphCreate: try createGraph(record)
        case .cuGraphDestroy: try destroyGraph(record)
        case .cuGraphClone: try cloneGraph(record)
        case .cuGraphNodeFindInClone: try findInClone(record)
        case .cuGraphDestroyNode: try destroyNode(record)
        case .cuGraphChildGraphNodeGetGraph: try childGraph(record)
        case .cuGraphAddDependencies_v2, .cuGraphRemoveDependencies_v2:
            try changeDependencies(record)
        case .cuGraphGetNodes, .cuGraphGetRootNodes: try listNodes(record)
        case .cuGraphGetEdges_v2: try listEdges(record)
        case .cuGraphNodeGetDependencies_v2, .cuGraphNodeGetDependentNodes_v2:
            try listNeighbours(record)
        case .cuGraphAddKernelNode_v2, .cuGraphAddMemcpyNode, .cuGraphAddMemsetNode,
            .cuGraphAddChildGraphNode, .cuGraphAddEmptyNode, .cuGraphAddEventRecordNode,
            .cuGraphAddEventWaitNode:
            try addNode(record)
        case .cuGraphAddNode_v2: try addConditional(record)
        case .cuGraphConditionalHandleCreate: try createConditional(record)
        case .cuGraphKernelNodeSetParams_v2, .cuGraphMemcpyNodeSetParams,
            .cuGraphMemsetNodeSetParams, .cuGraphExecKernelNodeSetParams_v2,
            .cuGraphExecMemcpyNodeSetParams, .cuGraphExecMemsetNodeSetParams:
            try setNode(record)
        case .cuGraphKernelNodeSetAttribute: try setNodeAttribute(record)
        case .cuGraphKernelNodeGetAttribute: try nodeAttribute(record)
        case .cuGraphKernelNodeGetParams_v2: try kernelParameters(record)
        case .cuGraphMemsetNodeGetParams: try fillParameters(record)
        case .cuGraphInstantiateWithParams: try instantiate(record)
        case .cuGraphExecUpdate_v2: try updateExec(record)
        default: return false
        }
        return true
    }

    /// Arrays, textures, surfaces and tensor maps, and what is asked about clusters.
    private func executeTexturing(_ record: Record) throws(ProtocolViolation) {
        switch record.opcode {
        case .cuMemcpy3D_v2, .cuMemcpy3DAsync_v2: try copyBox(record)
        case .cuArray3DCreate_v2: try createArray(record)
        case .cuArrayDestroy: try destroyArray(record)
        case .cuTexObjectCreate: try createTexture(record)
        case .cuTexObjectDestroy: try destroyTexture(record)
        case .cuSurfObjectCreate: try createSurface(record)
        case .cuSurfObjectDestroy: try destroySurface(record)
        case .cuDeviceGetTexture1DLinearMaxWidth: try textureMaxWidth(record)
        case .cuModuleGetTexRef, .cuModuleGetSurfRef: try findReference(record)
        case .cuTexRefSetAddress_v2: try setReferenceAddress(record)
        case .cuTexRefSetAddress2D_v3: try setReferenceAddress2D(record)
        case .cuTexRefSetBorderColor: try setReferenceBorder(record)
        case .cuTexRefGetBorderColor: try referenceBorder(record)
        case .cuTensorMapEncodeTiled: try encodeTiledMap(record)
        case .cuTensorMapEncodeIm2col: try encodeIm2colMap(record)
        case .cuTensorMapEncodeIm2colWide: try encodeWideIm2colMap(record)
        case .cuTensorMapReplaceAddress: try replaceMapAddress(record)
        case .cuOccupancyMaxActiveClusters, .cuOccupancyMaxPotentialClusterSize:
            try clusters(record)
        default: throw .unknownOpcode(record.opcode.rawValue)
        }
    }

    /// Answers a record that was executed: the reply if the client waits for one, else the error
    /// is kept for the next reply.
    ///
    /// - Parameters:
    ///   - size: Bytes of the reply's body.
    ///   - values: Writes what the call returns, from `ReplyLayout.values` of the body.
    @inline(__always)
    func finish(
        _ record: Record,
        _ status: CUresult,
        size: Int = ReplyLayout.values,
        _ values: (UnsafeMutableRawPointer) -> Void = { _ in }
    ) {
        if status == Status.success, !record.wantsReply { return }
        answers.finish(Ticket(record), status, size: size, values)
    }

    /// The same with one number as what the call returns.
    func finish(_ record: Record, _ status: CUresult, number: UInt64) {
        finish(record, status, size: ReplyLayout.values + 8) { reply in
            reply.storeBytes(of: number, toByteOffset: ReplyLayout.values, as: UInt64.self)
        }
    }

    /// Answers a record that could not be executed.
    func refuse(_ record: Record, _ status: CUresult) {
        switch record.opcode {
        case .cuModuleLoadDataEx, .cuLibraryLoadData, .cuLinkAddData_v2: image.clear()
        default: break
        }
        // Channels wait for what becomes of it; a slot that was filled stays filled otherwise.
        if record.opcode == .download || record.opcode == .upload {
            return refuseBulk(record, status)
        }
        if record.opcode == .cuLaunchHostFunc || record.opcode == .cuStreamAddCallback {
            dropFunction(record)
        }
        // The client keeps the destination until the last piece has come.
        if record.opcode == .cuMemcpyDtoHAsync_v2, !record.wantsReply {
            deliveries.fail(record, status)
        }
        if record.opcode == .cuMemcpy3DAsync_v2, !record.wantsReply, isBoxToHost(record) {
            deliveries.fail(record, status)
        }
        finish(record, status)
    }

    /// Ends the threads, before the process or the test goes on without the executor.
    package func close() {
        functions.close()
        bulk.close()
        waiters.close()
        deliveries.close()
        answers.output.close()
        image.finish()
    }
}
