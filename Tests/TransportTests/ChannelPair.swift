import CLinux
import Foundation
import TestSupport
import Testing
import Transport
import Wire

/// Two ends of one connection, as client and worker have them.
struct ChannelPair {
    let client: Channel
    let worker: Channel

    /// Two ends over a Unix socket, agreed on as the protocol says.
    ///
    /// - Parameter lent: What the worker lends; -1: nothing.
    init(_ wish: LinkSetup.Wish, lending lent: Int32 = -1) throws {
        let (left, right) = try Socket.pair()
        let done = Gate()
        nonisolated(unsafe) var accepted: Channel?
        Thread.detachNewThread {
            accepted = try? LinkSetup.accept(Channel(right, .unix), lending: lent)
            done.open()
        }
        client = try LinkSetup.offer(Channel(left, .unix), wish)
        done.wait()
        worker = try #require(accepted)
    }

    /// Two ends that share memory.
    static func shared() throws -> ChannelPair { try ChannelPair(.init(memory: .must)) }

    func close() {
        client.close()
        worker.close()
    }
}

/// Runs `body` on a thread of its own; the gate opens when it is done.
func inThread(_ body: @escaping @Sendable () -> Void) -> Gate {
    let done = Gate()
    Thread.detachNewThread {
        body()
        done.open()
    }
    return done
}

extension Channel {
    /// Sends in pieces of random sizes, as a program would.
    func sendPieces(_ bytes: [UInt8], largest: Int, seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        var done = 0
        while done < bytes.count {
            let size = min(bytes.count - done, Int.random(in: 1...largest, using: &numbers))
            try bytes[done..<done + size].withUnsafeBytes { try sendAll($0) }
            done += size
        }
    }

    /// Receives so many bytes, in calls of random sizes.
    func receivePieces(_ count: Int, largest: Int, seed: UInt64) throws -> [UInt8] {
        var numbers = SeededNumbers(seed: seed)
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let size = min(count - done, Int.random(in: 1...largest, using: &numbers))
            try bytes[done..<done + size].withUnsafeMutableBytes {
                try receiveAll($0, timeout: 10_000)
            }
            done += size
        }
        return bytes
    }
}
