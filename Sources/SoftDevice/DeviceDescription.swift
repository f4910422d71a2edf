/// Everything about one visible software GPU that does not change.
package struct DeviceDescription: Equatable, Sendable {
    /// Which GPU it is.
    package var identity: Identity
    /// Its name.
    package var name: String
    /// Its memory in bytes.
    package var memoryBytes: Int
    /// The compute capability that it claims.
    package var capability: Configuration.Capability
    /// Which code of an image it takes.
    package var code = Configuration.Code.ptx
    /// Whether other processes can be given its memory.
    package var isShared = false
    /// What its multiprocessors have.
    package var resources: Resources

    /// The GPUs that a program with this configuration sees, in order.
    package static func visible(_ configuration: Configuration) -> [DeviceDescription] {
        let setting = configuration.visibleDevices
        let all = (0..<configuration.count).map { Identity(index: $0, code: configuration.code) }
        return VisibleDevices.choose(setting, among: all).map { identity in
            DeviceDescription(
                identity: identity,
                name: configuration.name,
                memoryBytes: configuration.memoryMiB << 20,
                capability: configuration.capability,
                code: configuration.code,
                isShared: configuration.isShared,
                resources: Resources(capability: configuration.capability)
            )
        }
    }

    /// The version of the driver that the software GPU stands in for, as `cuDriverGetVersion`
    /// says it: 13.0.
    package static let driverVersion: Int32 = 13_000
}
