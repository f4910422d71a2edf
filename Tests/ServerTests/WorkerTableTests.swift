import Pool
import Server
import Testing

@Suite struct WorkerTableTests {
    private func worker(_ pid: Int32, lease: UInt8) throws -> WorkerInfo {
        let id = try #require(LeaseID(bytes: [UInt8](repeating: lease, count: 16)))
        return WorkerInfo(lease: id, pid: pid, startTicks: 1, clientPID: 2, program: "p")
    }

    @Test func workersAreAskedOnceAndKilledAfterTheirTime() throws {
        var table = WorkerTable(patience: 2000)
        let first = try worker(1, lease: 1)
        table.add(first, key: 1)
        table.add(try worker(2, lease: 1), key: 2)
        table.add(try worker(3, lease: 2), key: 3)
        #expect(table.deadline == nil)
        let asked = table.end(lease: first.lease, now: 100)
        #expect(asked == [.terminate(1), .terminate(2)])
        let again = table.end(lease: first.lease, now: 200)
        #expect(again.isEmpty)
        #expect(table.deadline == 2100)
        let gone = table.remove(1)
        #expect(gone == first)
        let early = table.tick(now: 2099)
        #expect(early.isEmpty)
        let late = table.tick(now: 2100)
        #expect(late == [.kill(2)])
        let twice = table.tick(now: 9000)
        #expect(twice.isEmpty)
        #expect(table.deadline == nil)
        #expect(table.count == 2)
    }

    @Test func startTimesAreReadBehindAnyName() {
        let tail = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20"
        for name in ["cat", "a b", ") S 1", "(((", ""] {
            #expect(ProcessTable.startTicks(stat: "77 (\(name)) \(tail)") == 4242)
        }
        #expect(ProcessTable.startTicks(stat: "77 (x) Z" + tail.dropFirst()) == nil)
        #expect(ProcessTable.startTicks(stat: "") == nil)
        #expect(ProcessTable.startTicks(stat: "77 (x) S 1 2") == nil)
        #expect(ProcessTable.startTicks(of: 1) != nil)
    }
}
