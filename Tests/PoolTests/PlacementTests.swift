import Pool
import Testing

@Suite struct PlacementTests {
    @Test func wholeGPUsGoByNumber() throws {
        var pool = Pool(gpus: [gpu(1, mib: 100), gpu(0, mib: 200)], grace: 1)
        let lease = try pool.lease(wish(1), id: id(1), now: at(0)).get()
        #expect(lease.grants.map(\.gpuIndex) == [0])
        #expect(lease.grants[0].memoryBytes == 200 << 20)
        #expect(lease.grants[0].isWhole)
    }

    @Test func aWholeGPUKeepsEverybodyElseAway() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100)], grace: 1)
        _ = try pool.lease(wish(1), id: id(1), now: at(0)).get()
        for request in [try wish(1), try wish(1, mib: 1), try wish(1, fraction: 0.01)] {
            let answer = pool.lease(request, id: try id(2), now: at(0))
            #expect(throws: Refusal.notEnough(pool.free)) { try answer.get() }
        }
        #expect(pool.free.map(\.freeMiB) == [0])
    }

    @Test func aSliceKeepsWholeRequestsAway() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100)], grace: 1)
        _ = try pool.lease(wish(1, mib: 1), id: id(1), now: at(0)).get()
        #expect(throws: Refusal.self) { try pool.lease(wish(1), id: id(2), now: at(0)).get() }
        #expect(pool.free.map(\.freeMiB) == [99])
    }

    @Test func twoHalvesShareAGPUAndAThirdDoesNotFit() throws {
        var pool = Pool(gpus: [gpu(0, mib: 4096)], grace: 1)
        let first = try pool.lease(wish(1, fraction: 0.5), id: id(1), now: at(0)).get()
        _ = try pool.lease(wish(1, fraction: 0.5), id: id(2), now: at(0)).get()
        #expect(first.grants[0].memoryBytes == 2048 << 20)
        let third = pool.lease(try wish(1, fraction: 0.5), id: try id(3), now: at(0))
        #expect(throws: Refusal.notEnough(pool.free)) { try third.get() }
        #expect(pool.holders(ofGPU: "GPU-0") == [try id(1), try id(2)])
    }

    @Test func slicesFillUsedGPUsFirst() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100), gpu(1, mib: 100)], grace: 1)
        _ = try pool.lease(wish(1, mib: 10), id: id(1), now: at(0)).get()
        let second = try pool.lease(wish(1, mib: 10), id: id(2), now: at(0)).get()
        #expect(second.grants.map(\.gpuIndex) == [0])
        let whole = try pool.lease(wish(1), id: id(3), now: at(0)).get()
        #expect(whole.grants.map(\.gpuIndex) == [1])
    }

    @Test func bestFitTakesTheTightestGPU() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100), gpu(1, mib: 50), gpu(2, mib: 60)], grace: 1)
        let lease = try pool.lease(wish(1, mib: 45), id: id(1), now: at(0)).get()
        #expect(lease.grants.map(\.gpuIndex) == [1])
    }

    @Test func severalGPUsAreDifferentOnesInOrder() throws {
        var pool = Pool(gpus: (0..<4).map { gpu($0, mib: 100) }, grace: 1)
        let lease = try pool.lease(wish(3, mib: 60), id: id(1), now: at(0)).get()
        #expect(lease.grants.map(\.gpuIndex) == [0, 1, 2])
        #expect(throws: Refusal.self) {
            try pool.lease(wish(2, mib: 60), id: id(2), now: at(0)).get()
        }
    }

    @Test func aFractionIsOfEachGPU() throws {
        var pool = Pool(gpus: [gpu(0, mib: 101), gpu(1, mib: 50)], grace: 1)
        let lease = try pool.lease(wish(2, fraction: 0.5), id: id(1), now: at(0)).get()
        #expect(lease.grants.map(\.memoryBytes) == [50 << 20, 25 << 20])
    }

    @Test func whatNeverFitsIsSaidSo() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100), gpu(1, mib: 200)], grace: 1)
        func isNever(_ request: LeaseRequest) throws -> Bool {
            guard case .failure(.never) = pool.lease(request, id: try id(1), now: at(0)) else {
                return false
            }
            return true
        }
        #expect(try isNever(wish(3)))
        #expect(try isNever(wish(1, mib: 201)))
        #expect(try isNever(wish(2, mib: 101)))
        #expect(try isNever(wish(1, fraction: 0.001)))
        #expect(try isNever(wish(1, mib: .max)))
        #expect(try !isNever(wish(1, mib: 101)))
        #expect(pool.all.count == 1)
    }

    @Test func aServerWithoutGPUsRefusesForEver() throws {
        var pool = Pool(gpus: [], grace: 1)
        guard case .failure(.never) = pool.lease(try wish(1), id: try id(1), now: at(0)) else {
            Issue.record("a lease of nothing")
            return
        }
    }

    @Test func aUUIDCountsOnce() throws {
        var twin = gpu(1, mib: 100)
        twin.uuid = "GPU-0"
        let pool = Pool(gpus: [gpu(0, mib: 100), twin], grace: 1)
        #expect(pool.gpus.map(\.index) == [0])
    }
}
