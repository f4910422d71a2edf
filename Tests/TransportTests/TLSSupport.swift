import CLinux
import TestSupport
import Testing
import Transport

/// A value that two threads look at one after the other.
final class Box<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}

/// What should not have come.
struct Surprise: Error {
    var what: String
    init(_ what: Any) { self.what = "\(what)" }
}

func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 &+ $0 >> 8) }
}

/// One end, with a key that depends on the seed.
func tls(_ socket: Socket, _ role: TLS.Role, seed: UInt8 = 1) throws -> TLS {
    let key = [UInt8](repeating: seed, count: 32)
    return try key.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { throw Surprise("no key") }
        return try TLS(socket, role, key: base)
    }
}

/// Two ends that are connected, after the handshake.
func shaken() throws -> (TLS, TLS) {
    let (left, right) = try Socket.pair()
    let client = try tls(left, .client)
    let server = try tls(right, .server)
    try client.beginHandshake(.client)
    try server.beginHandshake(.server)
    try client.finishHandshake(timeout: 5000)
    try server.finishHandshake(timeout: 5000)
    return (client, server)
}

func withChannels(_ left: TLS, _ right: TLS, _ body: (Channel, Channel) throws -> Void) throws {
    let (left, right) = (Channel(left), Channel(right))
    defer {
        left.close()
        right.close()
    }
    try body(left, right)
}

func withChannels(_ body: (Channel, Channel) throws -> Void) throws {
    let (left, right) = try shaken()
    try withChannels(left, right, body)
}

func receive(_ channel: Channel, _ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { try channel.receiveAll($0, timeout: 5000) }
    return bytes
}

func exchange(_ from: Channel, _ to: Channel, _ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try from.sendAll($0) }
    #expect(try receive(to, bytes.count) == bytes)
}

/// Two channels, after the handshake, with the test in between that carries each byte.
final class Way {
    private(set) var left: Channel
    private(set) var right: Channel
    private let nearLeft: Socket
    private let nearRight: Socket
    /// All that was carried.
    private(set) var seen: [UInt8] = []

    init() throws {
        let (a, b) = try Socket.pair()
        let (c, d) = try Socket.pair()
        (nearLeft, nearRight) = (b, c)
        let client = try tls(a, .client)
        let server = try tls(d, .server)
        (left, right) = (Channel(client), Channel(server))
        try client.beginHandshake(.client)
        try carry()
        try server.beginHandshake(.server)
        try carry()
        try client.finishHandshake(timeout: 1000)
        try carry()
        try server.finishHandshake(timeout: 1000)
    }

    /// Carries what is there in both directions.
    func carry(_ change: (inout [UInt8]) -> Void = { _ in }) throws {
        for (from, to) in [(nearLeft, nearRight), (nearRight, nearLeft)] {
            var bytes = [UInt8](repeating: 0, count: 100_000)
            guard case .bytes(let count) = from.receive(&bytes, bytes.count) else { continue }
            bytes.removeLast(bytes.count - count)
            change(&bytes)
            seen += bytes
            try bytes.withUnsafeBytes { try to.sendAll($0) }
        }
    }

    func close() {
        left.close()
        right.close()
        nearLeft.close()
        nearRight.close()
    }
}
