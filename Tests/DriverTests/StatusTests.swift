import Driver
import Testing

@Suite struct StatusTests {
    /// Constants by the name that the ABI has for them.
    static let constants: [(Int32, String)] = [
        (Status.success, "CUDA_SUCCESS"),
        (Status.invalidValue, "CUDA_ERROR_INVALID_VALUE"),
        (Status.outOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"),
        (Status.notInitialized, "CUDA_ERROR_NOT_INITIALIZED"),
        (Status.deinitialized, "CUDA_ERROR_DEINITIALIZED"),
        (Status.deviceUnavailable, "CUDA_ERROR_DEVICE_UNAVAILABLE"),
        (Status.noDevice, "CUDA_ERROR_NO_DEVICE"),
        (Status.invalidDevice, "CUDA_ERROR_INVALID_DEVICE"),
        (Status.invalidImage, "CUDA_ERROR_INVALID_IMAGE"),
        (Status.invalidContext, "CUDA_ERROR_INVALID_CONTEXT"),
        (Status.noBinaryForGPU, "CUDA_ERROR_NO_BINARY_FOR_GPU"),
        (Status.unsupportedLimit, "CUDA_ERROR_UNSUPPORTED_LIMIT"),
        (Status.invalidPTX, "CUDA_ERROR_INVALID_PTX"),
        (Status.unsupportedPTXVersion, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"),
        (Status.invalidSource, "CUDA_ERROR_INVALID_SOURCE"),
        (Status.fileNotFound, "CUDA_ERROR_FILE_NOT_FOUND"),
        (Status.sharedObjectInitFailed, "CUDA_ERROR_SHARED_OBJECT_INIT_FAILED"),
        (Status.operatingSystem, "CUDA_ERROR_OPERATING_SYSTEM"),
        (Status.invalidHandle, "CUDA_ERROR_INVALID_HANDLE"),
        (Status.illegalState, "CUDA_ERROR_ILLEGAL_STATE"),
        (Status.notFound, "CUDA_ERROR_NOT_FOUND"),
        (Status.notReady, "CUDA_ERROR_NOT_READY"),
        (Status.illegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS"),
        (Status.launchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"),
        (Status.launchTimeout, "CUDA_ERROR_LAUNCH_TIMEOUT"),
        (Status.primaryContextActive, "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE"),
        (Status.contextIsDestroyed, "CUDA_ERROR_CONTEXT_IS_DESTROYED"),
        (Status.assert, "CUDA_ERROR_ASSERT"),
        (Status.hostMemoryAlreadyRegistered, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"),
        (Status.hostMemoryNotRegistered, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"),
        (Status.hardwareStackError, "CUDA_ERROR_HARDWARE_STACK_ERROR"),
        (Status.illegalInstruction, "CUDA_ERROR_ILLEGAL_INSTRUCTION"),
        (Status.misalignedAddress, "CUDA_ERROR_MISALIGNED_ADDRESS"),
        (Status.invalidAddressSpace, "CUDA_ERROR_INVALID_ADDRESS_SPACE"),
        (Status.invalidProgramCounter, "CUDA_ERROR_INVALID_PC"),
        (Status.launchFailed, "CUDA_ERROR_LAUNCH_FAILED"),
        (Status.cooperativeLaunchTooLarge, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE"),
        (Status.notPermitted, "CUDA_ERROR_NOT_PERMITTED"),
        (Status.notSupported, "CUDA_ERROR_NOT_SUPPORTED"),
        (Status.systemNotReady, "CUDA_ERROR_SYSTEM_NOT_READY"),
        (Status.unknown, "CUDA_ERROR_UNKNOWN"),
    ]

    @Test(arguments: constants)
    func `a constant has the number of its name`(_ constant: (value: Int32, name: String)) {
        #expect(describeResult(constant.value).map { "\($0.name)" } == constant.name)
    }

    @Test func `numbers that are no status have no name`() {
        for value: Int32 in [-1, 9, 35, 99, 103, 721 + 1, 1000, .max, .min] {
            #expect(describeResult(value) == nil, "\(value)")
        }
    }

    @Test func `every status has a name of its own and a text`() {
        var names: Set<String> = []
        for value: Int32 in 0...1100 {
            guard let result = describeResult(value) else { continue }
            let prefix = value == 0 ? "CUDA_SUCCESS" : "CUDA_ERROR_"
            #expect("\(result.name)".hasPrefix(prefix))
            #expect(names.insert("\(result.name)").inserted)
            #expect(result.text.utf8CodeUnitCount > 0)
        }
        #expect(names.count > 90)
    }

    @Test func `only what a kernel does wrong is sticky`() {
        let sticky = (0...1000).filter { Status.isSticky($0) }
        #expect(sticky == [700, 702, 710, 714, 715, 716, 717, 718, 719])
    }
}
