/// Status codes of the driver API that Ferry itself returns (`CUresult`).
///
/// The numbers are the ABI's; all of them with their texts are in `describeResult`.
package enum Status {
    package static let success: Int32 = 0
    package static let invalidValue: Int32 = 1
    package static let outOfMemory: Int32 = 2
    package static let notInitialized: Int32 = 3
    package static let deinitialized: Int32 = 4
    package static let deviceUnavailable: Int32 = 46
    package static let noDevice: Int32 = 100
    package static let invalidDevice: Int32 = 101
    package static let invalidImage: Int32 = 200
    package static let invalidContext: Int32 = 201
    package static let noBinaryForGPU: Int32 = 209
    package static let unsupportedLimit: Int32 = 215
    package static let invalidPTX: Int32 = 218
    package static let unsupportedPTXVersion: Int32 = 222
    package static let invalidSource: Int32 = 300
    package static let fileNotFound: Int32 = 301
    package static let sharedObjectInitFailed: Int32 = 303
    package static let operatingSystem: Int32 = 304
    package static let invalidHandle: Int32 = 400
    package static let illegalState: Int32 = 401
    package static let notFound: Int32 = 500
    package static let notReady: Int32 = 600
    package static let illegalAddress: Int32 = 700
    package static let launchOutOfResources: Int32 = 701
    package static let launchTimeout: Int32 = 702
    package static let primaryContextActive: Int32 = 708
    package static let contextIsDestroyed: Int32 = 709
    package static let assert: Int32 = 710
    package static let hostMemoryAlreadyRegistered: Int32 = 712
    package static let hostMemoryNotRegistered: Int32 = 713
    package static let hardwareStackError: Int32 = 714
    package static let illegalInstruction: Int32 = 715
    package static let misalignedAddress: Int32 = 716
    package static let invalidAddressSpace: Int32 = 717
    package static let invalidProgramCounter: Int32 = 718
    package static let launchFailed: Int32 = 719
    package static let cooperativeLaunchTooLarge: Int32 = 720
    package static let notPermitted: Int32 = 800
    package static let notSupported: Int32 = 801
    package static let systemNotReady: Int32 = 802
    package static let unknown: Int32 = 999

    /// Whether the code stays with a context once it has occurred: everything that a kernel can
    /// do wrong. The driver returns it from every later call in the context.
    package static func isSticky(_ status: Int32) -> Bool {
        switch status {
        case illegalAddress, launchTimeout, assert, hardwareStackError, illegalInstruction,
            misalignedAddress, invalidAddressSpace, invalidProgramCounter, launchFailed:
            true
        default: false
        }
    }
}
