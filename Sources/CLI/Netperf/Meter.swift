internal import Glibc
internal import Transport
internal import Wire

/// Measures one way to a server.
struct Meter {
    let link: MeasuredLink
    let choice: TransportChoice
    /// How long each of its parts takes at least.
    let seconds: Double

    private static let patience: Int32 = 20_000
    private static let roundTripSize = 64
    /// 256 messages of 64 bytes, what a client library sends at once.
    private static let together = 16 << 10
    private static let bulk = 1 << 20

    /// All figures.
    func measure() throws(Failure) -> LinkFigures {
        let channel = try link.connect(choice)
        defer { channel.close() }
        let spinning: [UInt64]
        let blocking: [UInt64]
        let small: Double
        do throws(SocketError) {
            // Both ends and the processor's clock warm up.
            _ = try roundTrips(channel, spins: true, seconds: min(0.1, seconds))
            spinning = try roundTrips(channel, spins: true, seconds: seconds)
            blocking = try roundTrips(channel, spins: false, seconds: seconds)
            small = try Self.rate(.sink, Self.together, channel, seconds)
        } catch {
            throw Self.brokeOff(error)
        }
        return LinkFigures(
            spinning: .init(spinning),
            blocking: .init(blocking),
            messagesPerSecond: small / Double(Self.roundTripSize),
            toServer: try bandwidth(.sink),
            fromServer: try bandwidth(.source)
        )
    }

    /// Times of single round trips, in nanoseconds.
    private func roundTrips(
        _ channel: Channel,
        spins: Bool,
        seconds: Double
    ) throws(SocketError) -> [UInt64] {
        // Few at first, so that a slow network does not make it take for ever.
        var batch = 4
        let message = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.roundTripSize,
            alignment: 64
        )
        message.initializeMemory(as: UInt8.self, repeating: 1)
        defer { message.deallocate() }
        var policy = spins ? SpinPolicy(channel) : SpinPolicy(budget: 0)
        var times: [UInt64] = []
        let end = Self.now() + UInt64(seconds * 1e9)
        repeat {
            try Self.ask(
                channel,
                EchoRequest(.echo, messageSize: message.count, count: batch, spins: spins)
            )
            for _ in 0..<batch {
                let start = Self.now()
                try channel.sendAll(UnsafeRawBufferPointer(message))
                try channel.receiveAll(message, &policy, timeout: Self.patience)
                times.append(Self.now() - start)
            }
            batch = min(256, 2 * batch)
        } while Self.now() < end
        return times
    }

    /// Bytes a second over one connection and over two at once.
    private func bandwidth(_ kind: EchoRequest.Kind) throws(Failure) -> [Double] {
        var rates: [Double] = []
        for streams in 1...2 {
            var sum = 0.0
            for result in Threads.run(streams, { stream(kind) }) { sum += try result.get() }
            rates.append(sum)
        }
        return rates
    }

    /// Bytes a second over a connection of its own.
    private func stream(_ kind: EchoRequest.Kind) -> Result<Double, Failure> {
        do throws(Failure) {
            let channel = try link.connect(choice)
            defer { channel.close() }
            do throws(SocketError) {
                return .success(try Self.rate(kind, Self.bulk, channel, seconds))
            } catch {
                throw Self.brokeOff(error)
            }
        } catch {
            return .failure(error)
        }
    }

    private static func brokeOff(_ error: SocketError) -> Failure {
        let reason = error.number == 0 ? "the server closed it" : Files.reason(error.number)
        return Failure("the measurement broke off (\(reason))")
    }

    /// Bytes a second in messages of this size.
    private static func rate(
        _ kind: EchoRequest.Kind,
        _ size: Int,
        _ channel: Channel,
        _ seconds: Double
    ) throws(SocketError) -> Double {
        let message = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
        message.initializeMemory(as: UInt8.self, repeating: 1)
        defer { message.deallocate() }
        let batch = max(1, (16 << 20) / size)
        var policy = SpinPolicy(channel)
        var bytes = 0
        let start = now()
        let end = start + UInt64(seconds * 1e9)
        repeat {
            try ask(channel, EchoRequest(kind, messageSize: size, count: batch, spins: false))
            for _ in 0..<batch {
                if kind == .sink {
                    try channel.sendAll(UnsafeRawBufferPointer(message))
                } else {
                    try channel.receiveAll(message, &policy, timeout: patience)
                }
            }
            if kind == .sink {
                let count = UnsafeMutableRawBufferPointer(rebasing: message[..<8])
                try channel.receiveAll(count, &policy, timeout: patience)
                // It is no measurement if not everything came; the buffer is only ones again then.
                let received = count.load(as: UInt64.self)
                count.initializeMemory(as: UInt8.self, repeating: 1)
                guard received == UInt64(batch * size) else { throw SocketError(EPROTO, .receive) }
            }
            bytes += batch * size
        } while now() < end
        return Double(bytes) * 1e9 / Double(now() - start)
    }

    private static func ask(_ channel: Channel, _ request: EchoRequest) throws(SocketError) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: EchoRequest.size,
            alignment: 8
        )
        defer { bytes.deallocate() }
        if let base = bytes.baseAddress { request.write(to: base) }
        try channel.sendAll(UnsafeRawBufferPointer(bytes))
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Threads for what blocks: the pool of Swift's tasks may be a single one.
private enum Threads {
    private final class Job: @unchecked Sendable {
        let body: @Sendable () -> Result<Double, Failure>
        var result = Result<Double, Failure>.failure(Failure("there is no thread to measure with"))
        init(_ body: @escaping @Sendable () -> Result<Double, Failure>) { self.body = body }
    }

    /// Runs `body` so many times at once; the results.
    static func run(
        _ count: Int,
        _ body: @escaping @Sendable () -> Result<Double, Failure>
    ) -> [Result<Double, Failure>] {
        let jobs = (0..<count).map { _ in Job(body) }
        var threads: [pthread_t] = []
        for job in jobs.dropFirst() {
            var thread = pthread_t()
            let code = pthread_create(
                &thread,
                nil,
                { raw in
                    guard let raw else { return nil }
                    let job = Unmanaged<Job>.fromOpaque(raw).takeUnretainedValue()
                    job.result = job.body()
                    return nil
                },
                Unmanaged.passUnretained(job).toOpaque()
            )
            if code == 0 { threads.append(thread) }
        }
        if let first = jobs.first { first.result = first.body() }
        for thread in threads { pthread_join(thread, nil) }
        return jobs.map(\.result)
    }
}
