import Testing
import Wire

@Suite struct OpcodeTests {
    /// Numbers that are in use: none of these lines may ever change or go. Add the new ones.
    static let assigned: [(UInt16, String)] = [
        (0x0001, "snapshot"),
        (0x0002, "failure"),
        (0x0003, "reply"),
        (0x0004, "hostData"),
        (0x0005, "output"),
        (0x0006, "chunk"),
        (0x0007, "acknowledge"),
        (0x0008, "resume"),
        (0x0009, "image"),
        (0x0020, "upload"),
        (0x0021, "download"), (0x0022, "stagingRoom"),
        (0x0030, "management"),
        (0x0100, "cuMemAlloc_v2"),
        (0x0101, "cuMemAllocPitch_v2"),
        (0x0102, "cuMemFree_v2"),
        (0x0103, "cuMemcpyHtoD_v2"),
        (0x0104, "cuMemcpyHtoDAsync_v2"),
        (0x0105, "cuMemcpyDtoH_v2"),
        (0x0106, "cuMemcpyDtoHAsync_v2"),
        (0x0110, "cuMemsetD8_v2"),
        (0x0111, "cuMemsetD16_v2"),
        (0x0112, "cuMemsetD32_v2"),
        (0x0113, "cuMemsetD8Async"),
        (0x0114, "cuMemsetD16Async"),
        (0x0115, "cuMemsetD32Async"),
        (0x0116, "cuMemsetD2D8_v2"),
        (0x0117, "cuMemsetD2D16_v2"),
        (0x0118, "cuMemsetD2D32_v2"),
        (0x0119, "cuMemsetD2D8Async"),
        (0x011a, "cuMemsetD2D16Async"),
        (0x011b, "cuMemsetD2D32Async"),
        (0x0120, "cuMemcpyDtoD_v2"),
        (0x0121, "cuMemcpyDtoDAsync_v2"),
        (0x0130, "cuMemGetInfo_v2"),
        (0x0140, "cuMemcpyDtoA_v2"),
        (0x0141, "cuMemcpyAtoD_v2"),
        (0x0142, "cuMemcpyAtoA_v2"),
        (0x0150, "cuMemcpy3D_v2"),
        (0x0151, "cuMemcpy3DAsync_v2"),
        (0x0200, "cuStreamCreate"),
        (0x0201, "cuStreamCreateWithPriority"),
        (0x0202, "cuStreamDestroy_v2"),
        (0x0203, "cuStreamWaitEvent"),
        (0x0210, "cuStreamSynchronize"),
        (0x0211, "cuStreamQuery"),
        (0x0220, "cuLaunchHostFunc"),
        (0x0221, "cuStreamAddCallback"),
        (0x0300, "cuEventCreate"),
        (0x0301, "cuEventDestroy_v2"),
        (0x0302, "cuEventRecord"),
        (0x0303, "cuEventRecordWithFlags"),
        (0x0310, "cuEventQuery"),
        (0x0311, "cuEventSynchronize"),
        (0x0312, "cuEventElapsedTime"),
        (0x0313, "cuEventElapsedTime_v2"),
        (0x0400, "cuModuleLoadDataEx"),
        (0x0401, "cuLibraryLoadData"),
        (0x0402, "cuModuleUnload"),
        (0x0403, "cuLibraryUnload"),
        (0x0404, "cuModuleGetGlobal_v2"),
        (0x0405, "cuLibraryGetGlobal"),
        (0x0406, "cuLinkCreate_v2"),
        (0x0407, "cuLinkAddData_v2"),
        (0x0408, "cuLinkComplete"),
        (0x0409, "cuLinkDestroy"),
        (0x0430, "cuFuncSetAttribute"),
        (0x0440, "cuOccupancyMaxActiveBlocksPerMultiprocessor"),
        (0x0441, "cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags"),
        (0x0442, "cuOccupancyAvailableDynamicSMemPerBlock"),
        (0x0443, "cuOccupancyMaxActiveClusters"),
        (0x0444, "cuOccupancyMaxPotentialClusterSize"),
        (0x0500, "cuLaunchKernel"),
        (0x0501, "cuLaunchKernelEx"),
        (0x0502, "cuLaunchCooperativeKernel"),
        (0x0600, "cuCtxCreate_v2"),
        (0x0601, "cuCtxDestroy_v2"),
        (0x0602, "cuDevicePrimaryCtxReset_v2"),
        (0x0603, "cuCtxSynchronize_v2"),
        (0x0610, "cuCtxSynchronize"),
        (0x0611, "cuCtxGetLimit"),
        (0x0612, "cuCtxSetLimit"),
        (0x0613, "cuCtxResetPersistingL2Cache"),
        (0x0700, "cuArray3DCreate_v2"),
        (0x0701, "cuArrayDestroy"),
        (0x0710, "cuTexObjectCreate"),
        (0x0711, "cuTexObjectDestroy"),
        (0x0712, "cuSurfObjectCreate"),
        (0x0713, "cuSurfObjectDestroy"),
        (0x0718, "cuDeviceGetTexture1DLinearMaxWidth"),
        (0x0720, "cuModuleGetTexRef"),
        (0x0721, "cuModuleGetSurfRef"),
        (0x0722, "cuTexRefSetArray"),
        (0x0723, "cuSurfRefSetArray"),
        (0x0724, "cuTexRefSetAddress_v2"),
        (0x0725, "cuTexRefSetAddress2D_v3"),
        (0x0726, "cuTexRefSetFormat"),
        (0x0727, "cuTexRefSetAddressMode"),
        (0x0728, "cuTexRefSetFilterMode"),
        (0x0729, "cuTexRefSetFlags"),
        (0x072a, "cuTexRefSetBorderColor"),
        (0x0730, "cuTexRefGetAddress_v2"),
        (0x0731, "cuTexRefGetFormat"),
        (0x0732, "cuTexRefGetAddressMode"),
        (0x0733, "cuTexRefGetFilterMode"),
        (0x0734, "cuTexRefGetFlags"),
        (0x0735, "cuTexRefGetBorderColor"),
        (0x0740, "cuTensorMapEncodeTiled"),
        (0x0741, "cuTensorMapEncodeIm2col"),
        (0x0742, "cuTensorMapEncodeIm2colWide"),
        (0x0743, "cuTensorMapReplaceAddress"),
        (0x0750, "cuMemAddressReserve"),
        (0x0751, "cuMemAddressFree"),
        (0x0752, "cuMemCreate"),
        (0x0753, "cuMemRelease"),
        (0x0754, "cuMemMap"),
        (0x0755, "cuMemUnmap"),
        (0x0756, "cuMemSetAccess"),
        (0x0757, "cuMemGetAccess"),
        (0x0758, "cuMemGetAllocationGranularity"),
        (0x0759, "cuMemRetainAllocationHandle"),
        (0x075a, "cuMemGetAllocationPropertiesFromHandle"),
    ]

    @Test func `an opcode never changes its number`() {
        let current = Opcode.allCases.map { Pair(number: $0.rawValue, name: "\($0.name)") }
        let assigned = Self.assigned.map { Pair(number: $0.0, name: $0.1) }
        for pair in assigned {
            #expect(current.contains(pair), "\(pair.name) was \(pair.number)")
        }
        for pair in current {
            #expect(assigned.contains(pair), "\(pair.name) is new: add it to the list")
        }
    }

    @Test func `numbers and names are unique`() {
        #expect(Set(Opcode.allCases.map(\.rawValue)).count == Opcode.allCases.count)
        #expect(Set(Opcode.allCases.map { "\($0.name)" }).count == Opcode.allCases.count)
        #expect(Opcode(rawValue: 0) == nil)
    }

    private struct Pair: Hashable {
        var number: UInt16
        var name: String
    }
}
