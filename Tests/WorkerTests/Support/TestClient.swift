import CUDAABI
import Driver
import Foundation
import Testing
import Transport
import Wire
import Worker

/// All suites that share the fake driver.
@Suite(.serialized) enum WorkerTests {}

/// How the worker of a test ended.
final class WorkerEnd: @unchecked Sendable {
    private let lock = NSLock()
    private var status: WorkerFailure.ExitStatus?

    func tell(_ status: WorkerFailure.ExitStatus) {
        lock.withLock { self.status = status }
    }

    /// Waits for ten seconds at most.
    func wait() -> WorkerFailure.ExitStatus? {
        for _ in 0..<10_000 {
            if let status = lock.withLock({ status }) { return status }
            usleep(1000)
        }
        return nil
    }
}

/// A client of a worker in this process, over a socket pair.
final class TestClient {
    struct Received {
        var opcode: Opcode
        var sequence: UInt32
        var body: [UInt8]

        func load<T: BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
            body.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
        }

        var status: Int32 { load(0, as: Int32.self) }
        var deferredStatus: UInt16 { load(4, as: UInt16.self) }
        var deferredOpcode: UInt16 { load(6, as: UInt16.self) }
        var text: String {
            let length = Int(load(4, as: UInt32.self))
            return String(decoding: body[8..<8 + length], as: UTF8.self)
        }
    }

    struct Silence: Error {}

    let socket: Socket
    let printed: Int32
    let complaints: Int32
    var sequence: UInt32 = 0
    /// Everything that came, in order.
    private(set) var received: [Received] = []
    private var incoming = IncomingStream(limit: WireFormat.maxReply)
    /// Bytes of our records that the worker has acknowledged.
    private(set) var acknowledged: UInt64 = 0
    /// Whether what comes is acknowledged, as the protocol demands.
    var acknowledges = true
    private let end = WorkerEnd()
    private let server: Server

    /// Starts a worker with slices of these sizes, which keeps images in `cache`.
    init(slices: [UInt64] = [1 << 20, 1 << 20], cache: ImageCache? = nil) throws {
        let (mine, theirs) = try Socket.pair()
        socket = mine
        printed = Self.makeFile()
        complaints = Self.makeFile()
        FakeDriver.shared.reset(printed: printed)
        server = try Server(
            channel: Channel(theirs, .unix),
            driver: FakeDriver.table(),
            slices: slices,
            printed: [printed, complaints],
            keeper: cache.map { ImageKeeper($0) }
        )
        let end = self.end
        Thread.detachNewThread { [server] in
            let status = server.run()
            theirs.shutDown()
            end.tell(status)
        }
    }

    /// Opens a bulk channel; `nil` when the worker has enough of them.
    func openBulk() throws -> Channel? {
        let (mine, theirs) = try Socket.pair()
        if server.serve(bulk: Channel(theirs, .unix)) { return Channel(mine, .unix) }
        mine.close()
        theirs.close()
        return nil
    }

    /// The slots of bulk channels, as a client on the same host has them.
    func borrowSlots() -> SharedMemory? {
        SharedMemory(server.slotMemory, BulkFrame.slots * BulkFrame.most)
    }

    /// A file without a name.
    private static func makeFile() -> Int32 {
        var path = Array("/tmp/worker-printed-XXXXXX".utf8CString)
        let file = mkstemp(&path)
        unlink(path)
        return file
    }

    // MARK: - Sending

    /// Sends bytes as they are; reads while the worker does not take them, as clients must.
    func send(raw bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let result = bytes.withUnsafeBytes { raw in
                raw.baseAddress.map { socket.send($0 + done, bytes.count - done) }
            }
            switch result {
            case .bytes(let count): done += count
            case .wouldBlock:
                let events = try socket.wait(for: Int32(POLLIN | POLLOUT), timeout: 5000)
                if events == 0 { throw Silence() }
                if events & Int32(POLLIN) != 0 { try receive(timeout: 0) }
            default: throw Silence()
            }
        }
    }

    /// The bytes of the next record.
    func encode(
        _ opcode: UInt16,
        _ body: [UInt8],
        wantsReply: Bool = false,
        isOverChannels: Bool = false,
        context: UInt32 = 1
    ) -> [UInt8] {
        sequence &+= 1
        var bytes = [UInt8](repeating: 0, count: 16)
        let padded = WireFormat.padded(body.count)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: UInt32(16 + padded), toByteOffset: 0, as: UInt32.self)
            raw.storeBytes(of: opcode, toByteOffset: 4, as: UInt16.self)
            let flags: UInt16 = (wantsReply ? 1 : 0) | (isOverChannels ? 2 : 0)
            raw.storeBytes(of: flags, toByteOffset: 6, as: UInt16.self)
            raw.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)
            raw.storeBytes(of: context, toByteOffset: 12, as: UInt32.self)
        }
        return bytes + body + [UInt8](repeating: 0, count: padded - body.count)
    }

    /// Sends a call that has no reply; returns its sequence number.
    @discardableResult
    func send(_ opcode: Opcode, _ body: [UInt8] = [], context: UInt32 = 1) throws -> UInt32 {
        try send(raw: encode(opcode.rawValue, body, context: context))
        return sequence
    }

    /// Sends a copy whose bytes come over a bulk channel; returns its sequence number.
    func sendOverChannels(_ opcode: Opcode, _ body: [UInt8]) throws -> UInt32 {
        try send(raw: encode(opcode.rawValue, body, isOverChannels: true))
        return sequence
    }

    /// Sends a call that has a reply; returns its sequence number.
    @discardableResult
    func ask(_ opcode: Opcode, _ body: [UInt8] = [], context: UInt32 = 1) throws -> UInt32 {
        try send(raw: encode(opcode.rawValue, body, wantsReply: true, context: context))
        return sequence
    }

    /// Sends a call and waits for its reply.
    @discardableResult
    func call(_ opcode: Opcode, _ body: [UInt8] = [], context: UInt32 = 1) throws -> Received {
        try reply(to: try ask(opcode, body, context: context))
    }

    // MARK: - Receiving

    /// The reply to a record, whatever comes before it.
    func reply(to sequence: UInt32) throws -> Received {
        try first { $0.opcode == .reply && $0.sequence == sequence }
    }

    /// The first record that fits, old or new.
    func first(_ fits: (Received) -> Bool) throws -> Received {
        if let known = received.first(where: fits) { return known }
        while true {
            let count = received.count
            try receive(timeout: 5000)
            if let new = received[count...].first(where: fits) { return new }
        }
    }

    /// Whether something new comes within some milliseconds.
    func hears(within milliseconds: Int32) -> Bool {
        (try? receive(timeout: milliseconds)) != nil
    }

    /// Waits for bytes and takes all records out.
    func receive(timeout: Int32) throws {
        guard try socket.wait(for: Int32(POLLIN), timeout: timeout) != 0 else { throw Silence() }
        let space = incoming.space()
        guard let base = space.baseAddress else { throw Silence() }
        switch socket.receive(base, space.count) {
        case .bytes(let count): incoming.commit(count)
        case .wouldBlock: return
        case .closed, .failed: throw Silence()
        }
        while let item = try incoming.next() {
            switch item {
            case .record(let header, let body):
                let opcode = try #require(Opcode(rawValue: header.opcode))
                let record = Received(opcode: opcode, sequence: header.sequence, body: Array(body))
                received.append(record)
            case .acknowledge(let place): acknowledged = max(acknowledged, place)
            case .resume: throw Silence()
            }
        }
        if acknowledges, let place = incoming.acknowledgement(threshold: 64 << 10) {
            try send(raw: Self.control(.acknowledge, place))
        }
    }

    /// The bytes of a record about the other direction.
    static func control(_ opcode: Opcode, _ place: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: ControlLayout.size)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: UInt32(ControlLayout.size), toByteOffset: 0, as: UInt32.self)
            raw.storeBytes(of: opcode.rawValue, toByteOffset: 4, as: UInt16.self)
            raw.storeBytes(of: place, toByteOffset: WireFormat.headerSize, as: UInt64.self)
        }
        return bytes
    }

    /// The bytes of a copy to the host, put together; checks that they came without gaps.
    func hostData(of sequence: UInt32) throws -> [UInt8] {
        _ = try first {
            $0.opcode == .hostData && $0.sequence == sequence && $0.load(14, as: UInt16.self) == 1
        }
        var bytes: [UInt8] = []
        for piece in received where piece.opcode == .hostData && piece.sequence == sequence {
            #expect(piece.load(0, as: UInt64.self) == UInt64(bytes.count))
            #expect(piece.load(12, as: UInt16.self) == 0)
            bytes += piece.body[16..<16 + Int(piece.load(8, as: UInt32.self))]
        }
        return bytes
    }

    // MARK: - The end

    /// Closes the connection and waits until the worker has ended.
    @discardableResult
    func close() -> WorkerFailure.ExitStatus? {
        socket.shutDown()
        return waitForExit()
    }

    /// Waits until the worker has ended.
    func waitForExit() -> WorkerFailure.ExitStatus? {
        FakeDriver.shared.releaseAll()
        return end.wait()
    }

    deinit {
        socket.close()
        _ = Foundation.close(printed)
        _ = Foundation.close(complaints)
    }
}

/// Little-endian bytes of integers, one after the other.
func bytes(_ values: any FixedWidthInteger...) -> [UInt8] {
    values.flatMap { value in littleEndian(value) }
}

func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// Handles as clients make them.
enum TestHandle {
    static func make(_ kind: UInt64, _ index: UInt64, generation: UInt64 = 0) -> UInt64 {
        1 << 46 | kind << 40 | generation << 28 | index << 4
    }
    static func stream(_ index: UInt64, generation: UInt64 = 0) -> UInt64 {
        make(1, index, generation: generation)
    }
    static func event(_ index: UInt64) -> UInt64 { make(2, index) }
    static func image(_ index: UInt64) -> UInt64 { make(3, index) }
    static func link(_ index: UInt64) -> UInt64 { make(4, index) }
    static func array(_ index: UInt64) -> UInt64 { make(7, index) }
    static func reference(_ index: UInt64) -> UInt64 { make(8, index) }
    static func graph(_ index: UInt64) -> UInt64 { make(HandleKind.graph, index) }
    static func node(_ index: UInt64) -> UInt64 { make(HandleKind.node, index) }
    static func exec(_ index: UInt64) -> UInt64 { make(HandleKind.exec, index) }
}

// Calls that many tests make.
extension TestClient {
    func allocate(_ bytes: UInt64, context: UInt32 = 1) throws -> UInt64 {
        let reply = try call(.cuMemAlloc_v2, littleEndian(bytes), context: context)
        try #require(reply.status == 0)
        return reply.load(8, as: UInt64.self)
    }

    /// Sends an image in pieces of at most `piece` bytes.
    func sendImage(_ image: [UInt8], piece: Int = 1 << 20) throws {
        var offset = 0
        while offset < image.count {
            let count = min(piece, image.count - offset)
            let data = Array(image[offset..<offset + count])
            try send(.chunk, bytes(UInt64(offset), UInt64(count)) + data)
            offset += count
        }
    }

    /// Loads an image and returns the identifiers of its kernels by name.
    func load(
        _ opcode: Opcode = .cuLibraryLoadData,
        handle: UInt64 = TestHandle.image(0)
    ) throws -> [String: UInt32] {
        let image = Array("//image\n.version 8.0\0".utf8)
        try sendImage(image)
        let reply = try call(opcode, loadBody(handle, image.count))
        try #require(reply.status == 0)
        return LoadReply(reply).kernels.mapValues(\.identifier)
    }

    func loadBody(
        _ handle: UInt64,
        _ size: Int,
        logs: UInt32 = 0,
        options: [(Int32, UInt64)] = []
    ) -> [UInt8] {
        var body = bytes(handle, UInt64(size), logs, logs, UInt32(options.count), UInt32(3))
        for (option, value) in options { body += bytes(option, UInt32(0), value) }
        return body
    }

    func launchBody(_ function: UInt32, _ parameters: [UInt8], stream: UInt64 = 0) -> [UInt8] {
        bytes(
            function,
            UInt32(0),
            UInt32(2),
            UInt32(1),
            UInt32(1),
            UInt32(3),
            UInt32(1),
            UInt32(1),
            UInt32(0),
            UInt32(parameters.count),
            stream
        ) + parameters
    }

    func uploadBody(_ address: UInt64, _ data: [UInt8], stream: UInt64 = 0) -> [UInt8] {
        bytes(address, UInt64(data.count), stream) + data
    }

    /// Makes a stream that a kernel blocks until the driver's streams are released.
    func blockStream() throws -> UInt64 {
        let block = try #require(try load()["block"])
        let stream = TestHandle.stream(5)
        try send(.cuStreamCreate, bytes(stream, UInt32(0)))
        try send(.cuLaunchKernel, launchBody(block, [], stream: stream))
        return stream
    }

    /// What the GPU's memory holds, by a synchronous copy.
    func download(_ address: UInt64, _ count: Int) throws -> [UInt8] {
        let sequence = try ask(.cuMemcpyDtoH_v2, bytes(address, UInt64(count), UInt64(0)))
        let reply = try reply(to: sequence)
        try #require(reply.status == 0)
        return try hostData(of: sequence)
    }
}

/// A load's reply, taken apart.
struct LoadReply {
    struct Kernel {
        var identifier: UInt32
        var attributes: [Int32]
        var parameters: [(offset: UInt32, size: UInt32)]
    }
    var information = ""
    var kernels: [String: Kernel] = [:]

    init(_ reply: TestClient.Received) {
        let info = Int(reply.load(LoadReplyLayout.infoLogLength, as: UInt32.self))
        let error = Int(reply.load(LoadReplyLayout.errorLogLength, as: UInt32.self))
        var position = LoadReplyLayout.logs
        information = String(decoding: reply.body[position..<position + info], as: UTF8.self)
        position += WireFormat.padded(info) + WireFormat.padded(error)
        for _ in 0..<reply.load(LoadReplyLayout.kernelCount, as: UInt32.self) {
            let length = Int(reply.load(position + LoadReplyLayout.nameLength, as: UInt16.self))
            let count = Int(reply.load(position + LoadReplyLayout.parameterCount, as: UInt16.self))
            let attributes = (0..<16).map {
                reply.load(position + LoadReplyLayout.attributes + 4 * $0, as: Int32.self)
            }
            let parameters = (0..<count).map { index in
                let start = position + LoadReplyLayout.parameters + 8 * index
                return (reply.load(start, as: UInt32.self), reply.load(start + 4, as: UInt32.self))
            }
            let identifier = reply.load(position, as: UInt32.self)
            position += LoadReplyLayout.parameters + 8 * count
            let name = String(decoding: reply.body[position..<position + length], as: UTF8.self)
            position += WireFormat.padded(length)
            kernels[name] = Kernel(
                identifier: identifier,
                attributes: attributes,
                parameters: parameters.map { (offset: $0.0, size: $0.1) }
            )
        }
    }
}
