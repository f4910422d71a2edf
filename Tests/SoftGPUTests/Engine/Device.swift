import CLinux
import SoftGPU

/// Collects what kernels print.
final class PrintedText: DeviceOutput, @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var bytes: [UInt8] = []

    init() { pthread_mutex_init(mutex, nil) }

    deinit { mutex.deallocate() }

    func write(_ text: [UInt8]) {
        pthread_mutex_lock(mutex)
        bytes += text
        pthread_mutex_unlock(mutex)
    }

    func writeError(_ text: [UInt8]) { write(text) }

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// The parameter block of a launch.
struct Parameters {
    private(set) var bytes: [UInt8] = []

    mutating func append<T>(_ value: T) {
        while bytes.count % MemoryLayout<T>.alignment != 0 { bytes.append(0) }
        withUnsafeBytes(of: value) { bytes += Array($0) }
    }
}

/// A machine with memory, as tests use it.
final class Device {
    let memory: DeviceMemory
    let machine: Machine
    let printed = PrintedText()

    init(threads: Int = 2, megabytes: Int = 256, seed: UInt64? = nil) throws {
        memory = try DeviceMemory(ordinal: 0, capacity: megabytes << 20)
        machine = Machine(memory: memory, threads: threads, seed: seed)
    }

    func module(_ source: String) throws -> PTXModule {
        try PTXModule(source: Array(source.utf8), memory: memory)
    }

    /// A module of the folder Kernels.
    func module(file: String) throws -> PTXModule {
        try PTXModule(source: Self.read(file), memory: memory)
    }

    static func read(_ name: String, from path: String = #filePath) throws -> [UInt8] {
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        guard let file = fopen("/\(folder)/Kernels/\(name)", "r") else {
            throw LaunchFault(code: 301, message: "no file \(name)")
        }
        defer { fclose(file) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return text }
            text += buffer[0..<count]
        }
    }

    func allocate(_ bytes: Int) throws -> UInt64 {
        guard let address = memory.allocate(bytes) else {
            throw LaunchFault(code: 2, message: "no memory")
        }
        return address
    }

    func upload<T>(_ values: [T]) throws -> UInt64 {
        let address = try allocate(max(1, values.count * MemoryLayout<T>.stride))
        values.withUnsafeBytes { bytes in
            if let from = bytes.baseAddress, bytes.count > 0 {
                UnsafeMutableRawPointer(bitPattern: UInt(address))?
                    .copyMemory(from: from, byteCount: bytes.count)
            }
        }
        return address
    }

    func zeros<T>(_ count: Int, _: T.Type) throws -> UInt64 {
        try upload([UInt8](repeating: 0, count: count * MemoryLayout<T>.stride))
    }

    func download<T>(_ address: UInt64, _ count: Int, _: T.Type) -> [T] {
        guard let from = UnsafeRawPointer(bitPattern: UInt(address)) else { return [] }
        return (0..<count).map {
            from.load(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
        }
    }

    func run(
        _ module: PTXModule,
        _ kernel: String,
        grid: Dimensions = Dimensions(1),
        block: Dimensions = Dimensions(32),
        shared: Int = 0,
        cooperative: Bool = false,
        _ fill: (inout Parameters) -> Void = { _ in }
    ) throws {
        guard let kernel = module.kernel(named: kernel) else {
            throw LaunchFault(code: 500, message: "no kernel \(kernel)")
        }
        var parameters = Parameters()
        fill(&parameters)
        let configuration = LaunchConfiguration(
            grid: grid,
            block: block,
            dynamicSharedBytes: shared,
            cooperative: cooperative
        )
        try parameters.bytes.withUnsafeBytes { bytes in
            try machine.run(kernel, configuration, parameters: bytes, output: printed)
        }
    }

    /// The fault of a launch that must fail.
    func fault(_ body: () throws -> Void) -> LaunchFault? {
        do {
            try body()
            return nil
        } catch {
            return error as? LaunchFault
        }
    }
}

/// A small generator of random numbers, the same in every run.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_f491_4f6c_dd1d
    }
}
