import Foundation
import Glibc
import Pool
import Server
import Synchronization
import Testing

/// The supervisor over processes that run on, with pidfds and as on kernels that have none.
@Suite struct WorkerSupervisorTests {
    /// A process that ends by itself after a minute and is waited for by somebody else, as a worker of a
    /// former server is by init.
    private func stranger() throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sleep")
        process.arguments = ["60"]
        try process.run()
        return process.processIdentifier
    }

    private func lease(_ number: UInt8) throws -> LeaseID {
        try #require(LeaseID(bytes: [UInt8](repeating: number, count: 16)))
    }

    private func info(_ pid: Int32, lease: LeaseID) throws -> WorkerInfo {
        let ticks = try #require(ProcessTable.startTicks(of: pid))
        return WorkerInfo(lease: lease, pid: pid, startTicks: ticks, clientPID: 1, program: "p")
    }

    @Test(arguments: [true, false])
    func aLeasesWorkersEndAndAreReported(usesPidfd: Bool) async throws {
        let ends = Mutex<[Int32]>([])
        let supervisor = try WorkerSupervisor(usesPidfd: usesPidfd, logger: silentLogger()) {
            info,
            _ in ends.withLock { $0.append(info.pid) }
        }
        defer { supervisor.stop() }
        let (lease, other) = (try lease(1), try lease(2))
        let first = try info(try stranger(), lease: lease)
        let second = try info(try stranger(), lease: other)
        defer { kill(second.pid, SIGKILL) }
        #expect(try supervisor.adopt(first))
        #expect(try supervisor.adopt(second))
        #expect(supervisor.count == 2)
        supervisor.end(lease: lease)
        #expect(try await eventually { ends.withLock { $0 } == [first.pid] })
        #expect(supervisor.workers(of: other) == [second])
        #expect(isAlive(second.pid))
        // It ends by itself, and that is noticed.
        kill(second.pid, SIGKILL)
        #expect(try await eventually { ends.withLock { $0 } == [first.pid, second.pid] })
    }

    @Test(arguments: [true, false])
    func aProcessThatGotTheNumberOfAWorkerIsLeftAlone(usesPidfd: Bool) throws {
        let supervisor = try WorkerSupervisor(usesPidfd: usesPidfd, logger: silentLogger()) {
            _,
            _ in
        }
        defer { supervisor.stop() }
        let pid = try stranger()
        defer { kill(pid, SIGKILL) }
        var former = try info(pid, lease: try lease(1))
        former.startTicks -= 1
        #expect(try !supervisor.adopt(former))
        supervisor.end(lease: former.lease)
        #expect(isAlive(pid))
        // One that is nobody's number: above what Linux gives.
        former.pid = 0x7fff_fff0
        #expect(try !supervisor.adopt(former))
    }
}
