internal import Driver

/// What `ferry-worker inventory` prints.
package struct Inventory {
    private var path: String
    private var version: Int32
    private var devices: [DeviceFacts]

    /// Asks a driver for its devices.
    package init(_ library: DriverLibrary) throws(WorkerFailure) {
        path = library.path
        var version: Int32 = 0
        _ = library.table.cuDriverGetVersion?(&version)
        self.version = version
        devices = try DeviceFacts.all(library.table)
    }

    /// One line of JSON.
    package var json: String {
        let kind = devices.contains { $0.uuid.isSoftware } ? "software" : "nvidia"
        let gpus = devices.enumerated().map { index, device in
            """
            {"index":\(index),"uuid":"\(device.uuid.text)","name":\(Self.quoted(device.name)),\
            "memory_bytes":\(device.memory),"compute_capability":"\(device.computeCapability)",\
            "pci_bus_id":\(Self.quoted(device.pciBusID.lowercased()))}
            """
        }
        return """
            {"driver_path":\(Self.quoted(path)),"driver_version":\(version),\
            "driver_kind":"\(kind)","gpus":[\(gpus.joined(separator: ","))]}
            """
    }

    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 32:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
