internal import Wire

/// A GPU that the client may use.
package struct DeviceGrant: Equatable, Sendable {
    /// Its name for `CUDA_VISIBLE_DEVICES`.
    package var name: String
    /// The same as bytes.
    package var uuid: DeviceUUID
    /// Bytes of its memory that the client may take.
    package var memory: UInt64

    /// A GPU and a slice of its memory.
    package init(name: String, uuid: DeviceUUID, memory: UInt64) {
        self.name = name
        self.uuid = uuid
        self.memory = memory
    }

    /// Reads `UUID=BYTES`.
    init(_ text: String) throws(Command.UsageError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let uuid = DeviceUUID(String(parts[0])) else {
            throw Command.UsageError(text: "--device wants UUID=BYTES, not '\(text)'")
        }
        guard let memory = UInt64(parts[1]), memory > 0, memory <= 1 << 48 else {
            throw Command.UsageError(text: "'\(parts[1])' is no number of bytes for --device")
        }
        self.init(name: String(parts[0]), uuid: uuid, memory: memory)
    }
}

/// Arguments of `ferry-worker serve`.
package struct ServeOptions: Equatable, Sendable {
    /// The client's connection.
    package var socket: Int32
    /// Whether the client offers another way for the connection to go on.
    package var hearsOffer = false
    /// Where the connection's key comes from, once the client was told that it is accepted, and
    /// later the sockets of bulk channels, if it is a socket.
    package var key: Int32?
    /// Whether the connection is encrypted.
    package var isEncrypted = true
    /// Path or name of the driver library.
    package var driver: String
    /// The client's GPUs, in its order.
    package var devices: [DeviceGrant]
    /// For messages.
    package var lease: String
    /// For messages: who the client is.
    package var name: String
    /// The folder in which images are kept; `nil` when they are not.
    package var imageCache: String?
    /// Bytes that they may take.
    package var imageCacheBytes = 4 << 30
    /// The folder for the names of what the lease's processes share; `nil`: nothing.
    package var sharedFolder: String?

    init(_ scanner: inout ArgumentScanner) throws(Command.UsageError) {
        var socket: Int32?
        var driver: String?
        devices = []
        lease = ""
        name = ""
        let names = [
            "--socket-fd", "--key-fd", "--clear-text", "--link-offer", "--driver", "--device",
            "--lease", "--name", "--image-cache", "--image-cache-bytes", "--shared-folder",
        ]
        while let option = try scanner.nextOption(names) {
            if option == "--link-offer" {
                hearsOffer = true
                continue
            }
            if option == "--clear-text" {
                isEncrypted = false
                continue
            }
            let value = try scanner.value(of: option)
            switch option {
            case "--socket-fd": socket = try Self.descriptor(value)
            case "--key-fd": key = try Self.descriptor(value)
            case "--driver": driver = value
            case "--device": devices.append(try DeviceGrant(value))
            case "--lease": lease = value
            case "--image-cache": imageCache = value
            case "--shared-folder": sharedFolder = value
            case "--image-cache-bytes":
                guard let bytes = Int(value), bytes > 0 else {
                    throw Command.UsageError(text: "'\(value)' is no number of bytes for \(option)")
                }
                imageCacheBytes = bytes
            default: name = value
            }
        }
        guard let socket else { throw Command.UsageError(text: "--socket-fd is missing") }
        // Never clear text by omission.
        guard key != nil || !isEncrypted else {
            throw Command.UsageError(text: "--key-fd or --clear-text is missing")
        }
        guard let driver else { throw Command.UsageError(text: "--driver is missing") }
        guard !devices.isEmpty else { throw Command.UsageError(text: "--device is missing") }
        guard devices.count <= WireFormat.maxDevices else {
            throw Command.UsageError(text: "more than \(WireFormat.maxDevices) devices")
        }
        self.socket = socket
        self.driver = driver
    }

    private static func descriptor(_ value: String) throws(Command.UsageError) -> Int32 {
        guard let number = Int32(value), number >= 0 else {
            throw Command.UsageError(text: "'\(value)' is no descriptor")
        }
        return number
    }
}
