import CLinux
import Foundation
import TestSupport
import Testing
import Transport

@Suite struct TLSTests {
    @Test func `much in both directions at once`() throws {
        try withChannels { left, right in
            let count = 48 << 20
            let gates = (0..<4).map { _ in Gate() }
            let found = (0..<2).map { _ in Box([UInt8](repeating: 0, count: count)) }
            for (index, ends) in [(left, right), (right, left)].enumerated() {
                Thread.detachNewThread {
                    let bytes = pattern(count, seed: index)
                    // Of all sizes, so that records and batches are cut everywhere.
                    var done = 0
                    var part = 1
                    while done < count {
                        let end = min(count, done + part)
                        try? bytes[done..<end].withUnsafeBytes { try ends.0.sendAll($0) }
                        done = end
                        part = part &* 7 % 400_009
                    }
                    gates[index].open()
                }
                Thread.detachNewThread {
                    try? found[index].value.withUnsafeMutableBytes {
                        try ends.1.receiveAll($0, timeout: 20_000)
                    }
                    gates[2 + index].open()
                }
            }
            for gate in gates { #expect(gate.wait(seconds: 60)) }
            for index in 0..<2 { #expect(found[index].value == pattern(count, seed: index)) }
        }
    }

    @Test func `one byte at a time`() throws {
        try withChannels { left, right in
            for byte in pattern(3000) { try exchange(left, right, [byte]) }
            let bytes = pattern(40_000)
            try bytes.withUnsafeBytes { try left.sendAll($0) }
            var found = [UInt8](repeating: 0, count: bytes.count)
            for index in found.indices {
                try withUnsafeMutableBytes(of: &found[index]) {
                    try right.receiveAll($0, timeout: 5000)
                }
            }
            #expect(found == bytes)
        }
    }

    /// The socket is empty then, but the rest of the record is not.
    @Test func `waiting knows what was read ahead`() throws {
        try withChannels { left, right in
            try pattern(100_000).withUnsafeBytes { try left.sendAll($0) }
            var found: [UInt8] = []
            while found.count < 100_000 {
                #expect(try right.wait(for: POLLIN, timeout: 5000) & POLLIN != 0)
                var piece = [UInt8](repeating: 0, count: 1009)
                switch right.receive(&piece, piece.count) {
                case .bytes(let count): found += piece[..<count]
                case .wouldBlock: continue
                case let other: throw Surprise(other)
                }
            }
            #expect(found == pattern(100_000))
            #expect(try right.wait(for: POLLIN, timeout: 0) == 0)
            #expect(try right.wait(for: POLLIN | POLLOUT, timeout: 0) == POLLOUT)
        }
    }

    @Test func `a full socket takes it later`() throws {
        try withChannels { left, right in
            let bytes = pattern(4 << 20)
            var sent = 0
            var found: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 70_001)
            var refusals = 0
            while found.count < bytes.count {
                if sent < bytes.count {
                    let result = bytes.withUnsafeBytes { raw in
                        raw.baseAddress.map { left.send($0 + sent, raw.count - sent) }
                    }
                    switch result {
                    case .bytes(let count)?: sent += count
                    case .wouldBlock?: refusals += 1
                    default: throw Surprise(result as Any)
                    }
                }
                if case .bytes(let count) = right.receive(&piece, piece.count) {
                    found += piece[..<count]
                }
            }
            #expect(refusals > 0)
            #expect(found == bytes)
        }
    }

    @Test func `new keys on the way`() throws {
        let (left, right) = try shaken()
        left.renewKeys(afterRecords: 3)
        right.renewKeys(afterRecords: 1)
        try withChannels(left, right) { left, right in
            for _ in 0..<50 {
                try exchange(left, right, pattern(40_000))
                try exchange(right, left, pattern(10))
            }
        }
    }

    // MARK: - Ends

    @Test func `a farewell is told from an end without one`() throws {
        let (left, right) = try shaken()
        try withChannels(left, right) { left, right in
            try pattern(10).withUnsafeBytes { try left.sendAll($0) }
            left.endSending()
            #expect(try receive(right, 10) == pattern(10))
            var byte: UInt8 = 0
            #expect(right.receive(&byte, 1) == .closed)
            #expect(right.receive(&byte, 1) == .closed)
            try exchange(right, left, pattern(5))
        }
        try withChannels { left, right in
            try pattern(10).withUnsafeBytes { try left.sendAll($0) }
            left.shutDown()
            #expect(try receive(right, 10) == pattern(10))
            var byte: UInt8 = 0
            for _ in 0..<2 { #expect(right.receive(&byte, 1) == .failed(ECONNRESET)) }
        }
    }

    // MARK: - Hostile

    @Test func `another key`() throws {
        let (left, right) = try Socket.pair()
        let client = try tls(left, .client)
        let server = try tls(right, .server, seed: 9)
        defer { for end in [client, server] { Channel(end).close() } }
        try client.beginHandshake(.client)
        let rejected = SocketError(EKEYREJECTED, .encrypt)
        #expect(throws: rejected) { try server.finishHandshake(timeout: 2000) }
        #expect(throws: rejected) { try client.finishHandshake(timeout: 2000) }
        var byte: UInt8 = 0
        #expect(client.send(&byte, 1) == .failed(EKEYREJECTED))
    }

    @Test(arguments: [TLS.Role.client, .server])
    func `who does not speak TLS`(_ role: TLS.Role) throws {
        let (left, right) = try Socket.pair()
        defer { right.close() }
        let end = try tls(left, role)
        defer { Channel(end).close() }
        try Array("GET / HTTP/1.0\r\n\r\nand more of it, to fill a record's header".utf8)
            .withUnsafeBytes { try right.sendAll($0) }
        #expect(throws: SocketError(EPROTO, .encrypt)) { try end.finishHandshake(timeout: 2000) }
    }

    @Test(arguments: [TLS.Role.client, .server])
    func `who says nothing, and who goes`(_ role: TLS.Role) throws {
        let (left, right) = try Socket.pair()
        let end = try tls(left, role)
        defer { Channel(end).close() }
        let start = Date()
        #expect(throws: SocketError(ETIMEDOUT, .encrypt)) { try end.finishHandshake(timeout: 100) }
        #expect(Date().timeIntervalSince(start) < 5)
        right.close()
        #expect(throws: SocketError.self) { try end.finishHandshake(timeout: 1000) }
    }

    @Test func `what is changed on the way is noticed, what is secret stays so`() throws {
        let way = try Way()
        defer { way.close() }
        let secret = Array("a secret that nobody on the way may read".utf8)
        try secret.withUnsafeBytes { try way.left.sendAll($0) }
        try way.carry()
        #expect(try receive(way.right, secret.count) == secret)
        #expect(way.seen.count > 500)
        #expect(way.seen.firstRange(of: secret) == nil)
        try secret.withUnsafeBytes { try way.left.sendAll($0) }
        try way.carry { $0[20] ^= 1 }
        var byte: UInt8 = 0
        for _ in 0..<2 { #expect(way.right.receive(&byte, 1) == .failed(EBADMSG)) }
        // The other side is told.
        try way.carry()
        #expect(way.left.receive(&byte, 1) == .failed(EBADMSG))
        #expect(way.left.send(&byte, 1) == .failed(EBADMSG))
    }

    @Test func `what comes twice is noticed`() throws {
        let way = try Way()
        defer { way.close() }
        try pattern(30).withUnsafeBytes { try way.left.sendAll($0) }
        try way.carry { $0 += $0 }
        #expect(try receive(way.right, 30) == pattern(30))
        var byte: UInt8 = 0
        #expect(way.right.receive(&byte, 1) == .failed(EBADMSG))
    }
}
