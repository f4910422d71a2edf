import CLinux
import Foundation
import TestSupport
import Testing
import Transport

@Suite struct UnixSocketTests {
    /// A listening socket at a path; -1 when that failed.
    private func listen(_ path: String) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let number = socket(AF_UNIX, type, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(
                    number,
                    __CONST_SOCKADDR_ARG(__sockaddr__: $0),
                    socklen_t(MemoryLayout<sockaddr_un>.size)
                )
            }
        }
        return isBound == 0 && CLinux.listen(number, 4) == 0 ? number : -1
    }

    private func path() -> String {
        FileManager.default.temporaryDirectory.path + "/f\(UInt32.random(in: 0 ... .max))"
    }

    @Test func `to somebody who listens`() throws {
        let path = path()
        let listener = listen(path)
        try #require(listener >= 0)
        defer {
            close(listener)
            unlink(path)
        }
        let socket = try Socket.connect(path: path)
        defer { socket.close() }
        #expect(socket.isLocal)
        let other = Socket(descriptor: accept(listener, __SOCKADDR_ARG(__sockaddr__: nil), nil))
        defer { other.close() }
        try [UInt8(5)].withUnsafeBytes { try socket.sendAll($0) }
        var byte: UInt8 = 0
        #expect(try other.wait(for: POLLIN, timeout: 1000) != 0)
        #expect(other.receive(&byte, 1) == .bytes(1))
        #expect(byte == 5)
    }

    @Test func `to nobody, and to a path that no address holds`() throws {
        #expect(throws: SocketError(ENOENT, .connect)) { _ = try Socket.connect(path: path()) }
        let stale = path()
        close(listen(stale))
        defer { unlink(stale) }
        #expect(throws: SocketError(ECONNREFUSED, .connect)) {
            _ = try Socket.connect(path: stale)
        }
        #expect(throws: SocketError(ENAMETOOLONG, .connect)) {
            _ = try Socket.connect(path: "/" + String(repeating: "x", count: 107))
        }
    }

    @Test func `a connection over TCP is not local`() throws {
        let listener = try LoopbackListener()
        let socket = try Socket.connect(address: "127.0.0.1", port: listener.port, timeout: 1000)
        defer { socket.close() }
        #expect(!socket.isLocal)
    }
}
