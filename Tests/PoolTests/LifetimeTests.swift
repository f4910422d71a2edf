import Pool
import Testing

@Suite struct LifetimeTests {
    @Test func releaseGivesEverythingBackAndIsIdempotent() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100)], grace: 1)
        let lease = try pool.lease(wish(1), id: id(1), now: at(0)).get()
        let first = pool.release(lease.id)
        #expect(first == lease)
        let second = pool.release(lease.id)
        #expect(second == nil)
        #expect(pool.free.map(\.freeMiB) == [100])
        #expect(pool.free.map(\.isUnused) == [true])
        #expect(pool.all.isEmpty)
    }

    @Test func aLeaseIDIsGrantedOnce() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100)], grace: 1)
        _ = try pool.lease(wish(1, mib: 1), id: id(1), now: at(0)).get()
        #expect(throws: Refusal.self) {
            try pool.lease(wish(1, mib: 1), id: id(1), now: at(0)).get()
        }
        #expect(pool.free.map(\.freeMiB) == [99])
    }

    @Test func silenceEndsALeaseAtTheGraceAndNotBefore() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100)], grace: 60_000)
        let lease = try pool.lease(wish(1), id: id(1), now: at(0)).get()
        let early = pool.expire(now: at(59_999))
        #expect(early.isEmpty)
        let onTime = pool.expire(now: at(60_000))
        #expect(onTime.map(\.id) == [lease.id])
        let again = pool.expire(now: at(60_000))
        #expect(again.isEmpty)
        #expect(pool[lease.id] == nil)
    }

    @Test func aHeartbeatStartsTheGraceAnew() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100)], grace: 60_000)
        let lease = try pool.lease(wish(1), id: id(1), now: at(0)).get()
        let living = pool.heartbeat(lease.id, now: at(50_000))
        #expect(living)
        let early = pool.expire(now: at(109_999))
        #expect(early.isEmpty)
        let onTime = pool.expire(now: at(110_000))
        #expect(onTime.count == 1)
        let dead = pool.heartbeat(lease.id, now: at(110_001))
        #expect(!dead)
    }

    @Test func theWallClockEndsNoLease() throws {
        var pool = Pool(gpus: [gpu(0, mib: 100)], grace: 60_000)
        _ = try pool.lease(wish(1), id: id(1), now: at(0)).get()
        let expired = pool.expire(now: Moment(uptime: 1, wall: .max))
        #expect(expired.isEmpty)
    }

    @Test func aRestoredLeaseHoldsItsGPUsWithAFreshGrace() throws {
        var old = Pool(gpus: [gpu(0, mib: 100), gpu(1, mib: 100)], grace: 60_000)
        let whole = try old.lease(wish(1), id: id(1), now: at(0)).get()
        let slice = try old.lease(wish(1, mib: 30), id: id(2), now: at(0)).get()
        var new = Pool(gpus: old.gpus, grace: 60_000)
        let wholeIsBack = new.restore(whole, now: at(500_000))
        #expect(wholeIsBack)
        let sliceIsBack = new.restore(slice, now: at(500_000))
        #expect(sliceIsBack)
        let twice = new.restore(slice, now: at(500_000))
        #expect(!twice)
        #expect(new.free.map(\.freeMiB) == [0, 70])
        let early = new.expire(now: at(559_999))
        #expect(early.isEmpty)
        let onTime = new.expire(now: at(560_000))
        #expect(onTime.count == 2)
        #expect(new.free.map(\.freeMiB) == [100, 100])
    }

    @Test func aLeaseOfAVanishedOrShrunkenGPUIsNotRestored() throws {
        var old = Pool(gpus: [gpu(0, mib: 100)], grace: 1)
        let lease = try old.lease(wish(1, mib: 80), id: id(1), now: at(0)).get()
        var vanished = Pool(gpus: [gpu(1, mib: 100)], grace: 1)
        let onVanished = vanished.restore(lease, now: at(0))
        #expect(!onVanished)
        var shrunken = Pool(gpus: [gpu(0, mib: 79)], grace: 1)
        let onShrunken = shrunken.restore(lease, now: at(0))
        #expect(!onShrunken)
        #expect(shrunken.all.isEmpty)
        #expect(shrunken.free.map(\.freeMiB) == [79])
    }
}
