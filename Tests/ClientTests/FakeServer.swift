import CLinux
import Foundation
import TestSupport
import Transport
import Wire

/// A record that a client sent.
struct Request: Sendable {
    var opcode: Opcode
    var flags: UInt16
    var sequence: UInt32
    var context: UInt32
    var body: [UInt8]

    var wantsReply: Bool { flags & RecordHeader.Flags.wantsReply != 0 }

    func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
        body.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
    }
}

/// A server in the test's process: it speaks handshake and records, and answers as the test says.
///
/// Everything that comes is kept. What the script does not answer is answered by `FakeGPU`. The
/// connection ends by itself after a while, so that a client that waits in vain fails and does not
/// hang.
final class FakeServer: @unchecked Sendable {
    /// Answers a request; `false` leaves it to the fake GPU.
    typealias Script = @Sendable (FakeServer, Request) -> Bool

    let secret: InlineArray<32, UInt8> = .init(repeating: 0x5A)
    private let listener: LoopbackListener
    private let condition = NSCondition()
    private var channel: Channel?
    private let security: Security
    private var taken: [Request] = []
    /// Bytes that the client has acknowledged.
    private var acknowledged: UInt64 = 0
    private var isSilent = false
    /// Whether what comes is acknowledged, as the protocol demands.
    var acknowledges: Bool {
        get { locked { !isSilent } }
        set { locked { isSilent = !newValue } }
    }
    /// Bytes of our records that the client said it has.
    var told: UInt64 { locked { acknowledged } }
    private var isEnded = false
    private var sentInAll: UInt64 = 0
    private var beforeRecords: UInt64 = 0
    /// Bytes of records that were sent so far; not counted: the snapshot, and what is no record of the session.
    var sent: UInt64 { locked { sentInAll - beforeRecords } }
    private(set) var connections = 0
    private let snapshot: Snapshot
    private let script: Script
    private let greets: Greeting
    /// Whether the session may have more connections than one; `nil`: those that try are not answered.
    private let takesMore: Bool?
    private var more: [Channel] = []
    let gpu = FakeGPU()

    /// How the server behaves before the first record.
    enum Greeting: Sendable {
        case proper, refuses(Handshake.Status, String), wrongProof, wrongMagic, otherVersion
        case fails(Int32, String), closes, sends([UInt8])
        /// With TLS: another key, no TLS after all, nothing at all.
        case otherKey, speaksClear, isSilent
    }

    init(
        snapshot: Snapshot = Snapshot(),
        greets: Greeting = .proper,
        security: Security = .clear,
        takesMore: Bool? = nil,
        _ script: @escaping Script = { _, _ in false }
    ) throws {
        listener = try LoopbackListener()
        self.snapshot = snapshot
        self.greets = greets
        self.security = security
        self.takesMore = takesMore
        self.script = script
        Thread.detachNewThread { [self] in run() }
    }

    /// What a lease file says of this server.
    var leaseText: String {
        """
        ferry-lease 1
        lease 000102030405060708090a0b0c0d0e0f
        secret \(String(repeating: "5a", count: 32))
        server 127.0.0.1 \(listener.port) \(snapshot.devices.count) \(security.word)

        """
    }

    // MARK: - What the test sees

    /// All requests so far.
    var requests: [Request] { locked { taken } }

    /// All requests but for the pieces of images.
    var opcodes: [Opcode] { requests.map(\.opcode) }

    /// Waits until `count` requests with this opcode have come.
    func waitFor(_ opcode: Opcode, count: Int = 1, seconds: Double = 10) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while taken.count(where: { $0.opcode == opcode }) < count {
            if isEnded || !condition.wait(until: end) { return false }
        }
        return true
    }

    /// Waits until the client has gone.
    func waitForEnd(seconds: Double = 10) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while !isEnded {
            if !condition.wait(until: end) { return false }
        }
        return true
    }

    private func locked<R>(_ body: () -> R) -> R {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }

    // MARK: - What the script does

    /// Sends a reply; `values` follow the status.
    func reply(
        to request: Request,
        status: Int32 = 0,
        deferred: (status: UInt16, opcode: Opcode)? = nil,
        values: [UInt8] = []
    ) {
        var body = Bytes()
        body.add(status)
        body.add(deferred?.status ?? 0)
        body.add(deferred?.opcode.rawValue ?? 0)
        body.bytes += values
        send(.reply, request.sequence, body.padded)
    }

    /// Sends bytes of a copy to the host.
    func hostData(
        _ sequence: UInt32,
        offset: Int,
        _ data: ArraySlice<UInt8>,
        status: UInt16 = 0,
        isLast: Bool
    ) {
        var body = Bytes()
        body.add(UInt64(offset))
        body.add(UInt32(data.count))
        body.add(status)
        body.add(UInt16(isLast ? 1 : 0))
        body.bytes += data
        send(.hostData, sequence, body.padded)
    }

    /// Sends a record.
    func send(_ opcode: Opcode, _ sequence: UInt32, _ body: [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: WireFormat.headerSize)
        RecordHeader(
            size: WireFormat.headerSize + body.count,
            opcode: opcode,
            flags: 0,
            sequence: sequence,
            context: 0
        ).write(to: &bytes)
        sendRaw(bytes + body)
    }

    /// Sends anything.
    func sendRaw(_ bytes: [UInt8]) {
        guard
            let channel = locked({
                sentInAll += UInt64(bytes.count)
                return self.channel
            })
        else { return }
        try? bytes.withUnsafeBytes { try channel.sendAll($0) }
    }

    /// Ends the connection.
    func hangUp() { locked { channel }?.shutDown() }

    // MARK: - The thread

    private func run() {
        while let descriptor = listener.accept(seconds: 20) {
            let socket = Socket(descriptor: descriptor)
            locked {
                channel = Channel(socket, .tcp)
                connections += 1
            }
            if (try? greet(socket)) == true {
                locked { beforeRecords = sentInAll }
                if takesMore != nil { Thread.detachNewThread { [self] in acceptMore() } }
                readRecords()
            }
            let last = locked {
                defer { channel = nil }
                return channel
            }
            last?.close()
            locked {
                isEnded = true
                condition.broadcast()
            }
        }
    }

    /// Takes the session's other connections beside the first one.
    private func acceptMore() {
        while let descriptor = listener.accept(seconds: 5), locked({ channel != nil }) {
            serveMore(Socket(descriptor: descriptor))
        }
    }

    private func serveMore(_ socket: Socket) {
        do {
            try greetMore(socket)
            locked {
                more.append(Channel(socket, .tcp))
                condition.broadcast()
            }
        } catch {
            socket.close()
        }
    }

    /// The handshake of a session's other connections, in clear text.
    private func greetMore(_ socket: Socket) throws {
        let hello = Handshake.ServerHello(nonce: .init(repeating: 7))
        var buffer = [UInt8](repeating: 0, count: Handshake.serverHelloSize)
        hello.write(to: &buffer)
        try buffer.withUnsafeBytes { try socket.sendAll($0) }
        buffer = [UInt8](repeating: 0, count: Handshake.clientHelloSize)
        try buffer.withUnsafeMutableBytes { try socket.receiveAll($0, timeout: 10_000) }
        guard let client = Handshake.ClientHello(reading: buffer),
            client.channel == Handshake.bulkChannel
        else { throw SocketError(EPROTO, .receive) }
        let proof = Handshake.serverProof(secret: secret, server: hello, client: client)
        let verdict = Handshake.Verdict(
            status: takesMore == true ? .accepted : .noSession,
            messageSize: 0,
            proof: proof
        )
        buffer = [UInt8](repeating: 0, count: Handshake.verdictSize)
        verdict.write(to: &buffer)
        try buffer.withUnsafeBytes { try socket.sendAll($0) }
    }

    /// Waits for another connection of the session.
    func another(seconds: Double = 10) -> Channel? {
        let end = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while more.isEmpty {
            if isEnded || !condition.wait(until: end) { return nil }
        }
        return more.removeFirst()
    }

    private func greet(_ socket: Socket) throws -> Bool {
        if case .closes = greets { return false }
        var nonce: InlineArray<32, UInt8> = .init(repeating: 0)
        for index in 0..<32 { nonce[index] = UInt8.random(in: 0...255) }
        let hello = Handshake.ServerHello(nonce: nonce)
        var buffer = [UInt8](repeating: 0, count: Handshake.serverHelloSize)
        hello.write(to: &buffer)
        if case .wrongMagic = greets { buffer[0] ^= 1 }
        if case .otherVersion = greets { for index in 8..<12 { buffer[index] = 99 } }
        try buffer.withUnsafeBytes { try socket.sendAll($0) }
        buffer = [UInt8](repeating: 0, count: Handshake.clientHelloSize)
        try buffer.withUnsafeMutableBytes { try socket.receiveAll($0, timeout: 10_000) }
        guard let client = Handshake.ClientHello(reading: buffer) else { return false }
        let proof = Handshake.clientProof(secret: secret, server: hello, client: client)
        var status = Handshake.Status.accepted
        var message = ""
        if !SHA256.areEqual(proof, client.proof) { (status, message) = (.badProof, "bad proof") }
        if case .refuses(let why, let text) = greets { (status, message) = (why, text) }
        var own = Handshake.serverProof(secret: secret, server: hello, client: client)
        if case .wrongProof = greets { own[0] ^= 1 }
        let verdict = Handshake.Verdict(
            status: status,
            messageSize: message.utf8.count,
            proof: own
        )
        buffer = [UInt8](repeating: 0, count: Handshake.verdictSize)
        verdict.write(to: &buffer)
        sendRaw(buffer + Array(message.utf8))
        guard status == .accepted else { return false }
        var key = Handshake.connectionKey(secret: secret, server: hello, client: client)
        if case .otherKey = greets { key[0] ^= 1 }
        if security == .tls { try encrypt(socket, key) }
        return sendOffer()
    }

    private func encrypt(_ socket: Socket, _ key: InlineArray<32, UInt8>) throws {
        if case .speaksClear = greets { return }
        if case .isSilent = greets {
            Thread.sleep(forTimeInterval: 12)
            return
        }
        let bytes = (0..<32).map { key[$0] }
        let tls = try bytes.withUnsafeBytes { bytes in
            try bytes.baseAddress.map { try TLS(socket, .server, key: $0) }
        }
        guard let tls else { return }
        do {
            try tls.finishHandshake(timeout: 5000)
        } catch {
            tls.free()
            throw error
        }
        locked { channel = Channel(tls) }
    }

    /// The first record.
    private func sendOffer() -> Bool {
        switch greets {
        case .fails(let status, let text):
            var body = Bytes()
            body.add(status)
            body.add(UInt32(text.utf8.count))
            body.bytes += Array(text.utf8)
            send(.failure, 0, body.padded)
            return false
        case .sends(let bytes):
            sendRaw(bytes)
            return true
        default:
            send(.snapshot, 0, snapshot.body)
            return true
        }
    }

    private func readRecords() {
        guard let channel = locked({ self.channel }) else { return }
        var incoming = IncomingStream(limit: WireFormat.maxRequest)
        let end = Date(timeIntervalSinceNow: 25)
        while Date() < end {
            guard let events = try? channel.wait(for: POLLIN, timeout: 1000) else { return }
            if events == 0 { continue }
            let space = incoming.space()
            guard let base = space.baseAddress else { return }
            guard case .bytes(let count) = channel.receive(base, space.count) else { return }
            incoming.commit(count)
            while true {
                var item: IncomingStream.Item?
                do { item = try incoming.next() } catch { return }
                guard let item else { break }
                guard take(item) else { return }
            }
            if acknowledges, let place = incoming.acknowledgement(threshold: 64 << 10) {
                sendAcknowledgement(place)
            }
        }
    }

    private func take(_ item: IncomingStream.Item) -> Bool {
        switch item {
        case .record(let header, let body):
            guard let opcode = Opcode(rawValue: header.opcode) else { return false }
            take(
                Request(
                    opcode: opcode,
                    flags: header.flags,
                    sequence: header.sequence,
                    context: header.context,
                    body: Array(body)
                )
            )
            return true
        case .acknowledge(let place):
            locked { acknowledged = max(acknowledged, place) }
            return true
        case .resume: return false
        }
    }

    /// Tells the client that everything up to `place` has arrived.
    func sendAcknowledgement(_ place: UInt64) {
        var body = Bytes()
        body.add(place)
        send(.acknowledge, 0, body.padded)
    }

    private func take(_ request: Request) {
        locked {
            taken.append(request)
            condition.broadcast()
        }
        if script(self, request) { return }
        gpu.answer(request, self)
    }
}

/// Little-endian bytes, one after the other.
struct Bytes {
    var bytes: [UInt8] = []

    mutating func add<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes += Array($0) }
    }

    /// The bytes, filled up to a multiple of 8.
    var padded: [UInt8] {
        let missing = WireFormat.padded(bytes.count) - bytes.count
        return bytes + [UInt8](repeating: 0, count: missing)
    }
}

/// What a fake worker offers.
struct Snapshot: Sendable {
    struct Device: Sendable {
        var uuid: [UInt8]
        var memory: UInt64 = 4 << 30
        var name: [UInt8] = Array("Fake GPU".utf8)
        /// Attributes 1, 2, 3 …
        var attributes: [Int32]
    }

    var driverVersion: Int32 = 13_000
    var devices: [Device]
    /// Starts of the hashes of kept images; `nil` for a server that keeps none.
    var images: [UInt32]?

    /// Devices that differ in everything.
    init(devices count: Int = 2) {
        devices = (0..<count).map { index in
            let uuid: [UInt8] = (0..<16).map { UInt8(index * 16 + $0) }
            let attributes: [Int32] = (1...143).map { Int32(index * 1000 + $0) }
            return Device(uuid: uuid, attributes: attributes)
        }
    }

    var body: [UInt8] {
        let attributes = devices.first?.attributes.count ?? 0
        var body = Bytes()
        body.add(driverVersion)
        body.add(UInt32(devices.count))
        body.add(UInt32(attributes))
        body.add(UInt32(4711))
        for device in devices {
            body.bytes += device.uuid
            body.add(device.memory)
            body.bytes += device.name + [UInt8](repeating: 0, count: 128 - device.name.count)
            for attribute in device.attributes { body.add(attribute) }
            body.bytes = body.padded
        }
        if let images {
            body.add(UInt32(images.count))
            body.add(UInt32(0))
            for image in images { body.add(image) }
        }
        return body.padded
    }
}
