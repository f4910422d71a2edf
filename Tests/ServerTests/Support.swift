import CTestSupport
import Foundation
import Glibc
import Logging
import Pool
import Server
import Store
import Synchronization
import Wire

/// Clocks that stand still until a test moves them.
final class ManualTime: TimeSource {
    private let moment = Mutex(Moment(uptime: 1_000_000, wall: 1_700_000_000_000))

    func now() -> Moment { moment.withLock { $0 } }

    func advance(milliseconds: Int64) {
        moment.withLock { $0 = $0.advanced(byMilliseconds: milliseconds) }
    }

    func sleep(milliseconds: Int64) async throws { try await Task.sleep(for: .milliseconds(5)) }
}

/// A folder of a test's own, removed at its end, with a stand-in for ferry-worker.
///
/// The stand-in knows a software driver with two GPUs of 4096 MiB, writes its arguments, its
/// environment and its key into the folder, and sends back what it gets until the socket ends.
struct Scratch {
    let path: String

    var worker: String { path + "/fake-worker" }
    var state: String { path + "/state" }

    @discardableResult
    static func with<Result>(_ body: (Scratch) async throws -> Result) async throws -> Result {
        let path = FileManager.default.temporaryDirectory.path + "/ferry-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let scratch = Scratch(path: path)
        try scratch.script.write(toFile: scratch.worker, atomically: true, encoding: .utf8)
        chmod(scratch.worker, 0o755)
        return try await body(scratch)
    }

    private var script: String {
        """
        #!/bin/sh
        if [ "$1" = inventory ]; then
            case "$3" in */software/*|*/named.so) ;; *) echo "cannot load $3" >&2; exit 3 ;; esac
            gpu() {
                echo '{"index":'$1',"uuid":"GPU-'$1'","name":"Fake","memory_bytes":4294967296,'
                echo '"compute_capability":"8.0","pci_bus_id":"0000:0'$1':00.0"}'
            }
            echo '{"driver_path":"'$3'","driver_version":13000,"driver_kind":"software","gpus":['
            gpu 0; echo ,; gpu 1; echo ']}'
            exit 0
        fi
        echo "$@" > "\(path)/arguments.$$"
        env > "\(path)/environment.$$"
        ls /proc/self/fd > "\(path)/descriptors.$$"
        od -An -tx1 -v -w32 -N32 <&4 > "\(path)/key.$$"
        exec 4<&-
        echo "hello from $$" >&2
        exec cat <&3 >&3
        """
    }

    /// What the worker of this process number was started with.
    func note(_ name: String, of pid: Int32) throws -> String {
        try String(contentsOfFile: "\(path)/\(name).\(pid)", encoding: .utf8)
    }
}

func silentLogger() -> Logger {
    Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Asks until the answer is yes; false after ten seconds.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<400 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(25))
    }
    return false
}

func isAlive(_ pid: Int32) -> Bool { ProcessTable.startTicks(of: pid) != nil }

extension InlineArray where Element == UInt8 {
    init(bytes: [UInt8]) { self.init { bytes[$0] } }
    var bytes: [UInt8] { indices.map { self[$0] } }
}

/// Runs what blocks on a thread where it keeps no task waiting.
func blocking<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
}

/// The client's side of a data connection, byte by byte; used by one task at a time.
final class DataConnection: @unchecked Sendable {
    let socket: Int32
    private(set) var hello: Handshake.ServerHello?
    private(set) var greeting: Handshake.ClientHello?

    init(port: Int) throws {
        socket = test_connect(Int32(port))
        guard socket >= 0 else { throw POSIXError(.ECONNREFUSED) }
    }

    init(path: String) throws {
        socket = test_connect_path(path)
        guard socket >= 0 else { throw POSIXError(.ECONNREFUSED) }
    }

    deinit { close(socket) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Exactly so many bytes, or what came before the end.
    func receive(_ count: Int) async throws -> [UInt8] {
        try await blocking { [self] in receiveBlocking(count) }
    }

    private func receiveBlocking(_ count: Int) -> [UInt8] {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while received.count < count {
            let got = recv(socket, &buffer, min(buffer.count, count - received.count), 0)
            if got <= 0 { break }
            received += buffer[..<got]
        }
        return received
    }

    func readHello() async throws -> Bool {
        let bytes = try await receive(Handshake.serverHelloSize)
        guard bytes.count == Handshake.serverHelloSize else { return false }
        hello = bytes.withUnsafeBytes {
            $0.baseAddress.flatMap { Handshake.ServerHello(reading: $0) }
        }
        return hello != nil
    }

    /// Greets with a proof made with this secret, and returns the verdict and its message.
    func shake(
        lease: LeaseID,
        secret: [UInt8],
        change: (inout Handshake.ClientHello) -> Void = { _ in }
    ) async throws -> (status: UInt32, message: String, isProven: Bool)? {
        guard try await readHello(), let hello else { return nil }
        var client = Handshake.ClientHello(
            process: 4711,
            lease: InlineArray(bytes: lease.bytes),
            nonce: InlineArray(repeating: 7),
            name: InlineArray(bytes: Array("prog\u{1b}[2J".utf8) + [UInt8](repeating: 0, count: 24))
        )
        change(&client)
        let key = InlineArray<32, UInt8>(bytes: secret)
        client.proof = Handshake.clientProof(secret: key, server: hello, client: client)
        greeting = client
        var bytes = [UInt8](repeating: 0, count: Handshake.clientHelloSize)
        bytes.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { client.write(to: base) }
        }
        send(bytes)
        return try await readVerdict(
            expected: Handshake.serverProof(secret: key, server: hello, client: client)
        )
    }

    func readVerdict(
        expected: InlineArray<32, UInt8> = .init(repeating: 0)
    ) async throws -> (status: UInt32, message: String, isProven: Bool)? {
        let fixed = try await receive(Handshake.verdictSize)
        guard fixed.count == Handshake.verdictSize else { return nil }
        let verdict = fixed.withUnsafeBytes {
            $0.baseAddress.flatMap { Handshake.Verdict(reading: $0) }
        }
        guard let verdict else { return nil }
        let message = String(decoding: try await receive(Int(verdict.messageSize)), as: UTF8.self)
        return (verdict.status, message, verdict.proof.bytes == expected.bytes)
    }
}
