import CLinux
import Foundation
import TestSupport
import Testing
import Transport

@Suite struct SocketTests {
    /// Two connected sockets, closed at the end.
    private func withPair(_ body: (Socket, Socket) throws -> Void) throws {
        let (left, right) = try Socket.pair()
        defer {
            left.close()
            right.close()
        }
        try body(left, right)
    }

    private func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    @Test func `bytes arrive as they were sent`() throws {
        try withPair { left, right in
            let message = pattern(1000)
            try message.withUnsafeBytes { try left.sendAll($0) }
            var found = [UInt8](repeating: 0, count: 1000)
            try found.withUnsafeMutableBytes { try right.receiveAll($0, timeout: 1000) }
            #expect(found == message)
        }
    }

    @Test func `a full buffer takes a part and then nothing`() throws {
        try withPair { left, right in
            let message = pattern(8 << 20)
            let first = message.withUnsafeBytes { bytes in
                bytes.baseAddress.map { left.send($0, bytes.count) }
            }
            guard case .bytes(let sent)? = first else {
                Issue.record("nothing was sent")
                return
            }
            #expect(sent < message.count)
            var results: [TransferResult] = []
            message.withUnsafeBytes { bytes in
                for _ in 0..<2 {
                    if let base = bytes.baseAddress { results.append(left.send(base, bytes.count)) }
                }
            }
            #expect(results.last == .wouldBlock)
            let events = try left.wait(for: POLLOUT, timeout: 0)
            #expect(events == 0)
            var found = [UInt8](repeating: 0, count: sent)
            try found.withUnsafeMutableBytes { try right.receiveAll($0, timeout: 1000) }
            #expect(found == Array(message[..<sent]))
            let later = try left.wait(for: POLLOUT, timeout: 1000)
            #expect(later & POLLOUT != 0)
        }
    }

    @Test func `sending more than the buffer holds waits for the receiver`() throws {
        try withPair { left, right in
            let message = pattern(4 << 20)
            nonisolated(unsafe) var failure: SocketError?
            let done = Gate()
            Thread.detachNewThread {
                do {
                    try message.withUnsafeBytes { try left.sendAll($0) }
                } catch {
                    failure = error as? SocketError
                }
                done.open()
            }
            var found = [UInt8](repeating: 0, count: message.count)
            try found.withUnsafeMutableBytes { try right.receiveAll($0, timeout: 5000) }
            done.wait()
            #expect(failure == nil)
            #expect(found == message)
        }
    }

    @Test func `nothing there`() throws {
        try withPair { left, _ in
            var byte: UInt8 = 0
            #expect(left.receive(&byte, 1) == .wouldBlock)
            let events = try left.wait(for: POLLIN, timeout: 20)
            #expect(events == 0)
            #expect(throws: SocketError(ETIMEDOUT, .receive)) {
                var bytes = [UInt8](repeating: 0, count: 4)
                try bytes.withUnsafeMutableBytes { try left.receiveAll($0, timeout: 20) }
            }
        }
    }

    @Test func `the other side closes`() throws {
        let (left, right) = try Socket.pair()
        defer { left.close() }
        try [UInt8(1), 2].withUnsafeBytes { try right.sendAll($0) }
        right.close()
        var bytes = [UInt8](repeating: 0, count: 3)
        #expect(throws: SocketError(0, .receive)) {
            try bytes.withUnsafeMutableBytes { try left.receiveAll($0, timeout: 1000) }
        }
        #expect(bytes == [1, 2, 0])
        var byte: UInt8 = 0
        #expect(left.receive(&byte, 1) == .closed)
        #expect(left.send(&byte, 1) == .failed(EPIPE), "and no signal came")
        #expect(throws: SocketError(EPIPE, .send)) {
            try [UInt8(1)].withUnsafeBytes { try left.sendAll($0) }
        }
    }

    @Test func `shutting down wakes a thread that waits`() throws {
        try withPair { left, _ in
            let done = Gate()
            nonisolated(unsafe) var result: TransferResult?
            Thread.detachNewThread {
                _ = try? left.wait(for: POLLIN, timeout: 10_000)
                var byte: UInt8 = 0
                result = left.receive(&byte, 1)
                done.open()
            }
            usleep(20_000)
            left.shutDown()
            done.wait()
            #expect(result == .closed)
        }
    }

    @Test func `descriptors are closed by exec`() throws {
        try withPair { left, right in
            for socket in [left, right] {
                let flags = try String(
                    contentsOfFile: "/proc/self/fdinfo/\(socket.descriptor)",
                    encoding: .utf8
                )
                // The octal flags of open(2), with O_CLOEXEC.
                let field = flags.split(separator: "\n").first { $0.hasPrefix("flags:") }
                let value = field.flatMap {
                    Int($0.dropFirst(6).trimmingCharacters(in: .whitespaces), radix: 8)
                }
                #expect(try #require(value) & 0o2000000 != 0)
            }
        }
    }
}
