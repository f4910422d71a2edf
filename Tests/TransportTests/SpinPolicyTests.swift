import Testing
import Transport

@Suite struct SpinPolicyTests {
    @Test func `one processor is never spent on looking`() {
        for transport in [Channel.Transport.tcp, .unix, .shm] {
            for side in [SpinPolicy.Side.client, .worker] {
                var policy = SpinPolicy(transport, side, processors: 1)
                #expect(policy.budget == 0)
                let spins = policy.spin()
                #expect(!spins)
            }
        }
    }

    @Test func `a worker on few processors leaves them to others`() {
        let few = SpinPolicy(.shm, .worker, processors: 2)
        #expect(few.budget < SpinPolicy(.shm, .client, processors: 2).budget)
        #expect(few.budget < SpinPolicy(.shm, .worker, processors: 4).budget)
        #expect(SpinPolicy(.tcp, .client, processors: 64).budget <= 100_000)
    }

    @Test func `looking ends, and begins anew when something has come`() {
        var policy = SpinPolicy(.shm, .client, processors: 2)
        var looks = 0
        while policy.spin() { looks += 1 }
        #expect(looks > 0)
        let afterSleeping = policy.spin()
        #expect(afterSleeping)
        policy.reset()
        let afterBytes = policy.spin()
        #expect(afterBytes)
    }
}
