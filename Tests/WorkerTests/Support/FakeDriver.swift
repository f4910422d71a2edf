import CUDAABI
import Driver
import Foundation

/// A driver without a GPU: memory in dictionaries, streams that run at once unless a kernel blocks
/// them. One for the whole process, because C functions have no state of their own; the suites
/// that use it run one after the other.
final class FakeDriver: @unchecked Sendable {
    static let shared = FakeDriver()

    /// Kernels of every image, with the sizes of their parameters.
    static let kernels: [(name: String, parameters: [Int])] = [
        ("store", [8, 4]), ("block", []), ("print", [4]), ("fault", []), ("odd", [1, 8, 2]),
    ]
    static let gpuMemory = 1 << 30

    private let lock = NSCondition()
    var calls: [String] = []
    var memory: [UInt64: [UInt8]] = [:]
    var nextAddress: UInt64 = 0x0200_0000_0000
    var objects: [UInt: AnyObject] = [:]
    var nextObject: UInt = 0x1000
    /// What the driver tells of the graphs of a conditional node.
    let conditionalGraphs = UnsafeMutablePointer<CUgraph?>.allocate(capacity: 1024)
    var streams: [UInt: FakeStream] = [:]
    var primaries: [Int32: UInt] = [:]
    var sticky: Int32 = 0
    var printed: Int32 = -1
    var unprinted = ""
    var globals: [String: (UInt64, Int)] = [:]
    var hostMemory: [UInt: Int] = [:]
    var failing: [String: Int32] = [:]
    /// Parameters of the latest launch.
    var parameters: [[UInt8]] = []
    var optionsSeen: [Int32] = []
    /// The value of the next texture or surface object.
    var nextTexture: UInt64 = 77

    /// Forgets everything.
    func reset(printed: Int32) {
        locked {
            calls = []
            memory = [:]
            objects = [:]
            streams = [:]
            primaries = [:]
            sticky = 0
            unprinted = ""
            globals = [:]
            hostMemory = [:]
            failing = [:]
            parameters = []
            optionsSeen = []
            nextTexture = 77
            self.printed = printed
        }
    }

    /// Runs `body` alone.
    func locked<Result>(_ body: () -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }

    /// Notes a call, and the error that a test asked for.
    func note(_ name: String, _ body: () -> Int32) -> Int32 {
        locked {
            calls.append(name)
            if let status = failing[name] { return status }
            return body()
        }
    }

    func makeObject(_ object: AnyObject) -> OpaquePointer? {
        nextObject += 16
        objects[nextObject] = object
        return OpaquePointer(bitPattern: nextObject)
    }

    func object<T: AnyObject>(_ pointer: OpaquePointer?, _ type: T.Type) -> T? {
        objects[UInt(bitPattern: pointer)] as? T
    }

    /// The stream of a handle; 0, 1 and 2 are there without being made.
    func stream(_ pointer: CUstream?) -> FakeStream? {
        let key = UInt(bitPattern: pointer)
        if key > 2 { return object(pointer, FakeStream.self) }
        if let stream = streams[key] { return stream }
        let stream = FakeStream()
        streams[key] = stream
        return stream
    }

    // MARK: - Memory

    func allocate(_ bytes: Int) -> UInt64 {
        let address = nextAddress
        nextAddress += UInt64((bytes + 255) / 256 * 256 + 256)
        memory[address] = [UInt8](repeating: 0xCD, count: bytes)
        return address
    }

    /// The block and offset of a range, if it lies in one block.
    func find(_ address: UInt64, _ bytes: Int) -> (UInt64, Int)? {
        for (base, content) in memory
        where address >= base && bytes >= 0 && address - base <= UInt64(content.count)
            && UInt64(bytes) <= UInt64(content.count) - (address - base)
        {
            return (base, Int(address - base))
        }
        return nil
    }

    func store(_ bytes: [UInt8], at address: UInt64) -> Int32 {
        guard let (base, offset) = find(address, bytes.count) else { return 1 }
        memory[base]?.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return 0
    }

    func load(_ address: UInt64, _ bytes: Int) -> [UInt8]? {
        guard let (base, offset) = find(address, bytes), let content = memory[base] else {
            return nil
        }
        return Array(content[offset..<offset + bytes])
    }

    // MARK: - Time

    /// Waits until `condition` holds.
    func wait(until condition: () -> Bool) {
        lock.lock()
        while !condition() { lock.wait() }
        lock.unlock()
    }

    /// Ends what blocks a stream.
    func release(_ pointer: CUstream?) {
        locked { stream(pointer)?.release() }
        lock.lock()
        lock.broadcast()
        lock.unlock()
    }

    /// Ends what blocks any stream.
    func releaseAll() {
        locked {
            for stream in streams.values { stream.release() }
            for object in objects.values { (object as? FakeStream)?.release() }
        }
        lock.lock()
        lock.broadcast()
        lock.unlock()
    }

    var isAnyBusy: Bool {
        streams.values.contains { $0.isBusy }
            || objects.values.contains { ($0 as? FakeStream)?.isBusy ?? false }
    }

    /// What kernels printed goes to the file when the host waits.
    func flushPrinted() {
        let text = Array(unprinted.utf8)
        unprinted = ""
        if !text.isEmpty { _ = write(printed, text, text.count) }
    }
}
