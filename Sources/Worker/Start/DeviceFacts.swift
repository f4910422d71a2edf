internal import CUDAABI
internal import Driver

/// What a driver says about one of its devices.
struct DeviceFacts: Equatable, Sendable {
    var uuid: DeviceUUID
    var name: String
    var memory: UInt64
    var pciBusID: String
    /// Attributes 1…`attributeCount`; 0 for those that the driver does not know.
    var attributes: [Int32]

    /// Attributes that the snapshot carries.
    static let attributeCount = 160

    /// `major.minor`.
    var computeCapability: String { "\(attributes[74]).\(attributes[75])" }

    /// All devices that the driver shows.
    static func all(_ driver: DriverTable) throws(WorkerFailure) -> [DeviceFacts] {
        var count: Int32 = 0
        let status = driver.cuDeviceGetCount?(&count) ?? Status.notFound
        try check(status, "cuDeviceGetCount")
        var devices: [DeviceFacts] = []
        for index in 0..<max(0, count) { devices.append(try DeviceFacts(driver, index)) }
        return devices
    }

    private init(_ driver: DriverTable, _ index: Int32) throws(WorkerFailure) {
        var device: CUdevice = 0
        try Self.check(driver.cuDeviceGet?(&device, index) ?? Status.notFound, "cuDeviceGet")
        var uuid = CUuuid()
        let byVersion2 = driver.cuDeviceGetUuid_v2?(&uuid, device) ?? Status.notFound
        if byVersion2 != Status.success {
            let status = driver.cuDeviceGetUuid?(&uuid, device) ?? Status.notFound
            try Self.check(status, "cuDeviceGetUuid")
        }
        self.uuid = DeviceUUID(uuid)
        name = try Self.text("cuDeviceGetName") { driver.cuDeviceGetName?($0, $1, device) }
        pciBusID = try Self.text("cuDeviceGetPCIBusId") {
            driver.cuDeviceGetPCIBusId?($0, $1, device)
        }
        var bytes = 0
        let status = driver.cuDeviceTotalMem_v2?(&bytes, device) ?? Status.notFound
        try Self.check(status, "cuDeviceTotalMem")
        memory = UInt64(max(0, bytes))
        attributes = (1...Int32(Self.attributeCount)).map { attribute in
            var value: Int32 = 0
            let status = driver.cuDeviceGetAttribute?(&value, attribute, device)
            return status == Status.success ? value : 0
        }
    }

    private static func text(
        _ call: String,
        _ body: (UnsafeMutablePointer<CChar>?, Int32) -> CUresult?
    ) throws(WorkerFailure) -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        let status = bytes.withUnsafeMutableBufferPointer { body($0.baseAddress, 255) }
        try check(status ?? Status.notFound, call)
        return String(
            decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    private static func check(_ status: CUresult, _ call: String) throws(WorkerFailure) {
        guard status != Status.success else { return }
        let name = describeResult(status).map { "\($0.name)" } ?? "status \(status)"
        throw WorkerFailure(.driver, status: status, "\(call) failed: \(name)")
    }
}
