import CUDAABI
import Client
import Foundation
import TestSupport
import Testing

/// All tests of the client: its session belongs to the process, so one runs at a time.
@Suite(.serialized, .timeLimit(.minutes(2))) enum ClientTests {}

/// Runs tasks on a thread of its own, so that each test has fresh thread-local state.
private final class OwnThread: TaskExecutor, @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    private var isOver = false

    init() {
        Thread.detachNewThread { [self] in
            while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    func end() {
        condition.lock()
        isOver = true
        condition.signal()
        condition.unlock()
    }

    private func next() -> UnownedJob? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            if isOver { return nil }
            condition.wait()
        }
        return jobs.removeFirst()
    }
}

/// Runs `body` on a new thread, as part of the calling test.
func onNewThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    let thread = OwnThread()
    defer { thread.end() }
    return try await withTaskExecutorPreference(thread) { try body() }
}

/// The lease of a server.
func parseLease(_ text: String) -> Lease? {
    Array(text.utf8).withUnsafeBufferPointer { Lease.parse($0) }
}

/// Starts a session with the server; -1 when its lease file is not understood.
func start(_ server: FakeServer, visibleDevices: String? = nil) -> Int32 {
    guard let lease = parseLease(server.leaseText) else { return -1 }
    guard let visibleDevices else { return Connector.start(lease, visibleDevices: nil) }
    return visibleDevices.withCString { Connector.start(lease, visibleDevices: $0) }
}

/// Text up to the first NUL.
func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Runs `body` with a session that has device 0's primary context current.
func withSession(
    _ server: FakeServer,
    _ body: @escaping @Sendable () throws -> Void
) async throws {
    try await onNewThread {
        defer { Session.end() }
        try #require(start(server) == 0)
        var context: CUcontext?
        try #require(ClientCalls.cuDevicePrimaryCtxRetain(&context, 0) == 0)
        try #require(ClientCalls.cuCtxSetCurrent(context) == 0)
        try body()
    }
}

/// Allocates device memory.
func allocate(_ bytes: Int) throws -> CUdeviceptr {
    var address: CUdeviceptr = 0
    try #require(ClientCalls.cuMemAlloc_v2(&address, bytes) == 0)
    return address
}

/// Runs `body` in several threads at once, all with the calling thread's context, and waits.
func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    nonisolated(unsafe) var context: CUcontext?
    _ = ClientCalls.cuCtxGetCurrent(&context)
    let gates = (0..<count).map { _ in Gate() }
    for index in 0..<count {
        Thread.detachNewThread {
            _ = ClientCalls.cuCtxSetCurrent(context)
            body(index)
            gates[index].open()
        }
    }
    for gate in gates { #expect(gate.wait(seconds: 40), "a thread hangs") }
}
