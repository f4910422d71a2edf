import Pool
import Testing

/// Random histories, each step checked against a model that only adds up what was granted.
@Suite struct InvariantTests {
    @Test(arguments: 0..<40)
    func everyHistoryKeepsThePoolsPromises(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let gpus = (0..<Int.random(in: 1...6, using: &random)).map {
            gpu($0, mib: Int64.random(in: 1...40_000, using: &random))
        }
        var history = History(pool: Pool(gpus: gpus, grace: 1000))
        for _ in 0..<400 { try history.step(&random) }
        #expect(history.granted > 0)
    }
}

private struct History {
    var pool: Pool
    var living: [LeaseID: Lease] = [:]
    var ended: [LeaseID] = []
    var now: Int64 = 0
    var granted = 0

    init(pool: Pool) { self.pool = pool }

    mutating func step(_ random: inout SeededGenerator) throws {
        now += Int64.random(in: 0...120, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5: try request(&random)
        case 5..<7:
            if let id = living.keys.sorted(by: { "\($0)" < "\($1)" }).randomElement(using: &random)
            {
                let released = pool.release(id)
                let known = living.removeValue(forKey: id)
                #expect(released == known)
                ended.append(id)
            }
        case 7:
            if let id = living.keys.sorted(by: { "\($0)" < "\($1)" }).randomElement(using: &random)
            {
                let known = pool.heartbeat(id, now: at(now))
                #expect(known)
                living[id]?.lastSeen = at(now)
            }
        case 8:
            if let id = ended.randomElement(using: &random) {
                let before = pool.free
                let released = pool.release(id)
                let known = pool.heartbeat(id, now: at(now))
                #expect(released == nil && !known)
                #expect(pool.free == before)
            }
        default:
            for lease in pool.expire(now: at(now)) {
                let removed = living.removeValue(forKey: lease.id)
                let known = try #require(removed)
                #expect(now - known.lastSeen.uptime >= pool.grace)
                ended.append(lease.id)
            }
            #expect(living.values.allSatisfy { now - $0.lastSeen.uptime < pool.grace })
        }
        check()
    }

    private mutating func request(_ random: inout SeededGenerator) throws {
        let request: LeaseRequest
        let count = Int.random(in: 1...4, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: request = try wish(count)
        case 1: request = try wish(count, fraction: .random(in: 0.001...1, using: &random))
        default: request = try wish(count, mib: .random(in: 1...45_000, using: &random))
        }
        let bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        let id = try #require(LeaseID(bytes: bytes))
        let before = pool.free
        switch pool.lease(request, id: id, now: at(now)) {
        case .success(let lease):
            granted += 1
            living[id] = lease
            #expect(lease.grants.count == count)
            #expect(Set(lease.grants.map(\.gpuUUID)).count == count)
            if case .mebibytes(let mib) = request.share {
                #expect(lease.grants.allSatisfy { $0.memoryBytes == mib << 20 })
            }
            #expect(lease.grants.allSatisfy { $0.isWhole == (request.share == .whole) })
        case .failure(let refusal):
            #expect(pool.free == before)
            if case .notEnough(let free) = refusal { #expect(free == before) }
            #expect(!fits(request, before))
        }
    }

    /// Whether any placement exists, said in the dullest way.
    private func fits(_ request: LeaseRequest, _ free: [FreeGPU]) -> Bool {
        free.count {
            guard let slice = request.share.slice(ofMiB: $0.gpu.memoryMiB) else {
                return $0.isUnused
            }
            return slice > 0 && slice <= $0.freeMiB
        } >= request.gpus
    }

    private func check() {
        #expect(pool.all.map(\.id).count == living.count)
        for free in pool.free {
            let grants = living.values.flatMap(\.grants).filter { $0.gpuUUID == free.gpu.uuid }
            if grants.contains(where: \.isWhole) {
                #expect(grants.count == 1)
                #expect(free.freeMiB == 0)
            } else {
                let used = grants.reduce(0) { $0 + ($1.memoryBytes >> 20) }
                #expect(used <= free.gpu.memoryMiB)
                #expect(free.freeMiB == free.gpu.memoryMiB - used)
            }
            #expect(free.isUnused == grants.isEmpty)
            #expect(pool.holders(ofGPU: free.gpu.uuid).count == grants.count)
        }
    }
}
