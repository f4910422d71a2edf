import CLinux
import Foundation
import TestSupport
import Testing
import Transport

@Suite struct ConnectTests {
    @Test(arguments: [(false, "127.0.0.1"), (true, "::1")])
    func `to somebody who listens`(_ row: (isV6: Bool, address: String)) throws {
        let listener = try LoopbackListener(isV6: row.isV6)
        let socket = try row.address.withCString {
            try Socket.connect(address: $0, port: listener.port, timeout: 2000)
        }
        defer { socket.close() }
        let other = Socket(descriptor: try #require(listener.accept()))
        defer { other.close() }
        try Array("hello".utf8).withUnsafeBytes { try socket.sendAll($0) }
        var found = [UInt8](repeating: 0, count: 5)
        try found.withUnsafeMutableBytes { try other.receiveAll($0, timeout: 2000) }
        #expect(found == Array("hello".utf8))
        var noDelay: Int32 = 0
        var size = socklen_t(4)
        getsockopt(socket.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, &size)
        #expect(noDelay != 0)
    }

    @Test func `to nobody`() throws {
        let listener = try LoopbackListener(backlog: nil)
        #expect(throws: SocketError(ECONNREFUSED, .connect)) {
            _ = try Socket.connect(address: "127.0.0.1", port: listener.port, timeout: 2000)
        }
    }

    @Test(arguments: ["", "localhost", "127.0.0", "1.2.3.4.5", "::g", "127.0.0.1 "])
    func `what is no numeric address is refused`(_ address: String) {
        #expect(throws: SocketError(EINVAL, .resolve)) {
            _ = try Socket.connect(address: address, port: 1, timeout: 100)
        }
    }

    /// A listener whose queue is full does not answer any more.
    @Test func `to somebody who does not answer`() throws {
        let listener = try LoopbackListener(backlog: 0)
        var waiting: [Socket] = []
        defer { for socket in waiting { socket.close() } }
        var failure: SocketError?
        let start = Date()
        for _ in 0..<8 where failure == nil {
            do throws(SocketError) {
                waiting.append(
                    try Socket.connect(address: "127.0.0.1", port: listener.port, timeout: 200)
                )
            } catch {
                failure = error
            }
        }
        #expect(failure == SocketError(ETIMEDOUT, .connect))
        #expect(Date().timeIntervalSince(start) < 5)
    }

    @Test func `a failed connection leaves no descriptor`() throws {
        let listener = try LoopbackListener(backlog: nil)
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        for _ in 0..<50 {
            _ = try? Socket.connect(address: "127.0.0.1", port: listener.port, timeout: 1000)
        }
        let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        #expect(after < before + 25)
    }
}
