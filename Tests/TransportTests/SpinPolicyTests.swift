import Testing
import Transport

@Suite struct SpinPolicyTests {
    @Test func `one processor is spent on looking for as long as a sleep costs`() {
        for transport in [Channel.Transport.tcp, .unix, .tls, .shm] {
            var policy = SpinPolicy(transport, processors: 1)
            #expect(policy.most == 20_000)
            var looks = 0
            while policy.spin() { looks += 1 }
            #expect(looks > 0)
            // Who is waited for takes longer: then no look is worth it.
            for _ in 0..<20 { policy.learn(waited: 50_000) }
            #expect(policy.budget == 0)
            policy.learn(waited: 15_000)
            #expect(policy.budget == 10_000)
        }
    }

    @Test func `looking ends, and begins anew when something has come`() {
        for transport in [Channel.Transport.tcp, .shm] {
            var policy = SpinPolicy(transport, processors: 2)
            var looks = 0
            while policy.spin() { looks += 1 }
            #expect(looks > 0)
            let withoutBytes = policy.spin()
            #expect(!withoutBytes)
            policy.reset()
            let afterBytes = policy.spin()
            #expect(afterBytes)
        }
    }

    @Test func `long waits end the looking`() {
        var policy = SpinPolicy(.tcp, processors: 4)
        #expect(policy.budget == policy.most)
        for _ in 0..<64 { policy.learn(waited: 5_000_000) }
        #expect(policy.budget == 0)
        let spins = policy.spin()
        #expect(!spins)
    }

    @Test func `sleeps that were not worth it bring the looking back`() {
        var policy = SpinPolicy(.tcp, processors: 4)
        for _ in 0..<64 { policy.learn(waited: 5_000_000) }
        policy.reset()
        policy.learn(waited: policy.most)
        #expect(policy.budget > 0)
        let spins = policy.spin()
        #expect(spins)
        for _ in 0..<64 { policy.learn(waited: policy.most) }
        #expect(policy.budget == policy.most)
    }

    @Test func `at most a hundred microseconds are spent on looking`() {
        for processors in [2, 4, 64] {
            #expect(SpinPolicy(.tcp, processors: processors).most <= 100_000)
        }
    }

    @Test func `an emulated link is always watched for as long`() {
        var policy = SpinPolicy(.tcp, processors: 2, isEmulated: true)
        for _ in 0..<64 { policy.learn(waited: 5_000_000) }
        #expect(policy.budget == 1_000_000)
    }
}
