import Client
import Testing

@Suite struct QuietTimeTests {
    @Test func `looks become rarer in a long run`() {
        var quiet = QuietTime(now: 1_000_000_000, roundTrips: 7)
        var looks = 0
        var now: UInt64 = 1_000_000_000
        var last: UInt64 = 0
        while now < 1_005_000_000 {
            let next = quiet.next(now: now, roundTrips: 7, isIdle: false)
            #expect(next >= last && (QuietTime.shortest...QuietTime.longest).contains(next))
            // What waits at a synchronisation now is no more than a 16th of the run, or the least.
            #expect(next == QuietTime.shortest || next <= (now - 1_000_000_000) / 16)
            last = next
            now += next
            looks += 1
        }
        #expect(last == QuietTime.longest)
        #expect((40...60).contains(looks))
    }

    @Test func `a wait or a pause begins a new run`() {
        var quiet = QuietTime(now: 0, roundTrips: 0)
        #expect(quiet.next(now: 10_000_000, roundTrips: 0, isIdle: false) == QuietTime.longest)
        #expect(quiet.next(now: 10_100_000, roundTrips: 1, isIdle: false) == QuietTime.shortest)
        #expect(quiet.next(now: 30_000_000, roundTrips: 1, isIdle: false) == QuietTime.longest)
        #expect(quiet.next(now: 30_100_000, roundTrips: 1, isIdle: true) == QuietTime.shortest)
        #expect(quiet.next(now: 30_200_000, roundTrips: 1, isIdle: false) == QuietTime.shortest)
    }
}
