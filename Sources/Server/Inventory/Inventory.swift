internal import FoundationEssentials
internal import Glibc
package import Pool

/// What `ferry-worker inventory` says of a driver and its GPUs.
package struct Inventory: Hashable, Sendable {
    /// Whose driver it is.
    package enum DriverKind: String, Codable, Sendable {
        /// NVIDIA's.
        case nvidia
        /// Ferry's software GPU.
        case software
    }

    /// The driver library, as it was found.
    package var driverPath: String
    /// As `cuDriverGetVersion` says: 1000 × major + 10 × minor.
    package var driverVersion: Int
    /// Whose it is.
    package var driverKind: DriverKind
    /// Its GPUs.
    package var gpus: [GPU]

    /// What a driver has.
    package init(driverPath: String, driverVersion: Int, driverKind: DriverKind, gpus: [GPU]) {
        self.driverPath = driverPath
        self.driverVersion = driverVersion
        self.driverKind = driverKind
        self.gpus = gpus
    }

    /// From the worker's JSON.
    ///
    /// - Throws: an error that names what is wrong.
    package init(json: [UInt8]) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let report = try decoder.decode(Report.self, from: Data(json))
        for gpu in report.gpus {
            guard gpu.memoryBytes >= 1 << 20, gpu.index >= 0, !gpu.uuid.isEmpty,
                gpu.uuid.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "=") })
            else { throw InventoryError.nonsense("GPU \(gpu.index) with UUID '\(gpu.uuid)'") }
        }
        guard Set(report.gpus.map(\.uuid)).count == report.gpus.count else {
            throw InventoryError.nonsense("two GPUs with one UUID")
        }
        driverPath = report.driverPath
        driverVersion = report.driverVersion
        driverKind = report.driverKind
        gpus = report.gpus.map {
            GPU(
                index: $0.index,
                uuid: $0.uuid,
                name: $0.name,
                memoryBytes: $0.memoryBytes,
                computeCapability: $0.computeCapability,
                pciBusID: $0.pciBusId
            )
        }
    }

    private struct Report: Decodable {
        var driverPath: String
        var driverVersion: Int
        var driverKind: DriverKind
        var gpus: [Entry]

        struct Entry: Decodable {
            var index: Int
            var uuid: String
            var name: String
            var memoryBytes: Int64
            var computeCapability: String
            var pciBusId: String
        }
    }
}

/// Why there is no inventory.
package enum InventoryError: Error, CustomStringConvertible {
    /// The worker program failed; its status and the last thing that it said.
    case failed(ExitStatus, String)
    /// It took too long.
    case timedOut
    /// It said something senseless.
    case nonsense(String)
    /// The driver has no GPU.
    case noGPU
    /// A driver that had to be used cannot be.
    case unusable(String, String)

    package var description: String {
        switch self {
        case .failed(let status, let said):
            said.isEmpty ? "ferry-worker ended with \(status)" : said
        case .timedOut: "ferry-worker did not answer in time"
        case .nonsense(let what): "ferry-worker reported \(what)"
        case .noGPU: "it has no GPU"
        case .unusable(let driver, let reason): "the driver \(driver) cannot be used: \(reason)"
        }
    }
}

/// Asks `ferry-worker` for the inventory: the server itself never loads a driver.
package struct InventoryReader: Sendable {
    /// The program `ferry-worker`.
    private let worker: String
    private let environment: [String]
    private let patience: Int64

    /// A reader that waits for so many milliseconds.
    package init(worker: String, environment: [String], patience: Int64 = 60_000) {
        self.worker = worker
        self.environment = environment
        self.patience = patience
    }

    /// The inventory of a driver library. Blocks.
    package func read(driver: String) throws -> Inventory {
        let null = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
        var said = try Descriptor.pipe()
        var complained = try Descriptor.pipe()
        let plan = SpawnPlan(
            executable: worker,
            arguments: ["inventory", "--driver", driver],
            environment: environment,
            descriptors: [null.number, said.write.number, complained.write.number]
        )
        let pid = try plan.start()
        // The child has copies; ours would keep the pipes open.
        (said.write, complained.write) = (null, null)
        let collected = collect([said.read, complained.read])
        if collected == nil { kill(pid, SIGKILL) }
        var word: Int32 = 0
        while waitpid(pid, &word, 0) < 0 { if errno != EINTR { break } }
        guard let collected else { throw InventoryError.timedOut }
        let status = ExitStatus(waitStatus: word)
        guard status == .exited(0) else {
            var lines = LineSplitter()
            let complaint = lines.add(collected[1]) + lines.finish()
            throw InventoryError.failed(status, complaint.last ?? "")
        }
        return try Inventory(json: collected[0])
    }

    /// Everything that comes from these pipes until both are closed; nil when that takes too long or
    /// is too much.
    private func collect(_ pipes: [Descriptor]) -> [[UInt8]]? {
        var collected = [[UInt8]](repeating: [], count: pipes.count)
        var descriptors = pipes.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
        let deadline = SystemTime().now().uptime + patience
        var buffer = [UInt8](repeating: 0, count: 65536)
        while descriptors.contains(where: { $0.fd >= 0 }) {
            let left = deadline - SystemTime().now().uptime
            guard left > 0 else { return nil }
            guard poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: left)) >= 0 else {
                if errno == EINTR { continue }
                return nil
            }
            for index in descriptors.indices where descriptors[index].revents != 0 {
                let count = Glibc.read(descriptors[index].fd, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { descriptors[index].fd = -1 }
                collected[index] += buffer[..<max(0, count)]
                guard collected[index].count <= 1 << 20 else { return nil }
            }
        }
        return collected
    }
}
